"""Which model ``--model auto`` picks."""

import shutil

import pytest

from diffuse_fuse import models
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.fusion import auto
from diffuse_fuse.fusion.auto import pick, seconds_per_pixel

SPEED = {"base": 3e-6, "fast": 1e-7, "tiny": 4e-8}  # seconds a pixel


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """All three names, with speeds that are known; returns which of them were timed."""
    for name in SPEED:
        (tmp_path / f"{name}.safetensors").touch()
    timed = []
    monkeypatch.setattr(models, "folder", lambda: tmp_path)
    monkeypatch.setattr(auto, "seconds_per_pixel", lambda name, *rest: (timed.append(name), SPEED[name])[1])
    return timed


@pytest.mark.parametrize(
    ("deadline", "name", "timed"),
    [
        (1000, "base", ["base"]),
        (100, "fast", ["base", "fast"]),
        (20, "tiny", ["base", "fast", "tiny"]),
    ],
)
def test_the_best_that_is_in_time(installed, deadline, name, timed):
    found = pick(deadline, 640, 480)
    assert (found.name, found.in_time) == (name, True)
    assert found.milliseconds == pytest.approx(SPEED[name] * 640 * 480 * 1000) and found.milliseconds <= deadline
    assert installed == timed


def test_larger_pictures_take_longer(installed):
    assert pick(100, 1280, 960).name == "tiny"


def test_the_fastest_where_none_is_in_time(installed):
    found = pick(1, 640, 480)
    assert (found.name, found.in_time) == ("tiny", False) and found.milliseconds > 1


def test_what_is_not_installed_is_left_out(installed, tmp_path):
    (tmp_path / "base.safetensors").unlink()
    assert pick(1000, 640, 480).name == "fast" and installed == ["fast"]
    (tmp_path / "fast.safetensors").unlink()
    (tmp_path / "tiny.safetensors").unlink()
    with pytest.raises(WeightsError, match="base, fast, tiny"):
        pick(1000, 640, 480)


def test_real_models_are_really_timed(tiny_model, tmp_path, monkeypatch):
    shutil.copy(tiny_model, tmp_path / "base.safetensors")
    monkeypatch.setattr(models, "folder", lambda: tmp_path)
    assert 1e-9 < seconds_per_pixel("base", "cpu") < 1e-3
    assert pick(1e9, 64, 48, "cpu").in_time and not pick(1e-6, 64, 48, "cpu").in_time
