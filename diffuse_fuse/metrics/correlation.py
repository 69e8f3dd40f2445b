"""Correlation and squared error between the fused picture and its sources: CC, SCD, MSE, PSNR."""

from __future__ import annotations

import math

import numpy as np

from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.metric import Metric

_PEAK = 255.0


def cc(t: Triple) -> float:
    """Correlation coefficient, −1…1: CC = (r(ir, fused) + r(vis, fused)) / 2; NaN with a constant picture."""
    ir, vis, fused = t.once(_centred)
    return (_r(ir, fused) + _r(vis, fused)) / 2


def scd(t: Triple) -> float:
    """Sum of the correlations of differences, −2…2 (Aslantas 2015): r(F − vis, ir) + r(F − ir, vis)."""
    ir, vis, fused = t.once(_centred)
    return _r(fused - vis, ir) + _r(fused - ir, vis)


def mse(t: Triple) -> float:
    """Mean squared error on 0…1: (mean (ir − F)² + mean (vis − F)²) / 2."""
    return t.once(_squared_error) / _PEAK**2


def psnr(t: Triple) -> float:
    """Peak signal-to-noise ratio in dB: 10 log₁₀(1 / MSE), MSE on 0…1; infinite when all three are equal."""
    return _decibel(1.0, mse(t))


def _mse_levels(t: Triple) -> float:
    return t.once(_squared_error)


def _psnr_tang(t: Triple) -> float:
    # peak 255 for pictures in 0…1: 48.13 dB too much
    return _decibel(_PEAK, mse(t))


def _psnr_cddfuse(t: Triple) -> float:
    return _decibel(float(t.fused.max()), t.once(_squared_error))


def _squared_error(t: Triple) -> float:
    ir, vis, fused = t.lumas
    return float(np.square(ir - fused).mean() + np.square(vis - fused).mean()) / 2


def _decibel(peak: float, error: float) -> float:
    if error == 0:
        return math.inf
    return 20 * math.log10(peak / math.sqrt(error)) if peak > 0 else -math.inf


def _centred(t: Triple) -> tuple[Array, Array, Array]:
    ir, vis, fused = t.lumas
    # means of integers: a constant picture centres to exact zeros
    return ir - ir.mean(), vis - vis.mean(), fused - fused.mean()


def _r(a: Array, b: Array) -> float:
    """Pearson correlation of two centred arrays; NaN where one of them is constant."""
    x, y = a.ravel(), b.ravel()
    norm = math.sqrt(float(x @ x) * float(y @ y))
    # the difference of two centred equal pictures may keep rounding noise of 1e-14 a pixel
    return float(x @ y) / norm if norm > 1e-9 * x.size else math.nan


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
        cost=5,
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
        cost=5,
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
        cost=5,
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
        cost=5,
        function=psnr,
        variants={"tang": _psnr_tang, "tang-sheets": _psnr_tang, "cddfuse": _psnr_cddfuse},
    ),
)
