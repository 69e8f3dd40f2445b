"""Intervals, tests and correlations against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffuse_fuse.evaluation import statistics


def test_means_leave_out_what_is_undefined() -> None:
    values = np.array([[[1.0, np.nan], [3.0, np.inf], [5.0, 2.0]]])
    means = statistics.means(values, resamples=200)
    assert means.mean[0].tolist() == [3.0, 2.0]
    assert means.count[0].tolist() == [3, 1]
    assert means.std[0, 0] == pytest.approx(2.0)
    assert np.isnan(means.low[0, 1]) and np.isnan(means.std[0, 1])


def test_all_undefined_is_nan_without_a_warning() -> None:
    means = statistics.means(np.full((1, 3, 1), np.nan), resamples=50)
    assert np.isnan([means.mean[0, 0], means.low[0, 0], means.high[0, 0]]).all()


def test_interval_has_the_size_that_theory_expects() -> None:
    values = np.random.default_rng(1).normal(10, 2, (1, 400, 1))
    means = statistics.means(values, seed=3)
    half = 1.96 * values.std() / np.sqrt(400)
    assert means.high[0, 0] - means.mean[0, 0] == pytest.approx(half, rel=0.08)
    assert means.mean[0, 0] - means.low[0, 0] == pytest.approx(half, rel=0.08)


def test_interval_covers_the_truth_in_about_95_percent_of_experiments() -> None:
    draws = np.random.default_rng(5).normal(0, 1, (300, 60, 1))  # 300 "methods" are 300 experiments
    means = statistics.means(draws, resamples=1000)
    covered = np.mean((means.low <= 0) & (means.high >= 0))
    assert 0.90 <= covered <= 0.985


def test_same_seed_same_interval() -> None:
    values = np.random.default_rng(0).random((2, 20, 3))
    first, again = (statistics.means(values, seed=4, resamples=300) for _ in range(2))
    other = statistics.means(values, seed=5, resamples=300)
    assert np.array_equal(first.low, again.low)
    assert not np.array_equal(first.low, other.low)


def test_holm_by_hand() -> None:
    p = np.array([[0.01, 0.04], [0.03, np.nan]])
    assert statistics.holm(p) == pytest.approx(np.array([[0.03, 0.06], [0.06, np.nan]]), nan_ok=True)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_between_the_raw_value_and_bonferroni(p: list[float]) -> None:
    raw = np.array(p)
    corrected = statistics.holm(raw)
    assert (corrected >= raw).all()
    assert (corrected <= np.minimum(1, raw * len(p)) + 1e-12).all()
    assert (np.diff(corrected[np.argsort(raw, kind="stable")]) >= 0).all()


def test_comparison_with_the_first_method() -> None:
    rng = np.random.default_rng(2)
    first = rng.random((30, 1))
    values = np.stack([first, first - 0.2 - 0.01 * rng.random((30, 1)), first])
    result = statistics.compare_with_first(values)
    assert result.p[0, 0] < 1e-6 and result.p[1, 0] == 1.0
    assert result.p_holm[0, 0] == pytest.approx(2 * result.p[0, 0])
    assert result.difference[:, 0] == pytest.approx([0.205, 0.0], abs=0.005)
    assert result.wins[:, 0].tolist() == [1.0, 0.0]


def test_comparison_needs_common_pairs() -> None:
    values = np.array([[[1.0], [np.nan]], [[np.nan], [2.0]]])
    assert np.isnan(statistics.compare_with_first(values).p).all()
    assert statistics.compare_with_first(values[:1]).p.shape == (0, 1)


def test_rank_correlation() -> None:
    x = np.arange(10.0)
    values = np.stack([x, np.exp(x), -x, np.full(10, 4.0)], axis=-1)[None]
    matrix = statistics.rank_correlation(values, within_pairs=False)
    assert matrix[0, :3] == pytest.approx([1, 1, -1])
    assert np.isnan(matrix[3]).all()


def test_correlation_within_pairs_forgets_the_pictures() -> None:
    rng = np.random.default_rng(0)
    scene = rng.normal(0, 100, (1, 50, 1))  # both metrics follow the scene, and disagree about the methods
    quality = np.array([0.0, 1.0, 2.0])[:, None, None]
    values = np.concatenate([scene + quality, scene - quality], axis=2) + rng.normal(0, 0.01, (3, 50, 2))
    assert statistics.rank_correlation(values, within_pairs=False)[0, 1] > 0.9
    assert statistics.rank_correlation(values, within_pairs=True)[0, 1] < -0.8
