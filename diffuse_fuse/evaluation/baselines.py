"""What every method has to beat: three fusions without any method.

The luma is fused and the chroma of the visible picture kept, through YCbCr (ITU-R BT.601, full range), as most
authors of this field colour their results. In float64, rounded once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_R, _G, _B = 0.299, 0.587, 0.114


def visible(ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
    """The visible picture as it is."""
    return vis


def average(ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
    """Y = (infrared + luma) / 2."""
    y = _luma(vis)
    return _with_luma(vis, y, (ir.astype(np.float64) + y) / 2)


def maximum(ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
    """Y = max(infrared, luma)."""
    y = _luma(vis)
    return _with_luma(vis, y, np.maximum(ir, y))


# Each takes ir uint8 H×W and vis uint8 H×W×3 RGB, and returns uint8 H×W×3 RGB.
BASELINES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "visible": visible,
    "average": average,
    "max": maximum,
}


def _luma(vis: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 → float64 H×W."""
    vis = vis.astype(np.float64)
    return _R * vis[..., 0] + _G * vis[..., 1] + _B * vis[..., 2]


def _with_luma(vis: np.ndarray, y: np.ndarray, fused: np.ndarray) -> np.ndarray:
    """Luma ``fused`` with Cb and Cr of ``vis``, whose luma is ``y``; rounded and clipped to uint8.

    The three-digit constants are those that most fusion code copies from OpenCV's manual, and the offset of 128 is
    added and taken away again as there: an average ends in .5 at every other pixel, and such details decide which way
    it is rounded. The result agrees with published baselines to the last digit.
    """
    cb = 0.564 * (vis[..., 2] - y) + 128 - 128.0
    cr = 0.713 * (vis[..., 0] - y) + 128 - 128.0
    rgb = np.stack([fused + 1.403 * cr, fused - 0.344 * cb - 0.714 * cr, fused + 1.773 * cb], axis=-1)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
