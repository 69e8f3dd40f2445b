"""Numbers of other evaluators, and telling which of them a paper used."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffuse_fuse import metrics
from diffuse_fuse.errors import MetricError
from tests.metrics.scenes import rendered, street
from tests.metrics.test_oracle import DATA, needs_fixtures, triple


def values(names, convention):
    return metrics.compute(*street(), names, convention)


def test_factors_between_conventions():
    plain, tang, cddfuse = (values("all", convention) for convention in ("plain", "tang", "cddfuse"))
    assert tang["PSNR"] == pytest.approx(plain["PSNR"] + 20 * math.log10(255))
    assert cddfuse["MI"] == pytest.approx(plain["MI"] * math.log(2))
    assert cddfuse["MSE"] == pytest.approx(plain["MSE"] * 255**2)
    assert cddfuse["VIFF"] == plain["VIF"]
    assert values(["SF"], "tang-sheets")["SF"] == pytest.approx(plain["SF"] / 255)


def test_nabf_of_the_driver_is_ours_with_the_pictures_in_its_order():
    ir, vis, fused = street()
    assert metrics.nabf(vis, fused, ir) == metrics.compute(ir, vis, fused, ["Nabf"], "tang")["Nabf"]


def test_levels_254_and_255_merge_only_in_the_driver():
    dark = np.zeros((8, 8), np.uint8)
    high = dark.copy()
    high[::2] = 254
    high[1::2] = 255
    assert metrics.mi(high, high, high) == pytest.approx(2)
    assert metrics.compute(high, high, high, ["MI"], "tang")["MI"] == pytest.approx(4)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # a row as a paper prints it
        ({"EN": 6.69, "SD": 8.4}, "tang-sheets"),
        # of the size that the driver's published sheets have, and the driver as it is
        ({"EN": 7.13, "SD": 9.56, "SF": 0.048, "VIF": 0.70, "MI": 2.83, "PSNR": 61.4}, "tang-sheets"),
        ({"EN": 7.13, "SD": 44.2, "SF": 12.2, "MI": 2.83, "PSNR": 61.4, "VIF": 0.7}, "tang"),
        # of the size of CDDFuse's own table for TNO
        (
            {"EN": 7.12, "SD": 46.0, "SF": 13.15, "MI": 2.19, "SCD": 1.76, "VIF": 0.77, "Qabf": 0.54, "SSIM": 1.03},
            "cddfuse",
        ),
        ({"SD": 41.0, "MSE": 3900.0}, "cddfuse"),
        ({"SD": 41.0, "SF": 11.0, "SSIM": 0.62, "PSNR": 15.0, "Nabf": 0.12}, "plain"),
    ],
)
def test_guess(row, expected):
    guess = metrics.guess_convention(row)
    assert guess.convention == expected
    assert guess.decided
    assert guess.reasons
    assert set(guess.used) <= set(row)
    assert sum(guess.likelihoods.values()) == pytest.approx(1)
    assert guess.confidence == max(guess.likelihoods.values())


def test_a_row_that_tells_nothing_is_plain_and_not_decided():
    guess = metrics.guess_convention({"EN": 6.7, "Qabf": 0.6})
    assert (guess.convention, guess.decided, guess.reasons) == ("plain", False, ())


def test_one_wrong_cell_does_not_outvote_the_row():
    row = {"SD": 9.5, "SF": 0.05, "PSNR": 61.0, "MSE": 1e9}
    assert metrics.guess_convention(row).convention == "tang-sheets"


@pytest.mark.parametrize("row", [{}, {"EN": math.nan}, {"EN": "6.7"}, {"EN": True}, {"Entropy": 6.7}])
def test_rows_that_are_none(row):
    with pytest.raises(MetricError):
        metrics.guess_convention(row)


@pytest.mark.parametrize("convention", metrics.CONVENTIONS)
def test_guess_on_means_of_rendered_pictures(convention):
    names = ["EN", "SD", "SF", "MI", "PSNR", "VIF", "SSIM", "Nabf"]
    rows = [metrics.compute(*pictures, names, convention) for pictures in (rendered(), street())]
    guess = metrics.guess_convention({name: float(np.mean([row[name] for row in rows])) for name in names})
    assert guess.convention == convention and guess.decided


@needs_fixtures
@pytest.mark.parametrize("convention", metrics.CONVENTIONS)
@pytest.mark.parametrize("method", ["SeAFusion", "U2Fusion"])
def test_guess_on_real_pictures(method, convention):
    indices = [index for index, pair in enumerate(DATA["pairs"]) if pair["id"].startswith(method)]
    names = ["EN", "SD", "SF", "MI", "PSNR", "VIF", "SSIM", "Nabf"]
    row = {
        name: float(np.mean([metrics.REGISTRY[name].value(triple(index, None), convention) for index in indices]))
        for name in names
    }
    assert metrics.guess_convention(row).convention == convention
