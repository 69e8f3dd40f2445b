"""What an infrared and a visible picture of one scene have in common: where edges are and how they run.

Brightness says nothing across modalities and the sign of an edge little; so each pixel gets the local mean of the
gradient's *orientation*, without sign and almost without contrast.
"""

from __future__ import annotations

import cv2
import numpy as np

_SMALLEST = 1e-12
_FAINTEST = 1e-7  # gradient: a thousandth of a 16-bit level a pixel is no edge
_FLOOR = 0.3  # of the mean edge strength: where edges are much weaker than that, their orientation is noise
_BLACK = 2 / 255  # an empty border is still black after JPEG
NOISE_SIGMA, WINDOW_SIGMA = 1.0, 2.0  # pixels at each level of the pyramid; chosen on RoadScene's training pairs
REACH = 5  # pixels around an edge in which the descriptor feels it


def describe(grey: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Grey float32 H×W -> float32 H×W×4: the orientation descriptor, and 1 where it is valid, else 0 and a zero vector.

    The first three channels are the gradient's double angle (cos 2θ, sin 2θ; Bigün & Granlund 1987) weighted by its
    magnitude, and the magnitude, averaged over a Gaussian window and divided by their norm, much like the channels
    of CFOG (Ye et al., IEEE TGRS 2019) in their lowest Fourier terms. ``valid``: bool H×W, default everywhere.
    """
    smooth = cv2.GaussianBlur(grey, (0, 0), NOISE_SIGMA)
    gx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
    gy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    magnitude = np.hypot(gx, gy) + np.float32(_SMALLEST)
    channels = np.dstack([(gx * gx - gy * gy) / magnitude, 2 * gx * gy / magnitude, magnitude])
    channels = cv2.GaussianBlur(channels, (0, 0), WINDOW_SIGMA)
    norm = np.sqrt((channels**2).sum(axis=-1))
    norm += np.float32(_FLOOR) * norm.mean() + np.float32(_FAINTEST)
    mask = np.ones(grey.shape, np.float32) if valid is None else _shrink(valid)
    return np.dstack([channels * (mask / norm)[..., None], mask])


def inside_frame(grey: np.ndarray) -> np.ndarray:
    """bool H×W: the convex hull of everything that is not black.

    A picture that was warped before has black wedges at its sides, whose edges belong to no scene. A black sky
    touches the hull's border in few places and stays inside it.
    """
    bright = cv2.morphologyEx((grey > _BLACK).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if bright.all() or not bright.any():
        return np.ones(grey.shape, bool)
    hull = cv2.convexHull(cv2.findNonZero(bright))
    return cv2.fillConvexPoly(np.zeros_like(bright), hull, 1).astype(bool)


def _shrink(valid: np.ndarray) -> np.ndarray:
    """The mask as float32 without the pixels whose descriptor feels what is invalid; picture borders stay."""
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    return cv2.erode(valid.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1).astype(np.float32)
