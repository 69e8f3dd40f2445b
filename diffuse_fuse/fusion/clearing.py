"""Clearing: fine detail of the infrared picture is sharpened where it stands out of the noise, and what may be noise is
held back.

By night the fused picture shows the infrared picture as it is, with the grain and the grid of its sensor, and softer
than a visible picture would be. That is unsharp masking with a dead zone: the noise of the picture as a whole says what
stands out, and strong edges gain no more than weak ones, so that no rims grow around them.
"""

from __future__ import annotations

import cv2
import numpy as np

_FINE = 1.0  # sigma, in pixels, of the Gaussian that parts fine detail from the rest
_REACH = 4  # pixels that it looks to each side
_SHARPEN = 0.5  # of detail beyond the noise that is added once more
_MOST = 12.0  # levels of detail from which on nothing more is added
_HOLD_BACK = 0.4  # of what may be noise
_NOISY = 2.0  # times the picture's noise: up to there detail may be noise
_PORTION = 1 << 17  # pixels that are made at once


def cleared(ir: np.ndarray, noise: float, amount: float) -> np.ndarray:
    """``ir``, H×W, uint8 or float32 in [0, 1], with its fine detail cleared; the same type.

    ``noise``: the mean absolute value of its noise, in [0, 1]. ``amount``: how far, 0 to 1; with 0 the array itself.
    """
    if amount <= 0:
        return ir
    out = np.empty_like(ir)
    height, width = ir.shape
    rows = max(1, _PORTION // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        above = min(_REACH, top)
        part = ir[top - above : bottom + _REACH]
        out[top:bottom] = _part(part, np.float32(_NOISY * 255 * noise), amount)[above : above + bottom - top]
    return out


def _part(ir: np.ndarray, noisy: np.float32, amount: float) -> np.ndarray:
    """Some rows, and as many around them as the Gaussian reaches, which come out otherwise."""
    is_bytes = ir.dtype == np.uint8
    levels = ir.astype(np.float32) if is_bytes else ir * np.float32(255)
    side = 2 * _REACH + 1
    detail = cv2.subtract(levels, cv2.GaussianBlur(levels, (side, side), _FINE, borderType=cv2.BORDER_REPLICATE))
    noise = _limited(detail, noisy)
    stands_out = cv2.subtract(_limited(detail, _MOST + noisy), noise, dst=detail)
    more = cv2.addWeighted(stands_out, amount * _SHARPEN, noise, -amount * _HOLD_BACK, 0, dst=noise)
    levels = cv2.add(levels, more, dst=levels)
    if is_bytes:
        return cv2.add(levels, 0.0, dtype=cv2.CV_8U)  # rounds and cuts off
    return np.clip(levels * np.float32(1 / 255), 0, 1)


def _limited(x: np.ndarray, most: float) -> np.ndarray:
    return cv2.min(cv2.max(x, -float(most)), float(most))
