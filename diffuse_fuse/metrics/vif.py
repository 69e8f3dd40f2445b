"""Visual information fidelity in the pixel domain: VIF with its two halves, and Han's VIFF."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.metrics.bands import Band, bands, total
from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.filters import gaussian_valid
from diffuse_fuse.metrics.metric import Metric

_WINDOWS = (17, 9, 5, 3)  # one a scale, sigma a fifth of it
_TINY = 1e-10
_SENSOR_NOISE = 2.0  # sigma_n² of Sheikh and Bovik, in squared grey levels
_HAN_NOISE = 0.005 * 255**2
_HAN_WEIGHTS = (1 / 2.15, 0.0, 0.15 / 2.15, 1 / 2.15)


@dataclass(frozen=True)
class _Channel:
    """Fused = gain · source + noise, locally: the model of one source at one scale. All arrays h×w."""

    gain: Array  # g
    noise: Array  # sigma_v²
    source: Array  # sigma_s², the source's local variance

    def preserved(self, noise: float) -> Array:
        """Information about the source that survives into the fused picture, a pixel."""
        return np.log10(1 + self.gain * self.gain * self.source / (self.noise + noise))

    def available(self, noise: float) -> Array:
        """Information about the source that an eye with this noise could have, a pixel."""
        return np.log10(1 + self.source / noise)


def vif(t: Triple) -> float:
    """Visual information fidelity, sum over both sources, 0…about 2 (Sheikh and Bovik 2006): VIF_ir + VIF_vis."""
    return vif_ir(t) + vif_vis(t)


def vif_ir(t: Triple) -> float:
    """The infrared half of VIF: Σ log(1 + g² σ_s²/(σ_v² + σ_n²)) / Σ log(1 + σ_s²/σ_n²) over four scales."""
    return t.once(_halves)[0]


def vif_vis(t: Triple) -> float:
    """The visible half of VIF: Σ log(1 + g² σ_s²/(σ_v² + σ_n²)) / Σ log(1 + σ_s²/σ_n²) over four scales."""
    return t.once(_halves)[1]


def viff(t: Triple) -> float:
    """VIF for fusion, 0…about 1 (Han 2013): Σ_k p_k Σ VID_k / Σ VIND_k, at each pixel the source of smaller gain."""
    scales = _over_scales(t, _han)
    if scales is None:
        return math.nan
    return sum(
        float(weight * preserved / available)
        for weight, (preserved, available) in zip(_HAN_WEIGHTS, scales, strict=True)
    )


def _vif_saturated(t: Triple) -> float:
    return sum(t.once(_halves_saturated))


def _vif_ir_saturated(t: Triple) -> float:
    return t.once(_halves_saturated)[0]


def _vif_vis_saturated(t: Triple) -> float:
    return t.once(_halves_saturated)[1]


def _halves(t: Triple) -> tuple[float, float]:
    return _fidelities(_over_scales(t, _sheikh))


def _halves_saturated(t: Triple) -> tuple[float, float]:
    return _fidelities(_over_scales(t, _sheikh, saturate=True))


def _fidelities(scales: list[Array] | None) -> tuple[float, float]:
    """Both halves of VIF from what ``_sheikh`` gives for each scale."""
    if scales is None:
        return math.nan, math.nan
    preserved_ir, available_ir, preserved_vis, available_vis = (float(value) for value in np.sum(scales, axis=0))
    # a flat source has nothing to lose
    return (
        preserved_ir / available_ir if available_ir > 0 else 1.0,
        preserved_vis / available_vis if available_vis > 0 else 1.0,
    )


def _sheikh(ir: _Channel, vis: _Channel) -> tuple[float, ...]:
    """What is preserved and what was available of both sources, summed over pixels."""
    return tuple(
        float(values.sum())
        for channel in (ir, vis)
        for values in (channel.preserved(_SENSOR_NOISE), channel.available(_SENSOR_NOISE))
    )


def _han(ir: _Channel, vis: _Channel) -> tuple[float, ...]:
    """The same of the source of smaller gain at each pixel."""
    take_ir = ir.gain < vis.gain
    preserved = np.where(take_ir, ir.preserved(_HAN_NOISE), vis.preserved(_HAN_NOISE))
    available = np.where(take_ir, ir.available(_HAN_NOISE), vis.available(_HAN_NOISE))
    # 1e-7 a pixel, as in Han's code: two flat pictures score 1
    return float((preserved + 1e-7).sum()), float((available + 1e-7).sum())


def _over_scales(
    t: Triple, measure: Callable[[_Channel, _Channel], tuple[float, ...]], saturate: bool = False
) -> list[Array] | None:
    """Sums of what ``measure`` says of (ir → fused, vis → fused) at each of four scales; None for too small pictures.

    saturate: products at the first scale stop at 255, as uint8 arithmetic in MATLAB does.
    """
    # A flat picture without its constant gives exact zeros. Others keep theirs: in nearly flat windows the gain is
    # in the thousands and hangs on the last digits, which must be those of the original.
    planes = [
        plane if saturate or plane.min() < plane.max() else np.zeros_like(plane) for plane in (t.ir, t.vis, t.fused)
    ]
    scales = []
    for scale, size in enumerate(_WINDOWS):
        if scale > 0:
            planes = [_next_scale(plane, size) for plane in planes]
        height, width = (side - size + 1 for side in planes[0].shape)
        if height < 1 or width < 1:
            return None

        def values(
            band: Band, planes: list[Array] = planes, size: int = size, limited: bool = saturate and scale == 0
        ) -> tuple[float, ...]:
            # the rows of a band of the filtered plane, which has no borders, and what the filter sees of them
            rows = slice(band.rows.start, band.rows.stop + size - 1)
            return measure(*_channels([plane[rows].astype(np.float64) for plane in planes], size, limited))

        scales.append(total((height, width), 0, values))
    return scales


def _next_scale(plane: Array, size: int) -> Array:
    """Smoothed, without borders, and every second pixel of every second row of that."""
    height, width = (max(0, side - size + 1) for side in plane.shape)
    small = np.empty(((height + 1) // 2, (width + 1) // 2))
    for band in bands(height, width, step=2):
        top, bottom = band.rows.start, band.rows.stop
        part = gaussian_valid(plane[top : bottom + size - 1].astype(np.float64), size, size / 5)
        small[top // 2 : (bottom + 1) // 2] = part[::2, ::2]
    return small


def _channels(planes: list[Array], size: int, limited: bool) -> tuple[_Channel, _Channel]:
    """(ir → fused, vis → fused) of ir, vis and fused at one scale."""
    sigma = size / 5
    means = [gaussian_valid(plane, size, sigma) for plane in planes]

    def covariance(i: int, j: int) -> Array:
        product = planes[i] * planes[j]
        if limited:
            np.minimum(product, 255, out=product)
        both = gaussian_valid(product, size, sigma)
        both -= means[i] * means[j]
        return both

    def variance(i: int) -> Array:
        return np.maximum(covariance(i, i), 0)

    fused = variance(2)
    return _channel(variance(0), fused, covariance(0, 2)), _channel(variance(1), fused, covariance(1, 2))


def _channel(source: Array, fused: Array, both: Array) -> _Channel:
    """Local variances of source and fused and their covariance → gain and noise, as the original code decides."""
    gain = both / (source + _TINY)
    noise = fused - gain * both
    flat = source < _TINY
    gain[flat] = 0
    noise[flat] = fused[flat]
    source = np.where(flat, 0, source)
    empty = fused < _TINY
    gain[empty] = 0
    noise[empty] = 0
    reversed_ = gain < 0
    noise[reversed_] = fused[reversed_]
    gain[reversed_] = 0
    return _Channel(gain, np.maximum(noise, _TINY), source)


_PAPER = "Sheikh, Bovik, IEEE TIP 15 (2006) 430; vifp_mscale, the authors' pixel-domain version"
_EQUATION = "Σ log(1 + g² σ_s²/(σ_v² + σ_n²)) / Σ log(1 + σ_s²/σ_n²), 4 scales, windows 17, 9, 5, 3, σ_n² = 2"
_DEGENERATE = "1 for each flat source; NaN below 41×41 pixels, where the fourth scale is empty."
_SHEETS = "tang-sheets: the first scale in saturating uint8, +18 … 55 %, and another ranking."

METRICS = (
    Metric(
        name="VIF",
        direction="up",
        range="0 … ≈2",
        summary="how much of what an eye sees in both sources is left in the fused picture",
        equation=f"VIF_ir + VIF_vis, each {_EQUATION}",
        paper=_PAPER,
        convention="sum of both sources, grey levels 0…255, 'valid' borders",
        pitfalls="Not scale invariant: pictures in 0…1 score +29 … 65 %. A copy of either source scores above 1; "
        "amplified contrast scores above 2. Read the two halves too.",
        others=f"{_SHEETS} IVIF_ZOO: zero-padded, off-centre window, +10 %, up to 25 %. cddfuse prints this "
        "number as 'VIFF'. Some papers halve it.",
        degenerate=_DEGENERATE,
        cost=28,
        function=vif,
        variants={"tang-sheets": _vif_saturated},
    ),
    Metric(
        name="VIF_ir",
        direction="up",
        range="0 … ≈1",
        summary="the infrared half of VIF",
        equation=_EQUATION,
        paper=_PAPER,
        convention="grey levels 0…255, 'valid' borders",
        pitfalls="Fixed-pattern noise of the thermal camera counts as information.",
        others=_SHEETS,
        degenerate=_DEGENERATE,
        cost=28,
        function=vif_ir,
        variants={"tang-sheets": _vif_ir_saturated},
    ),
    Metric(
        name="VIF_vis",
        direction="up",
        range="0 … ≈1",
        summary="the visible half of VIF",
        equation=_EQUATION,
        paper=_PAPER,
        convention="grey levels 0…255, 'valid' borders",
        pitfalls="As VIF.",
        others=_SHEETS,
        degenerate=_DEGENERATE,
        cost=28,
        function=vif_vis,
        variants={"tang-sheets": _vif_vis_saturated},
    ),
    Metric(
        name="VIFF",
        direction="up",
        range="0 … ≈1",
        summary="VIF for fusion: at each pixel against the source that is harder to see in the result",
        equation="Σ_k p_k Σ VID_k / Σ VIND_k, p = (1, 0, .15, 1)/2.15, σ_n² = .005·255²",
        paper="Han, Cai, Cao, Xu, Information Fusion 14 (2013) 127",
        convention="Han's own code on luma (colour pictures too, where his takes L*)",
        pitfalls="Its second scale has weight 0 in the original.",
        others="cddfuse calls the plain VIF sum 'VIFF': 25 % away on average, up to 56 %.",
        degenerate="1 when all pictures are flat; NaN below 41×41 pixels.",
        cost=29,
        function=viff,
        variants={"cddfuse": vif},
    ),
)
