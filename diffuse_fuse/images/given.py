"""What a caller gives as a pair, paths or arrays → two arrays of one size."""

from __future__ import annotations

import os
from typing import Any, TypeGuard

import numpy as np

from diffuse_fuse.arguments import whole
from diffuse_fuse.errors import ImageError, UsageError
from diffuse_fuse.images.arrays import require_picture, stretch_counts, to_one_channel
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.enlarging import Enlarger
from diffuse_fuse.images.load import load_infrared, load_pair, together
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.thermal.holes import filled, large
from diffuse_fuse.images.visible import Visible, load_visible

MINIMUM_SIZE = 16  # pixels; smaller pictures have no features at the coarsest level

# arrays and what NumPy makes one of: pictures of Pillow, tensors on the CPU, nested lists
Given = np.ndarray | str | os.PathLike[str] | Any


def given_pair(
    ir: Given, vis: Given | None = None, enlarge: str | Enlarger | None = "auto"
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """The pair as arrays of the visible one's size, read as ``dfuse fuse`` reads paths; the holes of the infrared one,
    bool H×W, or None; and what is odd: sentences.

    ``enlarge`` is that of ``LoadOptions``. Without ``vis``, or with the same path twice, both are the pictures inside a
    radiometric JPEG. Raises UsageError for an array alone, ImageReadError for a file, PairError for sizes that do not
    belong together, ImageError for pictures that are too small.
    """
    if vis is None:
        if not _is_path(ir):
            raise UsageError("The visible picture is missing: only the path of a radiometric JPEG may stand alone.")
        vis = ir
    options = LoadOptions(enlarge=enlarge)
    if _is_path(ir) and _is_path(vis):
        pair = load_pair(ir, vis, options)
        ir_array, vis_array, holes, odd = pair.ir, pair.vis, pair.holes, pair.warnings
    else:
        ir_array, holes, odd = load_infrared(ir) if _is_path(ir) else (*_infrared_array(ir), ())
        seen = load_visible(read_bytes(vis), vis) if _is_path(vis) else _given(_array(vis, "visible"))
        ir_array, vis_array, holes, resized = together(ir_array, seen, options, holes)
        odd = (*odd, *seen.warnings, *resized)
    height, width = vis_array.shape[:2]
    if min(height, width) < MINIMUM_SIZE:
        raise ImageError(
            f"the pictures have {width}×{height} pixels: at least {MINIMUM_SIZE}×{MINIMUM_SIZE} are needed"
        )
    return ir_array, vis_array, holes, odd


def _given(array: np.ndarray) -> Visible:
    return Visible(array, array)


def _infrared_array(given: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """An infrared array, filled where it has holes, and those that are large enough to be seen, bool H×W.

    What a masked array of NumPy masks is a hole.
    """
    if not isinstance(given, np.ma.MaskedArray):
        return _array(given, "infrared"), None
    hidden: np.ndarray = np.ma.getmaskarray(given)
    hidden = np.any(hidden, axis=2) if hidden.ndim == 3 else hidden
    array = to_one_channel(require_picture(given.data, "infrared"))
    if hidden.all():
        raise ImageError("The infrared array is masked everywhere: nothing is left to fuse.")
    if not hidden.any():
        return array, None
    clean = filled(array, hidden)
    if clean.dtype == np.uint16:  # of what was measured, not of what fills the holes
        clean = stretch_counts(clean, array[~hidden])
    wide = large(hidden)
    return clean, wide if wide.any() else None


def _is_path(given: Given) -> TypeGuard[str | os.PathLike[str]]:
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
            f"The {name} picture is a {type(given).__name__} that is not an array ({error}): give a NumPy array, a "
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
    if whole(depth, "The depth of a fused picture") not in (8, 16):
        raise UsageError(f"A fused picture has 8 or 16 bits a channel, not {depth}.")
