"""Bring the infrared picture onto the visible one, and fill what its camera did not see."""

from __future__ import annotations

import cv2
import numpy as np

from diffuse_fuse.alignment.transform import Transform
from diffuse_fuse.images.seam import seam, with_visible


def warp_infrared(ir: np.ndarray, vis: np.ndarray, transform: Transform, holes: np.ndarray | None = None) -> np.ndarray:
    """The infrared picture H×W as the visible camera would have seen it, in its own dtype (uint8, or float in [0, 1]).

    Where the infrared camera saw nothing, the visible picture's luma stands in, so that the fusion has nothing to
    add there; over a seam inside the frame one goes over into the other. ``holes``: bool H×W, where it measured nothing
    inside its frame. Bilinear.
    """
    size = (vis.shape[1], vis.shape[0])
    matrix = transform.at_size(size).matrix
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(ir, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    weight = coverage(ir.shape[:2], transform.at_size(size), holes)
    if weight.min() >= 1:
        return moved
    return with_visible(moved, vis, weight)


def coverage(shape: tuple[int, int], transform: Transform, holes: np.ndarray | None = None) -> np.ndarray:
    """float32 H×W: 0 where the infrared camera saw nothing, 1 well inside its frame, and a smooth step between.

    Sides at which the frame covers the visible one have no seam. ``holes``: bool of the shape, without a measurement.
    """
    return seam(seen_part(shape, transform, holes))


def seen_part(shape: tuple[int, int], transform: Transform, holes: np.ndarray | None = None) -> np.ndarray:
    """uint8 H×W: 1 where the infrared camera measured something, once its picture has been moved."""
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    whole = np.ones(shape, np.uint8) if holes is None else (~holes).astype(np.uint8)
    return cv2.warpPerspective(whole, transform.matrix, transform.size, flags=flags)
