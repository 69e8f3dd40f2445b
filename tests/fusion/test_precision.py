"""Half precision where it does not show: the rule, and that pictures of half precision are near float32's."""

import numpy as np
import pytest
import torch

from diffuse_fuse import Fuser, models
from diffuse_fuse.fusion import precision
from diffuse_fuse.fusion.model import load_model
from diffuse_fuse.fusion.precision import Precision, choose_precision, measured_precision, within_a_level
from diffuse_fuse.fusion.tiles import band_rows, fuse_in_bands
from diffuse_fuse.networks.student import inference_dtype

from .conftest import random_model, random_student


def test_levels_apart_are_counted_for_the_worst_picture():
    flat = np.full((10, 10, 3), 100, np.uint8)
    one, two = flat + 1, flat.copy()
    two[0, 0] = 102
    assert within_a_level([flat, flat], [flat, one]) == 1
    assert within_a_level([flat, flat], [one, two]) == 0.99


def test_the_drawn_pairs_are_the_same_every_time():
    first, second = (list(precision._drawn_pairs()) for _ in range(2))
    assert all(np.array_equal(a, b) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True))
    assert first[1][1].mean() < 40 < first[0][1].mean()  # night and day


@pytest.mark.parametrize("make", [random_model, random_student])
def test_the_first_half_that_keeps_the_rule_is_taken(make, monkeypatch):
    model = make().eval().requires_grad_(False)
    found = measured_precision(model, "cpu")
    assert found.dtype in (torch.float16, torch.bfloat16) and found.within >= 0.999
    assert "at most one level from float32" in str(found)
    assert next(model.parameters()).dtype == torch.float32  # what was given stays
    monkeypatch.setattr(precision, "LEAST_WITHIN", 1.1)
    assert measured_precision(model, "cpu") == Precision(torch.float32, None)


def test_half_that_overflows_is_not_taken():
    model = random_student()
    with torch.no_grad():
        model.stem.weight.mul_(1e6)  # far beyond float16
        model.offset.weight.mul_(1e-6)
    assert measured_precision(model, "cpu", [torch.float16]).dtype == torch.float32


def test_a_cpu_takes_what_its_processor_has():
    assert choose_precision(random_model(), "cpu") == Precision(torch.float32)
    assert choose_precision(random_student(), "cpu") == Precision(inference_dtype("cpu"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fast", "tiny"])
def test_shipped_students_keep_the_rule_in_float16(name):
    found = measured_precision(load_model(models.locate(name)), "cpu", [torch.float16])
    assert found.dtype == torch.float16


def test_bands_of_a_gpu_are_higher_and_give_the_same_picture(model_file):
    model = load_model(model_file)
    rng = np.random.default_rng(0)
    ir, vis = rng.integers(256, size=(300, 640), dtype=np.uint8), rng.integers(256, size=(300, 640, 3), dtype=np.uint8)
    rows = band_rows(model, 640, device="cuda")
    assert rows >= 300 > band_rows(model, 640)
    apart = fuse_in_bands(model, ir, vis, rows=rows).astype(int) - fuse_in_bands(model, ir, vis)
    assert np.abs(apart).max() <= 1
    assert band_rows(model, 640, available=100_000_000, device="cuda") < rows  # memory bounds them as on a CPU


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("name", ["base", "fast", "tiny"])
def test_a_gpu_gives_the_cpus_picture_to_a_level(name, street):
    ir, vis = street("night", 320, 240)
    gpu, cpu = (Fuser(name, device) for device in ("cuda", "cpu"))
    assert within_a_level([cpu.fuse(ir, vis)], [gpu.fuse(ir, vis)]) >= 0.99
