"""Do the parts of a picture agree with a transform? The answer for the whole is only worth what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from diffuse_fuse.alignment.pyramid import Level
from diffuse_fuse.alignment.transform import Transform, resample

WINDOW = 80  # pixels a side: large enough for several edges
REACH = 16  # pixels that a window may lie off
NEAR = 4.0  # pixels within which a window agrees
_MINIMUM_EDGES = 0.25  # of the median window's edge energy: with less, a window has nothing to say


@dataclass(frozen=True)
class Agreement:
    """``share``: of the windows, weighted by their edges, that match best within ``NEAR`` pixels of the transform;
    ``residual``: the weighted median distance in pixels of their best matches; ``windows``: how many there are."""

    share: float
    residual: float
    windows: int = 0


def agreement(level: Level, transform: Transform) -> Agreement:
    """How well windows of the picture, each matched by itself, agree with a transform of the level's size.

    A window's best match among (2·REACH + 1)² shifts lies within ``NEAR`` by chance for one in twenty.
    """
    moved = resample(level.ir, transform.matrix, level.size)
    w, h = level.size
    found = []
    for top, bottom in _windows(h):
        for left, right in _windows(w):
            window = np.s_[top:bottom, left:right]
            found.append(_best_match(moved[window], level.vis[window]))
    distances, weights = (np.array(part) for part in zip(*found, strict=True))
    weights[weights < _MINIMUM_EDGES * np.median(weights)] = 0
    total = weights.sum()
    if not total > 0:
        return Agreement(0.0, float("inf"), len(weights))
    order = np.argsort(distances, kind="stable")
    middle = np.searchsorted(np.cumsum(weights[order]), total / 2)
    share = float(weights[distances <= NEAR].sum() / total)
    return Agreement(share, float(distances[order][min(middle, len(order) - 1)]), len(weights))


def _windows(length: int) -> list[tuple[int, int]]:
    """Windows that cover a side and overlap by a fifth; one, if the side is shorter."""
    count = max(1, round(1.25 * length / WINDOW))
    starts = np.rint(np.linspace(0, max(0, length - WINDOW), count)).astype(int)
    return [(int(start), int(min(length, start + WINDOW))) for start in starts]


def _best_match(ir: np.ndarray, vis: np.ndarray) -> tuple[float, float]:
    """Distance in pixels of the best shift between two windows h×w×4, and the energy of the fainter one's edges.

    Descriptors are centred first: else the shift with the largest overlap would win, which is none.
    """
    common = ir[..., 3:] * vis[..., 3:]
    if common.mean() < 0.5:
        return float("inf"), 0.0
    a, b = (_centred(x[..., :3], common) for x in (ir, vis))
    shape = tuple(scipy.fft.next_fast_len(side + REACH, real=True) for side in vis.shape[:2])
    spectra = [scipy.fft.rfft2(x, shape, axes=(0, 1)) for x in (a, b)]
    scores = scipy.fft.irfft2(np.einsum("hwc,hwc->hw", spectra[0], np.conj(spectra[1])), shape)
    scores = np.roll(scores, (REACH, REACH), axis=(0, 1))[: 2 * REACH + 1, : 2 * REACH + 1]
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    dy, dx = row - REACH + _vertex(scores[:, column], row), column - REACH + _vertex(scores[row], column)
    energy = np.sqrt(float(np.vdot(a, a)) * float(np.vdot(b, b)))
    return float(np.hypot(dx, dy)), energy


def _centred(channels: np.ndarray, common: np.ndarray) -> np.ndarray:
    return (channels - np.einsum("hwc,hwo->c", channels, common) / common.sum()) * common


def _vertex(scores: np.ndarray, peak: int) -> float:
    """Where between its neighbours a peak lies, in [-0.5, 0.5]: the vertex of a parabola through the three."""
    if not 0 < peak < len(scores) - 1:
        return 0.0
    left, middle, right = (float(score) for score in scores[peak - 1 : peak + 2])
    curvature = left - 2 * middle + right
    return 0.5 * (left - right) / curvature if curvature < 0 else 0.0
