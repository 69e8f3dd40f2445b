"""Feature mutual information (Haghighat's fast FMI): FMI_pixel, FMI_dct, FMI_w, FMI_raw."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.features import dct, meyer_mosaic, sobel_edges
from diffuse_fuse.metrics.metric import Metric

_CHUNK = 2048  # windows at once: 81 cells of each stay in the cache


def fmi_pixel(t: Triple) -> float:
    """Feature mutual information of Sobel edge maps, 0…1 (Haghighat 2014): what this field's tables call pixel."""
    if min(t.shape) < 3:
        return math.nan
    codes = [_pattern_codes(sobel_edges(plane / 255)) for plane in t.lumas]
    # 512 patterns of nine bits: each combination that occurs is computed once
    combined = (codes[0] * 512 + codes[1]) * 512 + codes[2]
    found, counts = np.unique(combined, return_counts=True)
    bits = np.arange(9)[:, None]
    ir, vis, fused = ((found // 512**place % 512 >> bits & 1).astype(np.float64) for place in (2, 1, 0))
    return float(_window_scores(ir, vis, fused) @ counts / counts.sum())


def fmi_dct(t: Triple) -> float:
    """Feature mutual information of the DCT coefficients of the whole picture, 0…1 (Haghighat 2014)."""
    return _fmi(t, dct)


def fmi_w(t: Triple) -> float:
    """Feature mutual information of one discrete Meyer wavelet level, 0…1 (Haghighat 2014)."""
    return _fmi(t, meyer_mosaic)


def fmi_raw(t: Triple) -> float:
    """Feature mutual information of the grey values themselves, 0…1 (Haghighat 2014), their code's default."""
    return _fmi(t, lambda plane: plane)


def _fmi(t: Triple, feature: Callable[[Array], Array]) -> float:
    if min(t.shape) < 3:
        return math.nan
    ir, vis, fused = (_windows(feature(plane)) for plane in t.lumas)
    total = 0.0
    windows: int = fused.shape[1]
    for start in range(0, windows, _CHUNK):
        part = np.s_[:, start : start + _CHUNK]
        total += float(_window_scores(ir[part], vis[part], fused[part]).sum())
    return total / windows


def _windows(feature: Array) -> Array:
    """All 3×3 windows as 9×N, samples in column order: the order enters the result."""
    height, width = feature.shape
    parts = [feature[y : y + height - 2, x : x + width - 2] for x in range(3) for y in range(3)]
    return np.stack([part.ravel() for part in parts])


def _pattern_codes(edges: Array) -> Array:
    codes: Array = (_windows(edges).astype(np.int64) << np.arange(9)[:, None]).sum(axis=0)
    return codes


def _window_scores(ir: Array, vis: Array, fused: Array) -> Array:
    """Mean of both sources' normalised mutual information with the fused window; 9×N each → N."""
    pdf_ir, pdf_vis, pdf_fused = _pdf(ir), _pdf(vis), _pdf(fused)
    # Equal windows share everything, flat ones too. (The original's second comparison sees a rescaled fused window;
    # where that matters, its rounding noise leads to 1 all the same.)
    from_ir = np.where((ir == fused).all(axis=0), 1.0, _mutual(pdf_ir, pdf_fused))
    from_vis = np.where((vis == fused).all(axis=0), 1.0, _mutual(pdf_vis, pdf_fused))
    return (from_ir + from_vis) / 2


def _pdf(window: Array) -> Array:
    """Nine samples stretched to 0…1 and divided by their sum: read as probabilities of nine positions."""
    low, high = window.min(axis=0), window.max(axis=0)
    flat = high == low
    stretched = np.where(flat, 1.0, (window - low) / np.where(flat, 1.0, high - low))
    shares: Array = stretched / stretched.sum(axis=0)
    return shares


def _mutual(p: Array, q: Array) -> Array:
    """2 I(p; q) / (H(p) + H(q)) of 9×N distributions → N, joint distribution by Nelsen's bounds.

    The joint distribution lies between independence and the Fréchet bound (upper for a positive, lower for a
    negative correlation), as far as Pearson's correlation demands.
    """
    correlation = _correlation(p, q)
    cdf_p, cdf_q = np.cumsum(p, axis=0), np.cumsum(q, axis=0)
    negative = correlation < 0
    # The bound's mass in cell (i, j) is the overlap of two intervals of the unit line: [P_i−1, P_i] with
    # [Q_j−1, Q_j] for the upper one, with its mirror image [1 − Q_j, 1 − Q_j−1] for the lower one.
    zero = np.zeros((1, p.shape[1]))
    start_p, start_q = np.concatenate((zero, cdf_p[:-1])), np.concatenate((zero, cdf_q[:-1]))
    left, right = np.where(negative, 1 - cdf_q, start_q), np.where(negative, 1 - start_q, cdf_q)
    bound = np.minimum(cdf_p[:, None], right) - np.maximum(start_p[:, None], left)
    np.maximum(bound, 0, out=bound)

    extreme = np.where(negative, np.maximum(cdf_p[:, None] + cdf_q - 1, 0), np.minimum(cdf_p[:, None], cdf_q)).sum(
        axis=(0, 1)
    )
    covariance = extreme - cdf_p.sum(axis=0) * cdf_q.sum(axis=0)
    spread = _position_variance(p) * _position_variance(q)
    defined = (correlation != 0) & (spread > 1e-24) & (covariance != 0)
    share = np.where(defined, correlation * np.sqrt(spread) / np.where(defined, covariance, 1), 0)

    joint = p[:, None] * q
    joint *= 1 - share
    joint += share * bound
    entropy_p, entropy_q = _entropy(p), _entropy(q)
    shared = entropy_p + entropy_q - _entropy(joint.reshape(81, -1))
    both = entropy_p + entropy_q
    return np.where(both > 0, 2 * shared / np.where(both > 0, both, 1), 0)


def _correlation(p: Array, q: Array) -> Array:
    """Pearson correlation of the nine values; 0 where one side is flat."""
    a, b = p - p.mean(axis=0), q - q.mean(axis=0)
    norm = (a * a).sum(axis=0) * (b * b).sum(axis=0)
    shaped = (np.ptp(p, axis=0) > 0) & (np.ptp(q, axis=0) > 0)
    return np.where(shaped, (a * b).sum(axis=0) / np.sqrt(np.where(shaped, norm, 1)), 0)


def _position_variance(p: Array) -> Array:
    position = np.arange(1, 10)[:, None]
    mean = (position * p).sum(axis=0)
    variance: Array = np.maximum((position * position * p).sum(axis=0) - mean * mean, 0)
    return variance


def _entropy(p: Array) -> Array:
    # a share above 1 makes cells negative: the original takes the real part of their complex logarithm
    size = np.abs(p)
    bits: Array = -(p * np.log2(np.where(size > 0, size, 1))).sum(axis=0)
    return bits


_PAPER = "Haghighat, Razian, AICT 2014; Haghighat, Aghagolzadeh, Seyedarabi, Comput. Electr. Eng. 37 (2011) 744"
_EQUATION = "mean over 3×3 windows of [I(ir; F)/(H(ir) + H(F)) + I(vis; F)/(H(vis) + H(F))]"
_DEGENERATE = "1 when all three are equal; windows flat in one picture only share 0; NaN below 3×3 pixels."


def _metric(
    name: str, feature: str, cost: float, function: Callable[[Triple], float], pitfalls: str, others: str
) -> Metric:
    return Metric(
        name=name,
        direction="up",
        range="0 … 1",
        summary=f"local mutual information of {feature}",
        equation=f"{_EQUATION}, of {feature}",
        paper=_PAPER,
        convention="fast FMI, 3×3 windows, samples in column order",
        pitfalls=pitfalls,
        others=others,
        degenerate=_DEGENERATE,
        cost=cost,
        function=function,
    )


METRICS = (
    _metric(
        "FMI_pixel",
        "Sobel edge maps",
        80,
        fmi_pixel,
        "About .87 for everything: most windows have no edge at all. 'Pixel' in tables is this edge map.",
        "Haghighat's default, raw pixels, is FMI_raw: −53 %. MATLAB's edge() thins otherwise than Octave's.",
    ),
    _metric(
        "FMI_dct",
        "the whole picture's DCT coefficients",
        900,
        fmi_dct,
        "Windows of a DCT have no place in the picture.",
        "Public codes agree, where the sample order is MATLAB's.",
    ),
    _metric(
        "FMI_w",
        "a discrete Meyer wavelet mosaic",
        1250,
        fmi_w,
        "Windows straddle the borders between the subbands.",
        "Public codes agree, where wavelet and borders are MATLAB's ('dmey', symmetric).",
    ),
    _metric(
        "FMI_raw",
        "grey values",
        900,
        fmi_raw,
        "A copy of either source scores high.",
        "The default of Haghighat's code; tables that say 'pixel' mostly mean FMI_pixel.",
    ),
)
