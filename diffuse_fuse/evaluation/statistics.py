"""What a mean over a hundred pictures is worth: intervals, paired tests, and which metrics say the same.

Arrays are methods × pairs × metrics, float64; NaN where there is no value. Non-finite values (SCD of a copy) take no
part in anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
_CHUNK = 500  # resamples at a time: 500 × 12 000 pairs are 48 MB


@dataclass(frozen=True)
class Means:
    """Arrays of shape methods × metrics. ``low``/``high``: 95 % interval of the mean, NaN below two values."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    std: np.ndarray
    count: np.ndarray


@dataclass(frozen=True)
class Comparisons:
    """The first method against each other one, shape (methods - 1) × metrics; NaN where a test is not possible.

    p: two-sided Wilcoxon signed-rank test. p_holm: the same after Holm's correction over the whole table.
    difference: median of first minus other. wins: share of pairs on which the first method's value is higher.
    """

    p: np.ndarray
    p_holm: np.ndarray
    difference: np.ndarray
    wins: np.ndarray


def means(values: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> Means:
    """Means over pairs with percentile bootstrap intervals (Efron 1979); the same seed gives the same intervals.

    Pairs are drawn, not values: every method and metric sees the same draws.
    """
    finite = np.isfinite(values)
    count = finite.sum(axis=1)
    filled = np.where(finite, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=1) / count
        spread = np.where(finite, values - mean[:, None], 0.0)
        std = np.sqrt((spread**2).sum(axis=1) / (count - 1))
    low, high = _bootstrap(filled, finite, seed, resamples)
    few = count < 2
    for array in (low, high, std):
        array[few] = np.nan
    return Means(mean, low, high, std, count)


def _bootstrap(filled: np.ndarray, finite: np.ndarray, seed: int, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    methods, pairs, metrics = filled.shape
    if pairs == 0:
        nothing = np.full((methods, metrics), np.nan)
        return nothing, nothing.copy()
    columns = filled.transpose(1, 0, 2).reshape(pairs, -1)
    there = finite.transpose(1, 0, 2).reshape(pairs, -1).astype(np.float64)
    rng = np.random.default_rng(seed)
    drawn = []
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        times = rng.multinomial(pairs, np.full(pairs, 1 / pairs), size=size).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn.append((times @ columns) / (times @ there))
    means_drawn = np.concatenate(drawn)
    low, high = np.full(columns.shape[1], np.nan), np.full(columns.shape[1], np.nan)
    usable = there.any(axis=0)  # a column without any value has no interval, and nanpercentile would warn
    if usable.any():
        low[usable], high[usable] = np.nanpercentile(means_drawn[:, usable], (2.5, 97.5), axis=0)
    return low.reshape(methods, metrics), high.reshape(methods, metrics)


def compare_with_first(values: np.ndarray) -> Comparisons:
    """Paired tests of the first method against all others, on the pairs that both have.

    Wilcoxon's signed-rank test, two-sided, ties at zero left out; where all differences are zero p is 1.
    """
    from scipy.stats import wilcoxon

    methods, _, metrics = values.shape
    shape = (max(methods - 1, 0), metrics)
    p, difference, wins = (np.full(shape, np.nan) for _ in range(3))
    for other in range(1, methods):
        for metric in range(metrics):
            first, second = values[0, :, metric], values[other, :, metric]
            both = np.isfinite(first) & np.isfinite(second)
            if both.sum() < 2:
                continue
            gap = first[both] - second[both]
            difference[other - 1, metric] = np.median(gap)
            wins[other - 1, metric] = np.mean(gap > 0)
            p[other - 1, metric] = wilcoxon(gap).pvalue if np.any(gap) else 1.0
    return Comparisons(p, holm(p), difference, wins)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's (1979) step-down correction over all finite entries; NaN stays NaN."""
    corrected = np.full(p.shape, np.nan)
    flat, out = p.ravel(), corrected.ravel()
    tested = np.flatnonzero(np.isfinite(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(flat[order] * factors), 1.0)
    return out.reshape(p.shape)


def rank_correlation(values: np.ndarray, within_pairs: bool) -> np.ndarray:
    """Spearman's rank correlation between metrics, over all methods and pairs: metrics × metrics.

    within_pairs: each pair's mean over the methods is taken off first. Then 1 means that two metrics prefer the same
    methods; without it, that they are high on the same pictures. NaN for a metric that does not vary.
    """
    from scipy.stats import rankdata

    values = np.where(np.isfinite(values), values, np.nan)
    if within_pairs:
        there = np.isfinite(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = np.where(there, values, 0.0).sum(axis=0) / there.sum(axis=0)
        values = np.round(values - centre, 12)  # equal values must stay equal
    cells = values.reshape(-1, values.shape[2])
    size = cells.shape[1]
    matrix = np.full((size, size), np.nan)
    for i in range(size):
        for j in range(i, size):
            both = np.isfinite(cells[:, i]) & np.isfinite(cells[:, j])
            if both.sum() < 3:
                continue
            a, b = rankdata(cells[both, i]), rankdata(cells[both, j])
            if a.std() > 0 and b.std() > 0:
                matrix[i, j] = matrix[j, i] = np.corrcoef(a, b)[0, 1]
    return np.clip(matrix, -1, 1)
