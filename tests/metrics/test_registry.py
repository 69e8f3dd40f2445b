"""The registry, ``compute`` and the functions one by one."""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys

import numpy as np
import pytest

from diffuse_fuse import metrics
from diffuse_fuse.errors import MetricError
from diffuse_fuse.metrics import structure
from tests.metrics.scenes import street

# name in the registry → function, where it is not simply the name in small letters
FUNCTIONS = {"DeltaE": "delta_e", "dE_ab": "de_ab"}


@pytest.fixture(scope="module")
def pictures():
    return street()


def test_sets():
    assert " ".join(metrics.DEFAULT) == "EN SD SF AG MI VIF SCD Qabf Nabf SSIM MS_SSIM DeltaE dC"
    assert " ".join(metrics.FUSE) == "EN SD SF AG MI VIF Qabf SCD DeltaE"
    assert set(metrics.DEFAULT) | set(metrics.FUSE) | {"VIF_ir", "VIF_vis"} <= set(metrics.REGISTRY)


@pytest.mark.parametrize("metric", metrics.REGISTRY.values(), ids=lambda metric: metric.name)
def test_every_metric_is_described(metric):
    assert metrics.REGISTRY[metric.name] is metric
    assert metric.direction in ("up", "down", "none")
    assert set(metric.variants) <= set(metrics.CONVENTIONS) - {"plain"}
    for text in ("range", "summary", "equation", "paper", "convention", "pitfalls", "others", "degenerate"):
        assert getattr(metric, text), text
    assert metric.cost > 0
    assert metric.colour == (metric.name.startswith("d") or metric.name == "DeltaE")
    with pytest.raises(dataclasses.FrozenInstanceError):
        metric.name = "another"
    assert json.loads(json.dumps(metric.as_dict()))["variants"] == sorted(metric.variants)


@pytest.mark.parametrize("name", metrics.REGISTRY)
def test_function_of_its_own_gives_the_same_number(name, pictures):
    function = getattr(metrics, FUNCTIONS.get(name, name.lower()))
    assert list(inspect.signature(function).parameters) == ["ir", "vis", "fused"]
    assert function(*pictures) == metrics.compute(*pictures, [name])[name]
    assert "MetricError" in inspect.getdoc(function)


def test_order_is_as_asked(pictures):
    assert list(metrics.compute(*pictures)) == list(metrics.DEFAULT)
    assert list(metrics.compute(*pictures, ["SF", "EN", "VIF_vis"])) == ["SF", "EN", "VIF_vis"]
    assert list(metrics.compute(*pictures, "SD")) == ["SD"]
    assert metrics.compute(*pictures, []) == {}


def test_inputs_stay_as_they_are(pictures):
    copies = [picture.copy() for picture in pictures]
    for picture in copies:
        picture.flags.writeable = False
    assert metrics.compute(*copies) == metrics.compute(*pictures)
    assert all(np.array_equal(copy, picture) for copy, picture in zip(copies, pictures, strict=True))


def test_views_and_other_memory_orders_count_the_same(pictures):
    turned = [np.asfortranarray(picture) for picture in pictures]
    flipped = [picture[::-1, ::-1][::-1, ::-1] for picture in pictures]
    assert metrics.compute(*turned) == metrics.compute(*flipped) == metrics.compute(*pictures)


def test_grey_pictures_with_three_channels_count_as_grey(pictures):
    ir, vis, fused = pictures[0], pictures[1][..., 0], pictures[2][..., 0]
    triples = [np.repeat(picture[..., None], 3, axis=2) for picture in (ir, vis, fused)]
    assert metrics.compute(*triples) == metrics.compute(ir, vis, fused)


def test_shared_results_are_computed_once(pictures, monkeypatch):
    counted = []
    original = structure.gaussian
    monkeypatch.setattr(structure, "gaussian", lambda *a: counted.append(a[0].shape) or original(*a))
    metrics.compute(*pictures, ["SSIM", "MS_SSIM", "Qw", "Qs"])
    # three means, three variances and three covariances a scale, whoever asks for them
    full = pictures[0].shape
    assert counted.count(full) == 9
    assert len(counted) == 27


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: (p[0].astype(np.float64), p[1], p[2]), "infrared picture is float64"),
        (lambda p: (p[0], p[1].astype(np.uint16), p[2]), "visible picture is uint16"),
        (lambda p: (p[0], p[1], p[2] > 9), "fused picture is bool"),
        (lambda p: (p[0], p[1][:-1], p[2]), "differ in size"),
        (lambda p: (p[0][..., None], p[1], p[2]), "shape"),
        (lambda p: (p[0], p[1], np.dstack([p[2], p[0]])), "shape"),
        (lambda p: (p[0][:0], p[1][:0], p[2][:0]), "empty"),
        (lambda p: (p[0].tolist(), p[1], p[2]), "numpy array"),
    ],
)
def test_wrong_pictures_are_refused(pictures, change, said):
    with pytest.raises(MetricError, match=said):
        metrics.compute(*change(pictures))


def test_unknown_names_are_refused(pictures):
    with pytest.raises(MetricError, match=r"'VIV', 'ZZ'.*VIF_ir"):
        metrics.compute(*pictures, ["EN", "VIV", "ZZ"])
    with pytest.raises(MetricError, match=r"convention 'matlab'.*tang-sheets"):
        metrics.compute(*pictures, convention="matlab")


def test_import_is_cheap():
    heavy = ("cv2", "torch", "skimage", "scipy")
    code = f"import sys, diffuse_fuse.metrics; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
