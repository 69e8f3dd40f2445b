"""Metrics of one's own: what is refused, and what their values depend on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diffuse_fuse import evaluate, metrics
from diffuse_fuse.errors import MetricError
from diffuse_fuse.metrics import registry


def one(triple):
    return 1.0


def two(triple):
    return 2.0


MINE = metrics.Metric("Mine", "up", "0 … 2", "a number", "1", "none", "none", 1.0, one)


@pytest.fixture(autouse=True)
def _as_it_was():
    kept = dict(metrics.REGISTRY)
    yield
    metrics.REGISTRY.clear()
    metrics.REGISTRY.update(kept)


def test_a_registered_metric_is_computed_by_name():
    grey = np.zeros((8, 8), np.uint8)
    assert metrics.register(MINE) is MINE
    assert metrics.compute(grey, grey, grey, "Mine", "tang") == {"Mine": 1.0}
    metrics.register(replace(MINE, function=two))
    assert metrics.compute(grey, grey, grey, ["Mine"]) == {"Mine": 2.0}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": "VIF"}, "VIF is the name of a metric of dfuse"),
        ({"name": "vif"}, "call yours something else"),
        ({"name": "all"}, "cannot be the name"),
        ({"name": "A,B"}, "cannot be the name"),
        ({"name": ""}, "cannot be the name"),
        ({"direction": "higher"}, "'up', 'down' or 'none', not 'higher'"),
    ],
)
def test_what_cannot_be_registered_is_refused(change, word):
    with pytest.raises(MetricError, match=word):
        metrics.register(replace(MINE, **change))
    assert "Mine" not in metrics.REGISTRY and metrics.REGISTRY["VIF"].cost > 0


def test_the_checksum_is_that_of_the_registered_functions():
    assert registry.code_of(metrics.DEFAULT) == ""
    metrics.register(MINE)
    first = registry.code_of(["EN", "Mine"])
    assert first and first == registry.code_of(["Mine", "EN"])
    metrics.register(replace(MINE, function=two))
    assert registry.code_of(["Mine"]) != first
    metrics.register(replace(MINE, function=np.mean.__call__))  # has no lines to be found
    assert registry.code_of(["Mine"])


def test_an_evaluation_that_goes_on_computes_a_changed_metric_anew(tmp_path):
    cv2 = pytest.importorskip("cv2")
    for name in ("ir", "vis"):
        (tmp_path / "set" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "set" / name / "1.png"), np.arange(48 * 48, dtype=np.uint8).reshape(48, 48))
    for function, value in ((one, 1.0), (two, 2.0), (two, 2.0)):
        metrics.register(replace(MINE, function=function))
        result = evaluate(tmp_path / "set", {"v": lambda ir, vis: vis}, metrics="Mine,EN", out=tmp_path / "out")
        assert result.means.mean[0, 0] == value
