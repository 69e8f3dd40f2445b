"""Values of this code on a picture triple made of integers, so that a change of any metric is seen everywhere.

golden.json was written by this code once it agreed with original public code (``test_oracle.py``, whose pictures
cannot be part of the repository). After a change that is meant: python -m tests.metrics.test_golden
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from diffuse_fuse import metrics
from tests.metrics.scenes import street

PATH = Path(__file__).with_name("golden.json")
ABOUT = (
    "Not an oracle: made by diffuse_fuse.metrics itself, once it agreed with original public code on all values of "
    "metrics_oracle.json (tests/metrics/test_oracle.py). The pictures: tests/metrics/scenes.py, street(). To write "
    "it anew: python -m tests.metrics.test_golden"
)


def computed() -> dict[str, dict[str, float]]:
    """All metrics in every convention."""
    pictures = street()
    return {convention: metrics.compute(*pictures, "all", convention) for convention in metrics.CONVENTIONS}


@pytest.mark.parametrize("convention", metrics.CONVENTIONS)
def test_values_have_not_changed(convention):
    golden = json.loads(PATH.read_text(encoding="utf-8"))["values"][convention]
    got = metrics.compute(*street(), "all", convention)
    assert list(golden) == list(got)
    assert got == pytest.approx(golden, rel=1e-7, abs=1e-12)


def test_golden_values_are_numbers_and_conventions_differ():
    values = json.loads(PATH.read_text(encoding="utf-8"))["values"]
    assert all(math.isfinite(value) for row in values.values() for value in row.values())
    for name, metric in metrics.REGISTRY.items():
        differing = {each for each in values if values[each][name] != pytest.approx(values["plain"][name], rel=1e-9)}
        assert differing <= set(metric.variants), name


if __name__ == "__main__":
    PATH.write_text(json.dumps({"about": ABOUT, "values": computed()}, indent=1) + "\n", encoding="utf-8")
