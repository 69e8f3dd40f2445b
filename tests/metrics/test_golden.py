"""Values of this code on a scene rendered by ``examples/``, so that a change of any metric is seen everywhere.

golden.json was written by this code once it agreed with original public code (``test_oracle.py``, whose pictures
cannot be part of the repository). After a change that is meant: python -m tests.metrics.test_golden
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse import metrics
from tests.metrics.scenes import RENDERED_KIND, RENDERED_SIZE, rendered

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PATH = Path(__file__).with_name("golden.json")
ABOUT = (
    "Not an oracle: made by diffuse_fuse.metrics itself, once it agreed with original public code on all values of "
    "metrics_oracle.json (tests/metrics/test_oracle.py). The pictures: rendered() in tests/metrics/scenes.py. To write "
    "it anew: python -m tests.metrics.test_golden"
)


def computed() -> dict[str, dict[str, float]]:
    """All metrics in every convention."""
    pictures = rendered()
    return {convention: metrics.compute(*pictures, "all", convention) for convention in metrics.CONVENTIONS}


def test_the_pictures_are_what_examples_render(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from scene import render

    for kept, now in zip(rendered(), render(RENDERED_KIND, *RENDERED_SIZE, seed=0), strict=False):
        assert kept.shape == now.shape
        apart = np.abs(kept.astype(int) - now)
        # the last digit of an exponential moves a value over the edge of a grey level now and then
        assert (apart > 0).mean() < 0.01 and apart.max() <= 2


@pytest.mark.parametrize("convention", metrics.CONVENTIONS)
def test_values_have_not_changed(convention):
    golden = json.loads(PATH.read_text(encoding="utf-8"))["values"][convention]
    got = metrics.compute(*rendered(), "all", convention)
    assert list(golden) == list(got)
    assert got == pytest.approx(golden, rel=1e-9)  # other instruction sets differ by 7e-13


def test_golden_values_are_numbers_and_conventions_differ():
    values = json.loads(PATH.read_text(encoding="utf-8"))["values"]
    assert all(math.isfinite(value) for row in values.values() for value in row.values())
    for name, metric in metrics.REGISTRY.items():
        differing = {each for each in values if values[each][name] != pytest.approx(values["plain"][name], rel=1e-9)}
        assert differing <= set(metric.variants), name


if __name__ == "__main__":
    PATH.write_text(json.dumps({"about": ABOUT, "values": computed()}, indent=1) + "\n", encoding="utf-8")
