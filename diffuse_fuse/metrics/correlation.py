"""Correlation and squared error between the fused picture and its sources: CC, SCD, MSE, PSNR."""

from __future__ import annotations

import math
from dataclasses import dataclass

from diffuse_fuse.metrics.context import Triple
from diffuse_fuse.metrics.counts import sums
from diffuse_fuse.metrics.metric import Metric

_PEAK = 255.0


def cc(t: Triple) -> float:
    """Correlation coefficient, −1…1: CC = (r(ir, fused) + r(vis, fused)) / 2; NaN with a constant picture."""
    s = t.once(_spread)
    return (_r(s.if_, s.ii, s.ff) + _r(s.vf, s.vv, s.ff)) / 2


def scd(t: Triple) -> float:
    """Sum of the correlations of differences, −2…2 (Aslantas 2015): r(F − vis, ir) + r(F − ir, vis)."""
    s = t.once(_spread)
    without_vis = _r(s.if_ - s.iv, s.ff - 2 * s.vf + s.vv, s.ii)
    return without_vis + _r(s.vf - s.iv, s.ff - 2 * s.if_ + s.ii, s.vv)


def mse(t: Triple) -> float:
    """Mean squared error on 0…1: (mean (ir − F)² + mean (vis − F)²) / 2."""
    return _mse_levels(t) / _PEAK**2


def psnr(t: Triple) -> float:
    """Peak signal-to-noise ratio in dB: 10 log₁₀(1 / MSE), MSE on 0…1; infinite when all three are equal."""
    return _decibel(1.0, mse(t))


def _mse_levels(t: Triple) -> float:
    s = t.once(sums)
    return (s.ii - 2 * s.i_f + s.ff + s.vv - 2 * s.v_f + s.ff) / s.pixels / 2


def _psnr_tang(t: Triple) -> float:
    # peak 255 for pictures in 0…1: 48.13 dB too much
    return _decibel(_PEAK, mse(t))


def _psnr_cddfuse(t: Triple) -> float:
    return _decibel(float(t.fused.max()), _mse_levels(t))


def _decibel(peak: float, error: float) -> float:
    if error == 0:
        return math.inf
    return 20 * math.log10(peak / math.sqrt(error)) if peak > 0 else -math.inf


@dataclass(frozen=True)
class _Spread:
    """Variances and covariances of ir (i), vis (v) and fused (f) times the square of the number of pixels.

    Exact integers: what is constant has none, and no rounding needs to be told from little.
    """

    ii: int
    vv: int
    ff: int
    iv: int
    if_: int
    vf: int


def _spread(t: Triple) -> _Spread:
    s = t.once(sums)
    n = s.pixels
    return _Spread(
        ii=n * s.ii - s.i * s.i,
        vv=n * s.vv - s.v * s.v,
        ff=n * s.ff - s.f * s.f,
        iv=n * s.iv - s.i * s.v,
        if_=n * s.i_f - s.i * s.f,
        vf=n * s.v_f - s.v * s.f,
    )


def _r(both: int, one: int, other: int) -> float:
    """Pearson correlation from a covariance and two variances; NaN where one of these is 0."""
    return both / math.sqrt(one * other) if one and other else math.nan


METRICS = (
    Metric(
        name="CC",
        direction="up",
        range="−1 … 1",
        summary="mean correlation of the fused picture with its sources",
        equation="(r(ir, F) + r(vis, F)) / 2, r Pearson's correlation of all pixels",
        paper="Deshmukh, Bhosale, IJIP 4 (2010) 484",
        convention="mean of both sources",
        pitfalls="The plain average of the sources scores near the best.",
        others="tang: one mean is taken from the wrong picture, without effect. cddfuse: this number.",
        degenerate="NaN when one of the pictures is constant.",
        cost=4,
        function=cc,
    ),
    Metric(
        name="SCD",
        direction="up",
        range="−2 … 2",
        summary="does what was added to each source come from the other one",
        equation="r(F − vis, ir) + r(F − ir, vis)",
        paper="Aslantas, Bendes, AEÜ 69 (2015) 1890",
        convention="sum of both correlations",
        pitfalls="Rewards any linear mix with high contrast; says nothing when the fused picture copies a source.",
        others="All public codes agree.",
        degenerate="NaN when a source is constant, or the fused picture equals a source up to a constant.",
        cost=4,
        function=scd,
    ),
    Metric(
        name="MSE",
        direction="down",
        range="0 … 1",
        summary="mean squared distance to both sources",
        equation="(mean (ir − F)² + mean (vis − F)²) / 2",
        paper="Ma, Ma, Li, Information Fusion 45 (2019) 153, sec. 4",
        convention="pictures in 0…1",
        pitfalls="The plain average of the sources is the optimum.",
        others="cddfuse: pictures in 0…255, ×65025. VIFB's RMSE is √Σd² / (MN), another quantity.",
        degenerate="0 when all three are equal.",
        cost=4,
        function=mse,
        variants={"cddfuse": _mse_levels},
    ),
    Metric(
        name="PSNR",
        direction="up",
        range="0 … ∞ dB",
        summary="MSE in decibels",
        equation="10 log₁₀(1 / MSE)",
        paper="Jagalingam, Hegde, Aquatic Procedia 4 (2015) 133",
        convention="peak 1, pictures in 0…1",
        pitfalls="As MSE.",
        others="tang: peak 255 for pictures in 0…1, +48.13 dB, so tables show 57 … 75. cddfuse: peak max(F).",
        degenerate="∞ when all three are equal; cddfuse: −∞ for a black fused picture.",
        cost=4,
        function=psnr,
        variants={"tang": _psnr_tang, "tang-sheets": _psnr_tang, "cddfuse": _psnr_cddfuse},
    ),
)
