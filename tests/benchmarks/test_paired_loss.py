"""Runs that saw the same crops, compared step by step."""

import numpy as np
import pytest
import typer
from paired_loss import compare


def test_common_noise_drops_out():
    rng = np.random.default_rng(0)
    crops, own = rng.normal(0, 1.0, 400), rng.normal(0, 0.01, 400)
    a = {20 * i: float(crops[i]) for i in range(400)}
    b = {20 * i: float(crops[i] + own[i] - 0.05) for i in range(400)}
    for first, last, mean, half in compare(a, b, 4):
        assert last - first == 20 * 99
        assert half < 0.005 and abs(mean - 0.05) < 3 * half


def test_only_steps_in_both_count():
    a = {step: 1.0 for step in range(0, 200, 20)}
    b = {step: 3.0 for step in range(100, 400, 20)}
    assert compare(a, b, 1) == [(100, 180, -2.0, 0.0)]


def test_too_short_logs_are_refused():
    with pytest.raises(typer.BadParameter, match="share 1 lines"):
        compare({20: 1.0}, {20: 2.0}, 4)
