"""What a caller gives as a pair, paths or arrays → two arrays of one size."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from diffuse_fuse.errors import ImageError, UsageError
from diffuse_fuse.images import seam
from diffuse_fuse.images.arrays import require_picture, stretch_counts, to_one_channel
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.load import match_sizes
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.thermal import read_thermal, to_unit
from diffuse_fuse.images.thermal.holes import filled, large

MINIMUM_SIZE = 16  # pixels; smaller pictures have no features at the coarsest level

# arrays and what NumPy makes one of: pictures of Pillow, tensors on the CPU, nested lists
Given = np.ndarray | str | os.PathLike[str] | Any


def given_pair(ir: Given, vis: Given) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, str | None]:
    """The pair as arrays of the visible one's size, read where paths are given; the holes of the infrared one, bool
    H×W, or None; and a warning if one was resized or the infrared file has holes.

    Raises ImageReadError, PairError for sizes that do not belong together, ImageError for pictures that are too small.
    """
    ir_array, holes, said = _infrared(ir)
    vis_array = read_visible(vis, deep=True) if _is_path(vis) else _array(vis, "visible")
    ir_array, resized = match_sizes(ir_array, vis_array)
    holes = seam.at_size(holes, vis_array.shape[:2])
    height, width = vis_array.shape[:2]
    if min(height, width) < MINIMUM_SIZE:
        raise ImageError(
            f"the pictures have {width}×{height} pixels: at least {MINIMUM_SIZE}×{MINIMUM_SIZE} are needed"
        )
    return ir_array, vis_array, holes, " ".join(text for text in (said, resized) if text) or None


def _infrared(given: Given) -> tuple[np.ndarray, np.ndarray | None, str | None]:
    """The infrared picture, filled where it has holes; those that are large enough to be seen, bool H×W; a warning.

    What a masked array of NumPy masks is a hole.
    """
    if _is_path(given):
        thermal = read_thermal(read_bytes(given), given)
        said = None if thermal.holes is None else thermal.warnings[-1]
        return to_unit(thermal), thermal.wide_holes(), said
    if not isinstance(given, np.ma.MaskedArray):
        return _array(given, "infrared"), None, None
    hidden = np.ma.getmaskarray(given)
    hidden = hidden.any(axis=2) if hidden.ndim == 3 else hidden
    array = to_one_channel(require_picture(given.data, "infrared"))
    if hidden.all():
        raise ImageError("The infrared array is masked everywhere: nothing is left to fuse.")
    if not hidden.any():
        return array, None, None
    clean = filled(array, hidden)
    if clean.dtype == np.uint16:  # of what was measured, not of what fills the holes
        clean = stretch_counts(clean, array[~hidden])
    wide = large(hidden)
    return clean, wide if wide.any() else None, None


def _is_path(given: Given) -> bool:
    return isinstance(given, (str, os.PathLike))


def _array(given: Any, name: str) -> np.ndarray:
    """What is no path as an array: NumPy's, a picture of Pillow, a tensor on the CPU, nested lists of levels."""
    if isinstance(given, np.ndarray):
        return require_picture(given, name)
    mode = getattr(given, "mode", None)
    if mode in ("P", "1", "CMYK", "YCbCr", "HSV", "LAB"):
        raise ImageError(f'The {name} picture has Pillow\'s mode {mode}: give image.convert("RGB") or convert("L").')
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors on a GPU or with gradients
        raise ImageError(
            f"The {name} picture is a {type(given).__name__} that is no array ({error}): give a NumPy array, a "
            "path, or a tensor by tensor.detach().cpu().numpy()."
        ) from None
    if (
        isinstance(given, (list, tuple))
        and array.dtype.kind in "iu"
        and array.size
        and 0 <= array.min() <= array.max() < 256
    ):
        array = array.astype(np.uint8)
    return require_picture(array, name)


def require_depth(depth: int) -> None:
    """Raise UsageError unless a fused picture can have so many bits a channel."""
    if depth not in (8, 16):
        raise UsageError(f"A fused picture has 8 or 16 bits a channel, not {depth}.")
