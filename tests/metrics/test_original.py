"""Values of original public code on pictures that every clone has: the part of ``test_oracle.py`` that can travel.

original.json holds the numbers and says whose they are. What it does not cover (metrics whose originals are MATLAB's)
is met on real pictures by ``test_oracle.py``, where these are at hand.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diffuse_fuse import metrics
from diffuse_fuse.metrics.context import Triple
from tests.metrics.scenes import rendered, street

DATA = json.loads(Path(__file__).with_name("original.json").read_text(encoding="utf-8"))
PICTURES = {"rendered()": rendered, "street()": street, "street(61, 75)": lambda: street(61, 75)}
CONVENTION = {name: origin["convention"] for origin in DATA["origins"].values() for name in origin["metrics"]}


@pytest.mark.parametrize("pictures", PICTURES)
def test_values_of_original_code(pictures):
    expected = DATA["values"][pictures]
    triple = Triple(*PICTURES[pictures]())
    got = {name: metrics.REGISTRY[name].value(triple, CONVENTION[name]) for name in expected}
    assert got == pytest.approx(expected, rel=1e-10, abs=0)


@pytest.mark.parametrize("pictures", PICTURES)
def test_the_plain_convention_follows_from_them(pictures):
    """Where evaluators differ by a factor or agree, the plain number has an original value, too."""
    expected = DATA["values"][pictures]
    got = metrics.compute(*PICTURES[pictures](), ["EN", "SD", "SF", "CC", "SCD", "Qabf", "VIF", "MSE", "MI"])
    same = {name: expected[name] for name in ("EN", "SD", "SF", "CC", "SCD", "Qabf")}
    same |= {"VIF": expected["VIFF"], "MSE": expected["MSE"] / 255**2, "MI": expected["MI"] / 0.6931471805599453}
    assert got == pytest.approx(same, rel=1e-10, abs=0)


def test_all_pictures_and_all_values_have_an_origin():
    assert DATA["values"].keys() == PICTURES.keys()
    assert all(values.keys() == CONVENTION.keys() for values in DATA["values"].values())
