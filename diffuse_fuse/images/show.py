"""A fused picture beside its sources, or in turn with them: for a look."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from diffuse_fuse.errors import ImageError, ImageWriteError
from diffuse_fuse.images.arrays import to_uint8_rgb
from diffuse_fuse.images.write import write_bytes

_LONGEST_GIF_SIDE = 0xFFFF
_MARK = b"dfuse: visible, infrared and fused in turn"  # the comment in a GIF
_SECONDS = 0.7  # a frame; long enough to find a detail, short enough to see it come and go


def side_by_side(ir: np.ndarray, vis: np.ndarray, fused: np.ndarray) -> np.ndarray:
    """Infrared (as grey) | visible | fused, with thin white lines between them: H×(3 W + 2 lines)×3.

    ir H×W, vis H×W×3 or H×W, fused H×W×3 or H×W, each uint8, uint16, or float in [0, 1]; the result has the dtype of
    ``fused``. Raises ImageError for arrays of different sizes or kinds.
    """
    height, width = fused.shape[:2]
    if ir.shape[:2] != (height, width) or vis.shape[:2] != (height, width):
        sizes = ", ".join(f"{array.shape[1]}×{array.shape[0]}" for array in (ir, vis, fused))
        raise ImageError(f"Only pictures of one size go side by side, not {sizes}.")
    top = np.iinfo(fused.dtype).max
    line = np.full((height, max(1, width // 160), 3), top, fused.dtype)
    pictures = [_in_colour(array, fused.dtype) for array in (ir, vis, fused)]
    return np.hstack([pictures[0], line, pictures[1], line, pictures[2]])


def write_gif(path: str | os.PathLike[str], frames: Sequence[np.ndarray], seconds: float = _SECONDS) -> None:
    """Write an endless GIF of ``frames``, each shown for ``seconds``; whole or not at all, always the same bytes.

    Frames are H×W×3 or H×W of one size, uint8, uint16, or float in [0, 1]. Each gets the 256 colours that suit it,
    without dithering, so that nothing but the scene moves. Raises ImageError for frames of different sizes or none,
    ImageWriteError as ``write_image`` does.
    """
    path = Path(path)
    if not frames or len({frame.shape[:2] for frame in frames}) > 1:
        raise ImageError("A GIF needs at least one frame, and all of one size.")
    if max(frames[0].shape[:2]) > _LONGEST_GIF_SIDE:
        height, width = frames[0].shape[:2]
        raise ImageWriteError(f"{path}: a picture of {width}×{height} pixels cannot be stored as GIF.")
    pictures = [_with_palette(to_uint8_rgb(frame, "frame")) for frame in frames]
    stream = io.BytesIO()
    pictures[0].save(
        *(stream, "GIF"), save_all=True, append_images=pictures[1:], duration=round(seconds * 1000), loop=0,
        optimize=False, comment=_MARK,
    )  # fmt: skip
    write_bytes(path, stream.getvalue())


def is_own_gif(path: str | os.PathLike[str]) -> bool:
    """True for a file that ``write_gif`` wrote, as its comment says."""
    try:
        with Image.open(path, formats=["GIF"]) as gif:
            return gif.info.get("comment") == _MARK
    except (OSError, ValueError, SyntaxError, EOFError):
        return False


def _with_palette(rgb: np.ndarray) -> Image.Image:
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2]):
        return Image.fromarray(np.ascontiguousarray(rgb[..., 0]))  # all greys there are
    return Image.fromarray(rgb).quantize(256, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)


def _in_colour(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """H×W or H×W×3 of any accepted kind → H×W×3 of ``dtype``, uint8 or uint16."""
    if array.dtype != dtype:
        top = np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1
        unit = np.clip(array.astype(np.float64) / top, 0, 1)
        array = np.rint(unit * np.iinfo(dtype).max).astype(dtype)
    return np.repeat(array[..., None], 3, axis=2) if array.ndim == 2 else array
