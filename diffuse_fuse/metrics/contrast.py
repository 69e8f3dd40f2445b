"""Contrast of the fused picture: SD, SF, AG by itself, Qsf against that of the sources."""

from __future__ import annotations

import math

import numpy as np

from diffuse_fuse.metrics.bands import Band, total
from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.counts import levels
from diffuse_fuse.metrics.metric import Metric

_LEVELS = np.arange(256)
_PIXELS = 1 << 18  # looked at at once
# two views whose difference is that along a direction, and the direction's weight: a diagonal step is √2 long
_DIRECTIONS = (
    (np.s_[:, 1:], np.s_[:, :-1], 1.0),
    (np.s_[1:], np.s_[:-1], 1.0),
    (np.s_[1:, 1:], np.s_[:-1, :-1], 0.5**0.5),
    (np.s_[1:, :-1], np.s_[:-1, 1:], 0.5**0.5),
)


def sd(t: Triple) -> float:
    """Standard deviation of the fused grey values in 0…255 (Rao 1997): SD = √mean (F − mean F)²."""
    return math.sqrt(np.average((_LEVELS - _mean(t)) ** 2, weights=t.once(levels)[2]))


def sf(t: Triple) -> float:
    """Spatial frequency of the fused luma in 0…255 (Eskicioglu 1995): √(RF² + CF²), means over differences."""
    fused = t.fused
    return math.sqrt(_mean_square(fused[1:], fused[:-1]) + _mean_square(fused[:, 1:], fused[:, :-1]))


def qsf(t: Triple) -> float:
    """Ratio of spatial frequency error, above −1 (Zheng 2007): (SF(F) − SF_R)/SF_R, in four directions.

    SF_R is of the larger absolute difference of both sources at each pixel and direction. NaN where that is 0.
    """
    wanted = _frequency(t.ir, t.vis)
    return (_frequency(t.fused) - wanted) / wanted if wanted > 0 else math.nan


def _frequency(*planes: Array) -> float:
    """√ of the mean squared differences along rows, columns and, by half as much"""
    squares = 0.0
    for first, second, weight in _DIRECTIONS:
        least, size = 0.0, planes[0][first].size
        if not size:
            continue
        rows = max(1, _PIXELS // max(1, planes[0][first].shape[1]))
        for top in range(0, len(planes[0][first]), rows):
            part = slice(top, top + rows)
            apart = [np.abs(plane[first][part].astype(np.int32) - plane[second][part]) for plane in planes]
            least += float(np.square(np.maximum.reduce(apart)).sum(dtype=np.int64))
        squares += weight * least / size
    return math.sqrt(squares)


def ag(t: Triple) -> float:
    """Average gradient in 0…255 (Cui 2015): Σ √((gₓ² + g_y²)/2) / ((M−1)(N−1)), gₓ, g_y central differences."""
    height, width = t.shape
    return t.once(_gradient_strength) / (max(1, height - 1) * max(1, width - 1))


def _sd_saturated(t: Triple) -> float:
    # uint8 arithmetic of MATLAB: differences below zero become 0, squares above 255 become 255
    difference = np.maximum(np.floor(_LEVELS - _mean(t) + 0.5), 0)
    return math.sqrt(np.average(np.minimum(difference**2, 255), weights=t.once(levels)[2]))


def _sf_unit(t: Triple) -> float:
    return sf(t) / 255


def _ag_mean(t: Triple) -> float:
    return t.once(_gradient_strength) / t.fused.size


def _mean(t: Triple) -> float:
    return float(np.average(_LEVELS, weights=t.once(levels)[2]))


def _gradient_strength(t: Triple) -> float:
    """Σ √((gₓ² + g_y²)/2) over the fused picture."""

    def strength(band: Band) -> tuple[float]:
        rows = t.fused[band.rows].astype(np.float64)
        down, right = (_central(rows, axis)[band.inner] for axis in (0, 1))
        return (float(np.sqrt((down * down + right * right) / 2).sum()),)

    return float(total(t.shape, 1, strength)[0])


def _central(image: Array, axis: int) -> Array:
    # np.gradient refuses an axis of length 1
    return np.gradient(image, axis=axis) if image.shape[axis] > 1 else np.zeros_like(image)


def _mean_square(a: Array, b: Array) -> float:
    """Mean of (a − b)² of two uint8 arrays; 0 where they have no element."""
    import cv2

    # a sum of integers
    return round(cv2.norm(a, b, cv2.NORM_L2SQR)) / a.size if a.size else 0.0


METRICS = (
    Metric(
        name="SD",
        direction="up",
        range="0 … 127.5",
        summary="standard deviation of the fused grey values",
        equation="√ mean (F − mean F)²",
        paper="Rao, Meas. Sci. Technol. 8 (1997) 355",
        convention="population, grey levels 0…255",
        pitfalls="Looks at the fused picture alone: any stretch raises it.",
        others="tang-sheets: squares in saturating uint8, 8 … 11 instead of 30 … 50, and another ranking.",
        degenerate="0 for a constant picture.",
        cost=4,
        function=sd,
        variants={"tang-sheets": _sd_saturated},
    ),
    Metric(
        name="SF",
        direction="up",
        range="0 … 360",
        summary="spatial frequency: how strongly neighbouring pixels differ",
        equation="√(RF² + CF²), RF² and CF² the mean squared differences along columns and rows",
        paper="Eskicioglu, Fisher, IEEE Trans. Commun. 43 (1995) 2959",
        convention="grey levels 0…255, means over the differences that exist",
        pitfalls="Looks at the fused picture alone: noise, halos and a bright line at the border raise it.",
        others="tang-sheets: /255. VIFB: divides by M·N, −0.17 %. cddfuse, IVIF_ZOO: this number.",
        degenerate="0 for a constant picture; a direction with one pixel counts 0.",
        cost=2,
        function=sf,
        variants={"tang-sheets": _sf_unit},
    ),
    Metric(
        name="AG",
        direction="up",
        range="0 … ≈255",
        summary="average gradient of the fused picture",
        equation="Σ √((gₓ² + g_y²)/2) / ((M−1)(N−1)), central differences",
        paper="Cui, Feng, Xu, Li, Chen, Optics Commun. 341 (2015) 199",
        convention="grey levels 0…255, divided by (M−1)(N−1)",
        pitfalls="As SF.",
        others="cddfuse, IVIF_ZOO: divided by M·N, −0.7 %. Forward differences (some): about +35 %.",
        degenerate="0 for a constant picture; a direction with one pixel has gradient 0 and counts as length 1.",
        cost=4,
        function=ag,
        variants={"cddfuse": _ag_mean},
    ),
    Metric(
        name="Qsf",
        direction="none",
        range="−1 … ∞",
        summary="spatial frequency of the fused picture against the most that the sources have: 0 is as much",
        equation="(SF(F) − SF_R)/SF_R, SF four directions, diagonals by 1/√2, SF_R of max(|∇ir|, |∇vis|)",
        paper="Zheng, Essock, Hansen, Haun, Inf. Fusion 8 (2007) 177",
        convention="signed, means over the differences that exist",
        pitfalls="Below 0 detail is lost, above 0 noise or halos are added: nearest to 0 is best, not the highest.",
        others="imageFusionMetrics (metricZheng): divides by M·N.",
        degenerate="NaN where both sources are constant; a direction without a difference counts 0.",
        cost=20,
        function=qsf,
    ),
)
