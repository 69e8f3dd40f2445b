"""Pictures that an equation has no answer for get the documented one: a number or NaN, no warning, no exception."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffuse_fuse import metrics
from tests.metrics.scenes import flat, street

FAST = [name for name in metrics.REGISTRY if name not in ("FMI_dct", "FMI_w", "FMI_raw", "Qp")]
PERFECT = {
    **{"CC": 1, "MSE": 0, "PSNR": math.inf, "VIF": 2, "VIF_ir": 1, "VIF_vis": 1, "VIFF": 1, "Nabf": 0, "SSIM": 1},
    **{"MS_SSIM": 1, "NMI": 2, "FMI_pixel": 1, "FMI_dct": 1, "FMI_w": 1, "FMI_raw": 1, "Qcb": 1, "Qcv": 0},
    **{"Qw": 1, "Qe": 1, "Qs": 1, "Qy": 1, "Qsf": 0, "DeltaE": 0, "dE_ab": 0, "dC": 0, "dC_signed": 0, "dL": 0},
    **{"Tone": 1, "Bleached": 0},
}
# What a triple of constant pictures leaves without an answer.
UNDEFINED_FLAT = {"Qsf", "NMI", "CC", "SCD", "Qp", "Qcb", "dHue", "HTV", "Tone"}
# What needs a window or a pyramid that does not fit into pictures of a few pixels.
UNDEFINED_SMALL = {
    *("VIF", "VIF_ir", "VIF_vis", "VIFF", "MS_SSIM", "FMI_pixel", "FMI_dct", "FMI_w", "FMI_raw"),
    *("Qw", "Qe", "Qs", "Qy", "Qsf", "Qp", "HTV", "dHue", "CC", "SCD", "NMI", "Qcb", "Qcv", "Qabf"),
    *("Tone", "Darkened"),
}


def measure(ir, vis, fused, names="all", convention="plain"):
    """``compute`` with warnings as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return metrics.compute(ir, vis, fused, names, convention)


def undefined(values):
    return {name for name, value in values.items() if math.isnan(value)}


def test_equal_pictures_are_perfect():
    same = street()[0]
    got = measure(same, same, same)
    assert {name: got[name] for name in PERFECT} == pytest.approx(PERFECT, abs=1e-9)
    # no bright area of 1 % when blurred
    assert undefined(got) == {"SCD", "dHue", "Darkened"}
    assert got["MI"] == pytest.approx(2 * got["EN"])
    # Xydeas' constants stop below 1
    assert 0.97 < got["Qabf"] < 0.976


@pytest.mark.parametrize("value", [1, 100, 255])
def test_constant_pictures(value):
    same = flat(value)
    got = measure(same, same, same)
    assert undefined(got) == UNDEFINED_FLAT | ({"Darkened"} if value < 141 else set())
    assert {got[name] for name in ("EN", "SD", "SF", "AG", "MI", "Nabf", "DeltaE")} == {0}
    perfect = {name: number for name, number in PERFECT.items() if name not in UNDEFINED_FLAT}
    assert {name: got[name] for name in perfect} == pytest.approx(perfect, abs=1e-9)


def test_black_pictures_have_no_edges_to_keep():
    assert undefined(measure(flat(0), flat(0), flat(0))) == {*UNDEFINED_FLAT, "Qabf", "Darkened"}


def test_three_different_constants():
    got = measure(flat(10), flat(200), flat(90))
    assert undefined(got) == UNDEFINED_FLAT
    assert got["Darkened"] == 1
    # flat sources have nothing to lose
    assert got["VIF"] == 2


def test_constant_fused_picture_keeps_nothing():
    ir, vis, _ = street()
    got = measure(ir, vis, flat(90, *ir.shape))
    assert undefined(got) == {"CC", "Qcb", "Tone"}
    zero = ("EN", "SD", "SF", "AG", "MI", "NMI", "VIF", "Nabf", "HTV")
    assert [got[name] for name in zero] == pytest.approx([0] * len(zero), abs=1e-9)
    # documented: never rank on Qp alone
    assert got["Qp"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("source", [0, 1])
def test_copy_of_a_source(source):
    ir, vis = street()[0], street()[1][..., 1]
    got = measure(ir, vis, (ir, vis)[source], FAST)
    assert undefined(got) == {"SCD", "dHue"}
    assert got["Nabf"] == 0
    assert got[("VIF_ir", "VIF_vis")[source]] == pytest.approx(1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (60, 1), (2, 2), (3, 3), (7, 9), (12, 40), (40, 41)])
