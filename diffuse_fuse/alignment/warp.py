"""Bring the infrared picture onto the visible one, and fill what its camera did not see."""

from __future__ import annotations

import cv2
import numpy as np

from diffuse_fuse.alignment.transform import Transform
from diffuse_fuse.images.arrays import to_bytes, to_uint8_grey, to_uint8_rgb

_SEAM = 0.04  # of the shorter side: over this distance inside the frame the infrared picture fades in
_NARROWEST_SEAM = 4.0  # pixels


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
    luma = to_uint8_grey(to_uint8_rgb(vis)).astype(np.float32) / np.float32(255)
    unit = moved.astype(np.float32) / np.float32(255) if ir.dtype == np.uint8 else moved
    filled = weight * unit + (1 - weight) * luma
    return to_bytes(filled) if ir.dtype == np.uint8 else filled.astype(ir.dtype)


def coverage(shape: tuple[int, int], transform: Transform) -> np.ndarray:
    """float32 H×W: 0 where the infrared camera saw nothing, 1 well inside its frame, and a smooth step between.

    Sides at which the frame covers the visible one have no seam.
    """
    w, h = transform.size
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(np.ones(shape, np.uint8), transform.matrix, (w, h), flags=flags)
    if seen.all():
        return np.ones((h, w), np.float32)
    seam = max(_NARROWEST_SEAM, _SEAM * min(w, h))
    distance = cv2.distanceTransform(seen, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    step = np.clip((distance - 1) / np.float32(seam), 0, 1)
    return step * step * (3 - 2 * step)
