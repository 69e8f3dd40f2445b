"""Indices built on local SSIM: Piella's Qs, Qw, Qe, and Yang's Qy."""

from __future__ import annotations

import math

import numpy as np

from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.metric import Metric
from diffuse_fuse.metrics.structure import Moments, moments

_HALF = 5
_INSIDE = np.s_[_HALF:-_HALF, _HALF:-_HALF]  # where the window is inside the picture
_ALIKE = 0.75  # SSIM of both sources from which on both count
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def qs(t: Triple) -> float:
    """Piella's fusion quality index, −1…1 (Piella 2003): mean λ Q(ir, F) + (1 − λ) Q(vis, F)."""
    if min(t.shape) <= 2 * _HALF:
        return math.nan
    return float(t.once(_local_quality)[0].mean())


def qw(t: Triple) -> float:
    """Piella's weighted index, −1…1 (Piella 2003): Qs with windows weighted by the larger variance."""
    if min(t.shape) <= 2 * _HALF:
        return math.nan
    return _weighted(*t.once(_local_quality))


def qe(t: Triple) -> float:
    """Piella's edge-dependent index, −1…1 (Piella 2003): Qw of the pictures times Qw of their edges."""
    if min(t.shape) <= 2 * _HALF:
        return math.nan
    ir, vis, fused = (_prewitt(plane) for plane in t.lumas)
    return qw(t) * _weighted(*_quality(Moments((ir, vis, fused))))


def qy(t: Triple) -> float:
    """Yang's index, −1…1 (Yang 2008): Qs where the sources are alike, the better of both similarities elsewhere."""
    if min(t.shape) <= 2 * _HALF:
        return math.nan
    m = t.once(moments)
    share, similar = _similarities(m)
    alike = _similar(m, 0, 1) >= _ALIKE
    mixed = share * similar[0] + (1 - share) * similar[1]
    return float(np.where(alike, mixed, np.maximum(*similar)).mean())


def _local_quality(t: Triple) -> tuple[Array, Array]:
    return _quality(t.once(moments))


def _quality(m: Moments) -> tuple[Array, Array]:
    """The map λ Q(ir, F) + (1 − λ) Q(vis, F), and the larger of both sources' variances."""
    share, similar = _similarities(m)
    ir, vis = _variances(m)
    return share * similar[0] + (1 - share) * similar[1], np.maximum(ir, vis)


def _variances(m: Moments) -> tuple[Array, Array]:
    """Local variances of both sources, ½ where both are flat."""
    # negative rounding noise in flat windows would let λ leave 0…1
    ir, vis = (np.maximum(m.covariance(i, i)[_INSIDE], 0) for i in (0, 1))
    flat = ir + vis == 0
    return ir + 0.5 * flat, vis + 0.5 * flat


def _similarities(m: Moments) -> tuple[Array, list[Array]]:
    """λ, the share of the infrared picture, and the local SSIM of the fused picture with each source."""
    ir, vis = _variances(m)
    return ir / (ir + vis), [_similar(m, source, 2) for source in (0, 1)]


def _similar(m: Moments, a: int, b: int) -> Array:
    """Local SSIM of the pictures a < b where the window lies inside."""
    mean_a, mean_b = m.mean(a)[_INSIDE], m.mean(b)[_INSIDE]
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a * mean_a + mean_b * mean_b + _C1)
    variances = m.covariance(a, a)[_INSIDE] + m.covariance(b, b)[_INSIDE]
    similar: Array = luminance * (2 * m.covariance(a, b)[_INSIDE] + _C2) / (variances + _C2)
    return similar


def _weighted(quality: Array, weight: Array) -> float:
    return float((weight * quality).sum() / weight.sum())


def _prewitt(image: Array) -> Array:
    """Strength of the Prewitt gradient, zero-padded."""
    import cv2

    rows = cv2.boxFilter(image, cv2.CV_64F, (1, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    columns = cv2.boxFilter(image, cv2.CV_64F, (3, 1), normalize=False, borderType=cv2.BORDER_CONSTANT)
    difference = np.array((-1.0, 0.0, 1.0))
    one = np.ones(1)
    right = cv2.sepFilter2D(rows, cv2.CV_64F, difference, one, borderType=cv2.BORDER_CONSTANT)
    below = cv2.sepFilter2D(columns, cv2.CV_64F, one, difference, borderType=cv2.BORDER_CONSTANT)
    return np.sqrt(right * right + below * below)


_PAPER = "Piella, Heijmans, ICIP 2003, vol. 3, p. 173"
_OTHERS = "Piella's paper: 8×8 box, no constants. imageFusionMetrics: this number (its case 3 cannot run)."
_DEGENERATE = "1 when all three are equal; NaN when a side is below 11 pixels."

METRICS = (
    Metric(
        name="Qw",
        direction="up",
        range="−1 … 1",
        summary="local SSIM with the source of higher variance, salient windows count more",
        equation="Σ c (λ Q(ir, F) + (1 − λ) Q(vis, F)) / Σ c, λ = σ²_ir/(σ²_ir + σ²_vis), c = max(σ²_ir, σ²_vis)",
        paper=f"{_PAPER}",
        convention="Gaussian 11×11 window of SSIM, 'valid'",
        pitfalls="max(Y, IR) scores high.",
        others=_OTHERS,
        degenerate=_DEGENERATE,
        cost=22,
        function=qw,
    ),
    Metric(
        name="Qe",
        direction="up",
        range="−1 … 1",
        summary="Qw of the pictures times Qw of their edges",
        equation="Qw(ir, vis, F) · Qw(|∇ir|, |∇vis|, |∇F|), Prewitt, zero-padded",
        paper=f"{_PAPER}",
        convention="Gaussian 11×11 window of SSIM, 'valid'",
        pitfalls="As Qw.",
        others=_OTHERS,
        degenerate=_DEGENERATE,
        cost=70,
        function=qe,
    ),
    Metric(
        name="Qs",
        direction="up",
        range="−1 … 1",
        summary="local SSIM with the source of higher variance",
        equation="mean λ Q(ir, F) + (1 − λ) Q(vis, F), λ = σ²_ir/(σ²_ir + σ²_vis)",
        paper=f"{_PAPER}",
        convention="Gaussian 11×11 window of SSIM, 'valid'; λ = ½ where both sources are flat",
        pitfalls="As Qw.",
        others=f"{_OTHERS} Flat windows differ by rounding, 5e-6.",
        degenerate=_DEGENERATE,
        cost=22,
        function=qs,
    ),
    Metric(
        name="Qy",
        direction="up",
        range="−1 … 1",
        summary="local SSIM: with both sources where these are alike, else with the nearer one",
        equation="mean of λ S(ir, F) + (1 − λ) S(vis, F) where S(ir, vis) ≥ 0.75, else max(S(ir, F), S(vis, F))",
        paper="Yang, Zhang, Wang, Liu, Inf. Fusion 9 (2008) 156",
        convention="S is SSIM with its constants, Gaussian 11×11 window, 'valid'; λ as in Qs",
        pitfalls="Where the sources differ, a copy of either one is perfect: a selection beats every blend.",
        others="imageFusionMetrics (metricYang): 7×7 box window. VIFB does not have it.",
        degenerate=_DEGENERATE,
        cost=24,
        function=qy,
    ),
)
