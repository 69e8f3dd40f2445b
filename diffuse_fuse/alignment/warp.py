"""Bring the infrared picture onto the visible one, and fill what its camera did not see."""

from __future__ import annotations

import cv2
import numpy as np

from diffuse_fuse.alignment.transform import Transform
from diffuse_fuse.images.seam import seam, with_visible


def warp_infrared(ir: np.ndarray, vis: np.ndarray, transform: Transform) -> np.ndarray:
    """The infrared picture H×W as the visible camera would have seen it, in its own dtype (uint8, or float in [0, 1]).

    Where the infrared camera saw nothing, the visible picture's luma stands in, so that the fusion has nothing to
    add there; over a seam inside the frame one goes over into the other. Bilinear.
    """
    size = (vis.shape[1], vis.shape[0])
    matrix = transform.at_size(size).matrix
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(ir, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    weight = coverage(ir.shape[:2], transform.at_size(size))
    if weight.min() >= 1:
        return moved
    return with_visible(moved, vis, weight)


def warp_holes(holes: np.ndarray, transform: Transform) -> np.ndarray:
    """Holes of an infrared picture, bool H×W, moved along with it; none outside its frame."""
    h, w = holes.shape
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    matrix = transform.at_size((w, h)).matrix
    return cv2.warpPerspective(holes.astype(np.uint8), matrix, (w, h), flags=flags).astype(bool)


def coverage(shape: tuple[int, int], transform: Transform) -> np.ndarray:
    """float32 H×W: 0 where the infrared camera saw nothing, 1 well inside its frame, and a smooth step between.

    Sides at which the frame covers the visible one have no seam.
    """
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return seam(cv2.warpPerspective(np.ones(shape, np.uint8), transform.matrix, transform.size, flags=flags))
