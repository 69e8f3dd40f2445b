"""Colour fidelity to the visible picture: DeltaE (CIEDE2000) and its parts dE_ab, dC, dC_signed, dHue, dL."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from diffuse_fuse.metrics.bands import Band, total
from diffuse_fuse.metrics.context import Array, Triple, rgb
from diffuse_fuse.metrics.metric import Metric

# sRGB to XYZ and the D65 white of the 2° observer, in the digits that scikit-image uses, so that a table made
# with the paper authors' snippet agrees to rounding.
_XYZ = np.array(((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227)))
_WHITE = np.array((0.95047, 1.0, 1.08883))
_RELATIVE_XYZ = _XYZ / _WHITE[:, None]  # to the white
_DEGREE = math.pi / 180
COLOURED = 5.0  # below this chroma a hue is mostly noise
_HUELESS = 0.02  # below this chroma there is nothing but rounding


def delta_e(t: Triple) -> float:
    """Mean CIEDE2000 difference between fused and visible colours, 0…about 100 (Sharma 2005)."""

    def apart(band: Band) -> tuple[float]:
        return (float(_ciede2000(*_labs(t, band)).sum()),)

    return float(total(t.shape, 0, apart)[0]) / t.fused.size


def de_ab(t: Triple) -> float:
    """Colour difference without lightness: mean √(Δa² + Δb²) in CIELAB."""
    return t.once(_plain_differences).ab


def dc(t: Triple) -> float:
    """Chroma difference: mean |C*(fused) − C*(vis)| in CIELAB, C* = √(a² + b²)."""
    return t.once(_plain_differences).chroma


def dc_signed(t: Triple) -> float:
    """Mean C*(fused) − C*(vis) in CIELAB: below 0 the fused picture is paler, above 0 more vivid."""
    return t.once(_plain_differences).signed_chroma


def dhue(t: Triple) -> float:
    """Hue error: Σ C*_vis |Δh| / Σ C*_vis in degrees, over pixels with C*_vis ≥ 5; NaN where there are none."""

    def turned(band: Band) -> tuple[float, float]:
        (_, a1, b1), (_, a2, b2) = _labs(t, band)
        chroma = np.sqrt(a2 * a2 + b2 * b2)
        coloured = chroma >= COLOURED
        a1, b1, a2, b2, chroma = (values[coloured] for values in (a1, b1, a2, b2, chroma))
        return float((chroma * turn_of_hue(a1, b1, a2, b2)).sum()), float(chroma.sum())

    turn, chroma = total(t.shape, 0, turned)
    return float(turn / chroma) if chroma else math.nan


def turn_of_hue(a1: Array, b1: Array, a2: Array, b2: Array) -> Array:
    """Degrees between the hues of fused colours a1, b1 and visible ones a2, b2 of CIELAB, 0…180."""
    # the angle between both (a, b) vectors
    turn: Array = np.abs(np.arctan2(a1 * b2 - a2 * b1, a1 * a2 + b1 * b2)) / _DEGREE
    # a grey fused pixel has no hue, only rounding of at most .005: it counts 90°, neither right nor opposite
    turn[a1 * a1 + b1 * b1 < _HUELESS**2] = 90
    return turn


def dl(t: Triple) -> float:
    """Lightness difference: mean |L*(fused) − L*(vis)| in CIELAB."""
    return t.once(_plain_differences).lightness


@dataclass(frozen=True)
class _Differences:
    """Means over the pixels."""

    ab: float
    chroma: float
    signed_chroma: float
    lightness: float


def _plain_differences(t: Triple) -> _Differences:
    def apart(band: Band) -> tuple[float, ...]:
        (l1, a1, b1), (l2, a2, b2) = _labs(t, band)
        chroma = np.sqrt(a1 * a1 + b1 * b1) - np.sqrt(a2 * a2 + b2 * b2)
        ab = np.sqrt((a1 - a2) ** 2 + (b1 - b2) ** 2)
        return tuple(float(values.sum()) for values in (ab, np.abs(chroma), chroma, np.abs(l1 - l2)))

    return _Differences(*(float(value) for value in total(t.shape, 0, apart) / t.fused.size))


def _labs(t: Triple, band: Band) -> tuple[Array, Array]:
    """CIELAB of the fused and of the visible picture in a band."""
    return lab(t.pictures["fused"][band.rows]), lab(t.pictures["vis"][band.rows])


@lru_cache(maxsize=1)
def _linear() -> Array:
    """256: the linear light of each value of a channel, in [0, 1]."""
    value = np.arange(256) / 255
    return np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)


def lab(picture: Array) -> Array:
    """CIELAB planes (L*, a*, b*) of a uint8 sRGB or grey picture, 3×H×W float64."""
    import cv2

    channels = [cv2.LUT(channel, _linear()) for channel in cv2.split(rgb(picture))]
    x, y, z = (_lab_curve(sum(part * c for part, c in zip(row, channels, strict=True))) for row in _RELATIVE_XYZ)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)))


def _lab_curve(value: Array) -> Array:
    curve = np.cbrt(value)
    dark = value <= 0.008856
    np.copyto(curve, 7.787 * value + 16 / 116, where=dark)
    return curve


def _ciede2000(one: Array, two: Array) -> Array:
    """CIEDE2000 of two 3×H×W Lab arrays → H×W, k_L = k_C = k_H = 1; steps and names as Sharma, Wu, Dalal 2005."""
    (l1, a1, b1), (l2, a2, b2) = one, two
    c_mean7 = _seventh((np.sqrt(a1 * a1 + b1 * b1) + np.sqrt(a2 * a2 + b2 * b2)) / 2)
    g = 0.5 * (1 - np.sqrt(c_mean7 / (c_mean7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.sqrt(a1 * a1 + b1 * b1), np.sqrt(a2 * a2 + b2 * b2)
    h1, h2 = np.arctan2(b1, a1), np.arctan2(b2, a2)
    h1, h2 = np.where(h1 < 0, h1 + 2 * math.pi, h1), np.where(h2 < 0, h2 + 2 * math.pi, h2)

    grey = c1 * c2 == 0
    dh = h2 - h1
    far = np.abs(dh) > math.pi
    h_sum = h1 + h2
    # the mean hue of angles more than 180° apart lies on the other side
    h_mean = np.where(far, h_sum + np.where(h_sum < 2 * math.pi, 2 * math.pi, -2 * math.pi), h_sum) / 2
    h_mean = np.where(grey, h_sum, h_mean)
    dh = np.where(far, dh - np.copysign(2 * math.pi, dh), dh)
    dl_, dc_ = l2 - l1, c2 - c1
    dh_ = np.where(grey, 0.0, 2 * np.sqrt(c1 * c2) * np.sin(dh / 2))

    # T from one sine and one cosine: the multiples of the angle follow by the addition theorems
    cos1, sin1 = np.cos(h_mean), np.sin(h_mean)
    cos2, sin2 = 2 * cos1 * cos1 - 1, 2 * sin1 * cos1
    cos3, sin3 = cos2 * cos1 - sin2 * sin1, sin2 * cos1 + cos2 * sin1
    cos4, sin4 = 2 * cos2 * cos2 - 1, 2 * sin2 * cos2
    t = (
        1
        - 0.17 * (cos1 * math.cos(30 * _DEGREE) + sin1 * math.sin(30 * _DEGREE))
        + 0.24 * cos2
        + 0.32 * (cos3 * math.cos(6 * _DEGREE) - sin3 * math.sin(6 * _DEGREE))
        - 0.20 * (cos4 * math.cos(63 * _DEGREE) + sin4 * math.sin(63 * _DEGREE))
    )
    l50 = ((l1 + l2) / 2 - 50) ** 2
    c_mean = (c1 + c2) / 2
    s_l = 1 + 0.015 * l50 / np.sqrt(20 + l50)
    s_c = 1 + 0.045 * c_mean
    s_h = 1 + 0.015 * c_mean * t
    c_mean7 = _seventh(c_mean)
    r_c = 2 * np.sqrt(c_mean7 / (c_mean7 + 25.0**7))
    theta = 30 * _DEGREE * np.exp(-(((h_mean / _DEGREE - 275) / 25) ** 2))
    r_t = -np.sin(2 * theta) * r_c
    l_part, c_part, h_part = dl_ / s_l, dc_ / s_c, dh_ / s_h
    # rounding may leave −1e-17 for equal colours
    total = l_part * l_part + c_part * c_part + h_part * h_part + r_t * c_part * h_part
    difference: Array = np.sqrt(np.maximum(total, 0))
    return difference


def _seventh(values: Array) -> Array:
    """values⁷ by products, for a tenth of the time of a power."""
    square = values * values
    power: Array = square * square * square * values
    return power


_LAB = "CIE 15:2004; sRGB, D65, 2° observer"
_GREY = "0 when fused equals vis. Grey pictures have chroma below .005 by the rounding of the matrix."

METRICS = (
    Metric(
        name="DeltaE",
        direction="down",
        range="0 … ≈100",
        summary="how far the fused colours are from the visible picture's (CIEDE2000)",
        equation="mean √((ΔL'/S_L)² + (ΔC'/S_C)² + (ΔH'/S_H)² + R_T ΔC' ΔH'/(S_C S_H))",
        paper="Sharma, Wu, Dalal, Color Res. Appl. 30 (2005) 21, eq. 2–22; Yue et al., IEEE TIP 32 (2023) 5705",
        convention="the Dif-Fusion authors' code: scikit-image rgb2lab, k = 1, mean over pixels",
        colour=True,
        pitfalls="Contains lightness: a faithful infrared injection RAISES it. On grey pairs it is lightness only. "
        "Report dC beside it.",
        others="MATLAB's deltaE() is CIE76: +16 … 25 %.",
        degenerate="0 when fused equals vis.",
        cost=34,
        function=delta_e,
    ),
    Metric(
        name="dE_ab",
        direction="down",
        range="0 … ≈200",
        summary="colour difference without lightness",
        equation="mean √(Δa*² + Δb*²)",
        paper=_LAB,
        convention="against the visible picture",
        colour=True,
        pitfalls="Blind to lightness on purpose.",
        others="An extra of dfuse.",
        degenerate=_GREY,
        cost=12,
        function=de_ab,
    ),
    Metric(
        name="dC",
        direction="down",
        range="0 … ≈130",
        summary="difference in chroma (colourfulness)",
        equation="mean |C*_F − C*_vis|, C* = √(a*² + b*²)",
        paper=_LAB,
        convention="against the visible picture",
        colour=True,
        pitfalls="Blind to lightness and hue on purpose.",
        others="An extra of dfuse.",
        degenerate=_GREY,
        cost=12,
        function=dc,
    ),
    Metric(
        name="dC_signed",
        direction="none",
        range="≈ −130 … 130",
        summary="below 0: paler than the visible picture; above 0: more vivid",
        equation="mean C*_F − C*_vis",
        paper=_LAB,
        convention="against the visible picture",
        colour=True,
        pitfalls="Pale and vivid regions cancel.",
        others="An extra of dfuse.",
        degenerate=_GREY,
        cost=12,
        function=dc_signed,
    ),
    Metric(
        name="dHue",
        direction="down",
        range="0 … 180°",
        summary="hue error where the visible picture has colour",
        equation="Σ C*_vis |Δh| / Σ C*_vis over pixels with C*_vis ≥ 5",
        paper=_LAB,
        convention="against the visible picture, degrees",
        colour=True,
        pitfalls="Says nothing about bleached pixels: read dC_signed too.",
        others="An extra of dfuse.",
        degenerate="NaN when the visible picture has no pixel of C* ≥ 5; a fused pixel without hue counts 90°.",
        cost=12,
        function=dhue,
    ),
    Metric(
        name="dL",
        direction="none",
        range="0 … 100",
        summary="difference in lightness",
        equation="mean |L*_F − L*_vis|",
        paper=_LAB,
        convention="against the visible picture",
        colour=True,
        pitfalls="Infrared information has to change lightness: neither high nor low is good.",
        others="An extra of dfuse.",
        degenerate="0 when fused equals vis.",
        cost=12,
        function=dl,
    ),
)
