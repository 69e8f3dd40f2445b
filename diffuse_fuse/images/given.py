"""What a caller gives as a pair, paths or arrays → two arrays of one size."""

from __future__ import annotations

import os

import numpy as np

from diffuse_fuse.errors import ImageError, UsageError
from diffuse_fuse.images.load import match_sizes
from diffuse_fuse.images.read import read_infrared, read_visible

MINIMUM_SIZE = 16  # pixels; smaller pictures have no features at the coarsest level

Given = np.ndarray | str | os.PathLike[str]


def given_pair(ir: Given, vis: Given) -> tuple[np.ndarray, np.ndarray, str | None]:
    """The pair as arrays of the visible one's size, read where paths are given, and a warning if one was resized.

    Raises ImageReadError, PairError for sizes that do not belong together, ImageError for pictures that are too small.
    """
    ir_array = ir if isinstance(ir, np.ndarray) else read_infrared(ir)
    vis_array = vis if isinstance(vis, np.ndarray) else read_visible(vis, deep=True)
    ir_array, resized = match_sizes(ir_array, vis_array)
    height, width = vis_array.shape[:2]
    if min(height, width) < MINIMUM_SIZE:
        raise ImageError(
            f"the pictures have {width}×{height} pixels: at least {MINIMUM_SIZE}×{MINIMUM_SIZE} are needed"
        )
    return ir_array, vis_array, resized


def require_depth(depth: int) -> None:
    """Raise UsageError unless a fused picture can have so many bits a channel."""
    if depth not in (8, 16):
        raise UsageError(f"A fused picture has 8 or 16 bits a channel, not {depth}.")
