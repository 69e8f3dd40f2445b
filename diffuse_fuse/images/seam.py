"""Where the infrared camera saw nothing, the visible picture stands in; a seam leads from one to the other."""

from __future__ import annotations

import cv2
import numpy as np

from diffuse_fuse.images.arrays import to_bytes, to_deep_rgb, to_uint8_grey, to_uint8_rgb

_SEAM = 0.04  # of the shorter side: over this distance inside the frame the infrared picture fades in
_NARROWEST_SEAM = 4.0  # pixels


def seam(seen: np.ndarray) -> np.ndarray:
    """uint8 or bool H×W, 0 where nothing was seen → float32 H×W: 0 there, 1 well inside, and a smooth step between."""
    if seen.all():
        return np.ones(seen.shape, np.float32)
    width = max(_NARROWEST_SEAM, _SEAM * min(seen.shape))
    distance = cv2.distanceTransform(seen.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    step = np.clip((distance - 1) / np.float32(width), 0, 1)
    return step * step * (3 - 2 * step)


def at_size(holes: np.ndarray | None, size: tuple[int, int]) -> np.ndarray | None:
    """Holes, bool H×W, brought to another size (H, W)."""
    if holes is None or holes.shape == size:
        return holes
    shrinks = holes.size > size[0] * size[1]
    flags = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(holes.astype(np.float32), size[::-1], interpolation=flags) > 0.499


def over_holes(fused: np.ndarray, vis: np.ndarray, holes: np.ndarray | None) -> np.ndarray:
    """A fused picture H×W×3, uint8 or uint16, with the visible one H×W×3 in the holes, bool H×W, and a seam around.

    The network has seen an infrared picture that goes on there as it is around, so it draws no edge, and whatever it
    made of that gives way to what was seen. Without holes the picture itself.
    """
    if holes is None or not holes.any():
        return fused
    if fused.dtype == np.uint8:
        shown = to_uint8_rgb(vis)
    else:
        shown = to_deep_rgb(vis)
        shown = shown.astype(np.uint16) * 257 if shown.dtype == np.uint8 else shown
    weight = seam(~holes)[..., None]
    return np.rint(weight * fused + (1 - weight) * shown).astype(fused.dtype)


def with_visible(ir: np.ndarray, vis: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """ir H×W (uint8, or float in [0, 1]) where ``weight`` H×W is 1, the luma of vis H×W×3 where it is 0; ir's dtype.

    So a fusion has nothing to add where the infrared camera saw nothing.
    """
    if weight.min() >= 1:
        return ir
    luma = to_uint8_grey(to_uint8_rgb(vis)).astype(np.float32) / np.float32(255)
    unit = ir.astype(np.float32) / np.float32(255) if ir.dtype == np.uint8 else ir
    filled = weight * unit + (1 - weight) * luma
    return to_bytes(filled) if ir.dtype == np.uint8 else filled.astype(ir.dtype)


def measured_part(holes: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the largest rectangle without holes, bool H×W; of the whole where there is none.

    Its sides are right to a hundredth of the picture's, on the inner side.
    """
    height, width = holes.shape
    step = max(1, min(height, width) // 100)
    rows, columns = -(-height // step), -(-width // step)
    padded = np.zeros((rows * step, columns * step), bool)
    padded[:height, :width] = holes
    blocks = np.any(padded.reshape(rows, step, columns, step), axis=(1, 3))
    best, found = 0, (slice(0, rows), slice(0, columns))
    above = np.zeros(columns, int)  # free blocks above and with this row
    for row in range(rows):
        above = np.where(blocks[row], 0, above + 1)
        stack: list[tuple[int, int]] = []  # (first column, height), heights growing
        for column, free in enumerate([*above, 0]):
            start = column
            while stack and stack[-1][1] >= free:
                start, tall = stack.pop()
                if tall * (column - start) > best:
                    best = tall * (column - start)
                    found = (slice(row + 1 - tall, row + 1), slice(start, column))
            stack.append((start, int(free)))
    top, left = (part.start * step for part in found)
    bottom, right = (min(part.stop * step, side) for part, side in zip(found, (height, width), strict=True))
    return slice(top, bottom), slice(left, right)
