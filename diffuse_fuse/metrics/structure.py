"""Structural similarity to the sources: SSIM, and MS_SSIM as this field means it (MEF-SSIM)."""

from __future__ import annotations

import math

import numpy as np

from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.filters import box_sum, gaussian, half_size
from diffuse_fuse.metrics.metric import Metric

_SIZE, _SIGMA = 11, 1.5
_HALF = _SIZE // 2
_AREA = _SIZE * _SIZE
_LEVEL_WEIGHTS = np.array((0.0448, 0.2856, 0.3001)) / (0.0448 + 0.2856 + 0.3001)


class Moments:
    """Gaussian-weighted local means and covariances (11×11, σ 1.5) of ir, vis, fused, each computed at most once."""

    def __init__(self, planes: tuple[Array, Array, Array]) -> None:
        self.planes = planes
        self._means: dict[int, Array] = {}
        self._covariances: dict[tuple[int, int], Array] = {}

    def mean(self, i: int) -> Array:
        """Local mean of picture i (0 ir, 1 vis, 2 fused), same size, edges repeated."""
        if i not in self._means:
            self._means[i] = gaussian(self.planes[i], _SIZE, _SIGMA)
        return self._means[i]

    def covariance(self, i: int, j: int) -> Array:
        """Local covariance of pictures i ≤ j, same size, edges repeated."""
        if (i, j) not in self._covariances:
            product = gaussian(self.planes[i] * self.planes[j], _SIZE, _SIGMA)
            self._covariances[i, j] = product - self.mean(i) * self.mean(j)
        return self._covariances[i, j]


def moments(t: Triple) -> Moments:
    """Local moments of the three lumas; call through ``t.once``."""
    return Moments(t.lumas)


def ssim(t: Triple) -> float:
    """Structural similarity, mean of SSIM(ir, F) and SSIM(vis, F), −1…1 (Wang 2004, eq. 13), L = 255."""
    return _ssim(t, 255)


def ms_ssim(t: Triple) -> float:
    """MEF-SSIM over three scales, about 0…1 (Ma 2015): Π_l Q_l^β_l, Q_l the mean structure against the best patch."""
    planes = t.lumas
    if min(t.shape) < 4 * _SIZE:
        return math.nan
    scores = []
    for level in range(len(_LEVEL_WEIGHTS)):
        if level:
            planes = (half_size(planes[0]), half_size(planes[1]), half_size(planes[2]))
        scores.append(_mef(t.once(moments) if level == 0 else Moments(planes)))
    # a negative mean has no real power; the original would return a complex number
    return float(np.prod(np.maximum(scores, 0) ** _LEVEL_WEIGHTS))


def _ssim_tang(t: Triple) -> float:
    # MATLAB's ssim takes L = 1 for doubles, and the driver gives it doubles in 0…255
    return _ssim(t, 1)


def _ssim(t: Triple, span: float) -> float:
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    m = t.once(moments)
    total = 0.0
    for source in (0, 1):
        mean_a, mean_f = m.mean(source), m.mean(2)
        luminance = (2 * mean_a * mean_f + c1) / (mean_a * mean_a + mean_f * mean_f + c1)
        variances = m.covariance(source, source) + m.covariance(2, 2)
        structure = (2 * m.covariance(source, 2) + c2) / (variances + c2)
        total += float((luminance * structure).mean())
    return total / 2


def _ssim_cddfuse(t: Triple) -> float:
    """Sum over both sources of skimage's default for floats: 7×7 box, sample covariance, data range 2."""
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    area = 49
    if min(t.shape) < 7:
        return math.nan
    fused = t.lumas[2]
    sum_f, sum_ff = box_sum(fused, 7), box_sum(fused * fused, 7)
    variance_f = (area * sum_ff - sum_f * sum_f) / (area * (area - 1))
    total = 0.0
    for source in t.lumas[:2]:
        sum_a = box_sum(source, 7)
        variance_a = (area * box_sum(source * source, 7) - sum_a * sum_a) / (area * (area - 1))
        covariance = (area * box_sum(source * fused, 7) - sum_a * sum_f) / (area * (area - 1))
        mean_a, mean_f = sum_a / area, sum_f / area
        luminance = (2 * mean_a * mean_f + c1) / (mean_a**2 + mean_f**2 + c1)
        total += float((luminance * (2 * covariance + c2) / (variance_a + variance_f + c2)).mean())
    return total


