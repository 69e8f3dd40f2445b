"""Contrast as a human eye weighs it, by spatial frequency: Qcb, Qcv."""

from __future__ import annotations

import math

import numpy as np

from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.filters import separable, sobel
from diffuse_fuse.metrics.metric import Metric

_BLOCK = 16


def qcb(t: Triple) -> float:
    """Chen and Blum's index, 0…1 (Chen and Blum 2009): mean λ_ir Q_irF + λ_vis Q_visF of masked contrast."""
    ir, vis, fused = (_masked_contrast(_stretched(plane)) for plane in t.lumas)
    # A window without contrast in either source has no saliency, and the original divides 0 by 0 there; with
    # none in the fused picture too nothing is lost.
    salient = ir * ir + vis * vis
    if not (np.ptp(t.fused) and salient.any()):
        return math.nan
    share = np.where(salient > 0, ir * ir / np.where(salient > 0, salient, 1), 0.5)
    return float((share * _ratio(ir, fused) + (1 - share) * _ratio(vis, fused)).mean())


def qcv(t: Triple) -> float:
    """Chen and Varshney's index, lower is better (Chen and Varshney 2007): Σ λ D / Σ λ over 16×16 blocks."""
    ir, vis, fused = (_stretched(plane) for plane in t.lumas)
    weights, errors = [], []
    sensitivity = _mannos_sakrison(t.shape)
    for source in (ir, vis):
        right, below = sobel(source, "zero")
        weights.append(_block_sums(np.sqrt(right * right + below * below) ** 5))
        seen = np.fft.irfft2(np.fft.rfft2(source - fused) * sensitivity, s=t.shape)
        errors.append(_block_sums(seen * seen) / _BLOCK**2)
    total = float(weights[0].sum() + weights[1].sum())
    if total == 0:
        return 0.0 if not (np.ptp(ir - fused) or np.ptp(vis - fused)) else math.nan
    return float((weights[0] * errors[0] + weights[1] * errors[1]).sum()) / total


def _stretched(plane: Array) -> Array:
    """Grey values stretched to 0…255 and rounded, as the original does; a flat picture becomes 0."""
    low, span = plane.min(), np.ptp(plane)
    return np.floor((plane - low) / span * 255 + 0.5) if span else np.zeros_like(plane)


def _radius(shape: tuple[int, int], cycles: float) -> Array:
    """Spatial frequency at each bin of rfft2, where the Nyquist frequency of an axis of n pixels is n / cycles."""
    height, width = shape
    rows = np.fft.fftfreq(height)[:, None] * 2 * height / cycles
    columns = np.fft.rfftfreq(width) * 2 * width / cycles
    radius: Array = np.sqrt(rows * rows + columns * columns)
    return radius


def _mannos_sakrison(shape: tuple[int, int]) -> Array:
    r = _radius(shape, 8)
    sensitivity: Array = 2.6 * (0.0192 + 0.144 * r) * np.exp(-((0.144 * r) ** 1.1))
    return sensitivity


def _masked_contrast(plane: Array) -> Array:
    """|local contrast|³ / (|local contrast|² + 1e-4) of the picture behind the eye's difference-of-Gaussians filter."""
    r = _radius((plane.shape[0], plane.shape[1]), 30)
    sensitivity = np.exp(-((r / 15.3870) ** 2)) - 0.7622 * np.exp(-((r / 1.3456) ** 2))
    seen = np.fft.irfft2(np.fft.rfft2(plane) * sensitivity, s=plane.shape)
    fine, coarse = (separable(seen, _truncated_gaussian(sigma), "zero") for sigma in (2.0, 4.0))
    # a local mean of exactly 0 happens in black pictures only
    contrast: Array = np.abs(fine / np.where(coarse == 0, 1, coarse) - (coarse != 0))
    return contrast**3 / (contrast**2 + 1e-4)


def _truncated_gaussian(sigma: float) -> Array:
    # not normalised after the cut at ±15, as in the original
    offsets = np.arange(-15, 16)
    kernel: Array = np.exp(-(offsets**2) / (2 * sigma * sigma)) / (math.sqrt(2 * math.pi) * sigma)
    return kernel


def _ratio(a: Array, b: Array) -> Array:
    """The smaller over the larger; 1 where both are 0."""
    larger = np.maximum(a, b)
    return np.where(larger > 0, np.minimum(a, b) / np.where(larger > 0, larger, 1), 1.0)


def _block_sums(values: Array) -> Array:
    """Sums over 16×16 blocks; blocks at the lower and right edge are filled up with zeros."""
    height, width = values.shape
    padded = np.pad(values, ((0, -height % _BLOCK), (0, -width % _BLOCK)))
    rows, columns = padded.shape[0] // _BLOCK, padded.shape[1] // _BLOCK
    sums: Array = padded.reshape(rows, _BLOCK, columns, _BLOCK).sum(axis=(1, 3))
    return sums


METRICS = (
    Metric(
        name="Qcb",
        direction="up",
        range="0 … 1",
        summary="local contrast kept, as the eye's contrast sensitivity and masking see it",
        equation="mean λ_ir min(C_ir, C_F)/max + λ_vis min(C_vis, C_F)/max, λ = C²/ΣC², C = c³/(c² + 1e-4)",
        paper="Chen, Blum, Image and Vision Computing 27 (2009) 1421",
        convention="imageFusionMetrics: DoG sensitivity, contrast of σ 2 over σ 4, pictures stretched to 0…255",
        pitfalls="A stretch before measuring hides low contrast of the fused picture.",
        others="IVIF_ZOO: frequency axis halved, no rounding: 1.1 %, up to 4.5 %.",
        degenerate="NaN when the fused picture or both sources are constant.",
        cost=45,
        function=qcb,
    ),
    Metric(
        name="Qcv",
        direction="down",
        range="0 … ∞",
        summary="visible error against the salient source, by blocks of 16×16",
        equation="Σ (λ_ir D_ir + λ_vis D_vis) / Σ (λ_ir + λ_vis), D = mean (CSF * (source − F))², λ = Σ |∇|⁵",
        paper="Chen, Varshney, Information Fusion 8 (2007) 193",
        convention="imageFusionMetrics: Mannos–Sakrison sensitivity, α = 5, pictures stretched to 0…255",
        pitfalls="LOWER is better; a few blocks with the strongest edge decide it (fifth power).",
        others="Partial blocks at the edge are zero-padded, here as there.",
        degenerate="0 when all three are constant; NaN when both sources are, and the fused picture is not.",
        cost=25,
        function=qcv,
    ),
)