@pytest.mark.parametrize("convention", metrics.CONVENTIONS)
def test_small_pictures(shape, convention):
    rng = np.random.default_rng(3)
    got = measure(*(rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(3)), "all", convention)
    allowed = UNDEFINED_SMALL | ({"SSIM"} if convention == "cddfuse" else set())
    assert undefined(got) <= allowed


def test_least_sizes_that_are_documented():
    def value(name, side):
        ir, vis, fused = (picture[:side, :side] for picture in street())
        return metrics.compute(ir, vis, fused, [name])[name]

    for name, side in (
        ("VIF", 41),
        ("VIFF", 41),
        ("MS_SSIM", 44),
        ("Qw", 11),
        ("Qs", 11),
        ("Qy", 11),
        ("FMI_pixel", 3),
    ):
        assert math.isnan(value(name, side - 1)), name
        assert math.isfinite(value(name, side)), name


@st.composite
def triples(draw):
    """Three pictures of one size, each grey or in colour, with flat and saturated regions."""
    shape = draw(st.tuples(st.integers(1, 50), st.integers(1, 50)))

    def picture(colour):
        size = (*shape, 3) if colour else shape
        fill = draw(st.sampled_from([0, 1, 128, 255]))
        noise = np.random.default_rng(draw(st.integers(0, 9))).integers(0, 256, size, dtype=np.uint8)
        cut = draw(st.integers(0, shape[0]))
        noise[:cut] = fill
        return noise

    return picture(draw(st.booleans())), picture(draw(st.booleans())), picture(draw(st.booleans()))


BOUNDS = {
    **{"EN": (0, 8), "SD": (0, 127.5), "SF": (0, 361), "MI": (0, 16), "NMI": (0, 2), "CC": (-1, 1), "SCD": (-2, 2)},
    **{"MSE": (0, 1), "Qabf": (0, 0.976), "Nabf": (0, 1), "Labf": (0, 1), "SSIM": (-1, 1), "MS_SSIM": (0, 1)},
    **{"FMI_pixel": (0, 1), "FMI_raw": (0, 1), "Qcb": (0, 1), "Qw": (-1, 1), "Qs": (-1, 1), "Qe": (-1, 1)},
    **{"Qy": (-1, 1), "Qsf": (-1, math.inf)},
    **{"VIF_ir": (0, math.inf), "VIF_vis": (0, math.inf), "DeltaE": (0, 120), "dHue": (0, 180), "HTV": (-1, 1)},
    **{"Qcv": (0, math.inf), "dL": (0, 100), "dC": (0, 140)},
    **{"Tone": (-1, 1), "Darkened": (0, 1), "Bleached": (0, 1)},
}


@given(triples(), st.sampled_from(list(metrics.CONVENTIONS)))
@settings(max_examples=60)
def test_any_pictures_give_numbers_in_range_or_nan(triple, convention):
    got = measure(*triple, "all", convention)
    assert list(got) == list(metrics.REGISTRY)
    assert all(isinstance(value, float) for value in got.values())
    assert undefined(got) <= UNDEFINED_SMALL | ({"SSIM"} if convention == "cddfuse" else set())
    if convention == "plain":
        for name, (low, high) in BOUNDS.items():
            assert math.isnan(got[name]) or low - 1e-9 <= got[name] <= high + 1e-9, name
        assert got["VIF"] == pytest.approx(got["VIF_ir"] + got["VIF_vis"], nan_ok=True)


@given(triples())
@settings(max_examples=25)
def test_symmetric_metrics_do_not_care_which_source_is_which(triple):
    # not VIFF: where both gains are equal, the original takes the second source
    symmetric = ["MI", "NMI", "CC", "SCD", "MSE", "VIF", "Qabf", "Nabf", "Labf", "SSIM", "MS_SSIM"]
    symmetric += ["Qw", "Qs", "Qe", "Qy", "Qsf", "FMI_pixel", "Qcb", "Qcv"]
    ir, vis, fused = triple
    assert measure(ir, vis, fused, symmetric) == pytest.approx(measure(vis, ir, fused, symmetric), nan_ok=True)
