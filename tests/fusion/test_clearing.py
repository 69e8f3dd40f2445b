"""Clearing: what stands out of the noise is sharper, the noise is less, and nothing depends on how rows are cut."""

import sys
from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse.fusion import clearing as module
from diffuse_fuse.fusion.clearing import cleared
from diffuse_fuse.fusion.relight import scene_light

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
import scene as rendered


@pytest.fixture
def noisy():
    """Noise of 2 levels, and a line 20 levels brighter than it."""
    rng = np.random.default_rng(0)
    ir = 60 + rng.normal(0, 2, (96, 128))
    ir[:, 60:62] += 20
    return np.clip(np.rint(ir), 0, 255).astype(np.uint8)


def floats(ir):
    return (ir / 255).astype(np.float32)


def test_noise_falls_and_detail_rises(noisy):
    before, out = 255 * floats(noisy), 255 * cleared(floats(noisy), 1.4 / 255, 1.0)
    line, rest = np.s_[:, 60:62], np.s_[:, :50]
    assert out[rest].std() < 0.85 * before[rest].std()
    assert out[line].mean() > before[line].mean() + 0.5
    assert abs(out[rest].mean() - before[rest].mean()) < 0.1


def test_strong_edges_gain_no_rims():
    ir = np.full((40, 60), 20, np.uint8)
    ir[:, 30:] = 220
    out = cleared(ir, 0.0, 1.0).astype(int)
    assert np.abs(out - ir).max() <= round(module._MOST * module._SHARPEN)


def test_none_of_it_is_the_picture_itself(noisy):
    assert cleared(noisy, 0.01, 0.0) is noisy


def test_half_of_it_is_between(noisy):
    half, whole = (cleared(floats(noisy), 0.006, amount) - floats(noisy) for amount in (0.5, 1.0))
    assert np.allclose(2 * half, whole, atol=1e-6) and np.abs(whole).max() > 0.005


@pytest.mark.parametrize("portion", [1, 1 << 10, 1 << 30])
def test_portions_do_not_show(noisy, monkeypatch, portion):
    expected = cleared(noisy, 0.01, 1.0)
    monkeypatch.setattr(module, "_PORTION", portion)
    assert np.array_equal(cleared(noisy, 0.01, 1.0), expected)


def test_floats_come_out_as_bytes_do(noisy):
    out = cleared(floats(noisy), 0.01, 1.0)
    assert out.dtype == np.float32 and np.abs(255 * out - cleared(noisy, 0.01, 1.0)).max() <= 0.51


def test_night_is_cleared_and_day_is_not():
    day, night = rendered.render("day", 320, 240), rendered.render("night", 320, 240)
    assert scene_light(*night).clear > 0.85 and scene_light(*day).clear < 0.1
    assert scene_light(*night, 0.5).clear == scene_light(*night, 1).clear == 0
