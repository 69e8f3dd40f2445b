"""Contrast of the fused picture by itself: SD, SF, AG."""

from __future__ import annotations

import math

import numpy as np

from diffuse_fuse.metrics.bands import Band, total
from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.counts import levels
from diffuse_fuse.metrics.metric import Metric

_LEVELS = np.arange(256)


def sd(t: Triple) -> float:
    """Standard deviation of the fused grey values in 0…255 (Rao 1997): SD = √mean (F − mean F)²."""
    return math.sqrt(np.average((_LEVELS - _mean(t)) ** 2, weights=t.once(levels)[2]))


def sf(t: Triple) -> float:
    """Spatial frequency of the fused luma in 0…255 (Eskicioglu 1995): √(RF² + CF²), means over differences."""
    fused = t.fused
    return math.sqrt(_mean_square(fused[1:], fused[:-1]) + _mean_square(fused[:, 1:], fused[:, :-1]))


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
)