def _mef(m: Moments) -> float:
    """Mean structure of the fused picture against the patch that Ma et al. call desired, at one scale.

    The desired patch is a weighted sum of the sources' patches without their means, normalised, with the larger
    contrast. Its moments follow from those of the sources, so no patch is ever built.
    """
    ir, vis, _ = m.planes
    # Box sums of integers (and of quarters, at coarser scales) are exact: a flat patch has contrast 0 exactly.
    sum_a, sum_b = box_sum(ir, _SIZE), box_sum(vis, _SIZE)
    energy_a = np.maximum(box_sum(ir * ir, _SIZE) - sum_a * sum_a / _AREA, 0)
    energy_b = np.maximum(box_sum(vis * vis, _SIZE) - sum_b * sum_b / _AREA, 0)
    shared = box_sum(ir * vis, _SIZE) - sum_a * sum_b / _AREA
    norm_a, norm_b = np.sqrt(energy_a), np.sqrt(energy_b)
    contrast_a, contrast_b = norm_a + 0.001, norm_b + 0.001

    eps = np.finfo(np.float64).eps
    together = np.sqrt(np.maximum(energy_a + energy_b + 2 * shared, 0))
    consistency = np.minimum((together + eps) / (norm_a + norm_b + eps), 1 - eps)
    power = np.minimum(np.tan(math.pi / 2 * consistency), 10)
    weight_a = (contrast_a / _SIZE) ** power + eps
    weight_b = (contrast_b / _SIZE) ** power + eps
    share_a = weight_a / (weight_a + weight_b) / contrast_a
    share_b = weight_b / (weight_a + weight_b) / contrast_b

    norm = np.sqrt(
        np.maximum(share_a * share_a * energy_a + share_b * share_b * energy_b + 2 * share_a * share_b * shared, 0)
    )
    scale = np.maximum(contrast_a, contrast_b) / np.where(norm > 0, norm, 1)
    share_a, share_b = share_a * scale, share_b * scale

    def covariance(i: int, j: int) -> Array:
        return m.covariance(i, j)[_HALF:-_HALF, _HALF:-_HALF]

    variance_desired = (
        share_a * share_a * covariance(0, 0)
        + share_b * share_b * covariance(1, 1)
        + 2 * share_a * share_b * covariance(0, 1)
    )
    with_fused = share_a * covariance(0, 2) + share_b * covariance(1, 2)
    c = (0.03 * 255) ** 2
    return float(((2 * with_fused + c) / (variance_desired + covariance(2, 2) + c)).mean())


METRICS = (
    Metric(
        name="SSIM",
        direction="up",
        range="−1 … 1",
        summary="structural similarity, mean of both sources",
        equation="mean of SSIM(ir, F), SSIM(vis, F); Gaussian 11×11, σ 1.5, K = (.01, .03), L = 255",
        paper="Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13 (2004) 600, eq. 13",
        convention="MEAN of both sources, edges repeated, L = 255",
        pitfalls="The plain average of the sources scores well.",
        others="tang: L = 1 for pictures in 0…255, −23 %, up to −44 %. cddfuse: SUM, 7×7 box, L = 2. VIFB: SUM, "
        "'valid'. IVIF_ZOO: SUM, effectively L = 1.",
        degenerate="1 when all three are equal. cddfuse: NaN below 7×7 pixels.",
        cost=30,
        function=ssim,
        variants={"tang": _ssim_tang, "tang-sheets": _ssim_tang, "cddfuse": _ssim_cddfuse},
    ),
    Metric(
        name="MS_SSIM",
        direction="up",
        range="0 … 1",
        summary="structure against the locally stronger source, three scales (MEF-SSIM)",
        equation="Π_l Q_l^β_l, β ∝ (.0448, .2856, .3001), Q = mean (2σ_xF + C)/(σ_x² + σ_F² + C), C = (.03·255)²",
        paper="Ma, Zeng, Wang, IEEE TIP 24 (2015) 3345",
        convention="MEF-SSIM, 3 scales: what the tables of this field print",
        pitfalls="Not Wang's multi-scale SSIM. Ignores brightness.",
        others="Wang's 5 scales, mean of both sources: −33 %. IVIF_ZOO: SUM, 5 scales, L = 1.",
        degenerate="NaN when a side is below 44 pixels; 1 when all three are equal; 0 where the mean structure of a "
        "scale is negative, which has no real power.",
        cost=85,
        function=ms_ssim,
    ),
)
