"""What tests of several rooms need: small pictures, and a model file that is quick to run."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script; processes of the tests would inherit that, and some are to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, so that a change is the only thing that turns a test red; --hypothesis-profile=search
# looks for others.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", derandomize=False, deadline=None)
settings.load_profile("repeatable")

if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    # Workers share the cores: with a thread for each core in each of them they would wait for each other.
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked ``long`` take minutes: they run when they are asked for with ``pytest -m long``."""
    if "long" in config.getoption("markexpr"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: pytest -m long"))


@pytest.fixture
def scene() -> tuple[np.ndarray, np.ndarray]:
    """A pair of odd size with structure and noise: (ir uint8 37×45, vis uint8 37×45×3), the visible one in colour."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:37, :45]
    ir = np.clip(60 + 150 * ((x - 30) ** 2 + (y - 12) ** 2 < 60) + rng.normal(0, 5, (37, 45)), 0, 255)
    vis = np.stack([4 * x + 20, 5 * y + 10, 255 - 3 * x - 2 * y], axis=-1) + rng.normal(0, 4, (37, 45, 3))
    return ir.astype(np.uint8), np.clip(vis, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def street() -> Callable[[str, int, int], tuple[np.ndarray, np.ndarray]]:
    """What ``examples/scene.py`` renders: ("day" or "night", width, height) → (ir uint8 H×W, vis uint8 H×W×3)."""
    examples = str(Path(__file__).resolve().parents[1] / "examples")
    sys.path.insert(0, examples)
    try:
        from scene import render
    finally:
        sys.path.remove(examples)
    return cache(render)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fusion model file with untrained weights and few channels: real in kind, useless in what it shows."""
    import torch

    from diffuse_fuse.checkpoint import Weights, save_weights
    from diffuse_fuse.diffusion.schedule import Schedule
    from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
    from diffuse_fuse.networks.unet import UNetConfig

    torch.manual_seed(0)
    model = FusionModel(UNetConfig(channels=(8, 8), blocks=(1, 1)), Schedule("linear"), FeatureConfig())
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    save_weights(path, Weights("fusion", model.config(), {"data": "none"}, model.state_dict()))
    return path
