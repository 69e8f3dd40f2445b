"""Small synthetic training data and tiny networks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from diffuse_fuse.diffusion.model import DiffusionModel
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
from diffuse_fuse.networks.head import HeadConfig
from diffuse_fuse.networks.student import StudentConfig, StudentModel
from diffuse_fuse.networks.unet import UNet, UNetConfig
from diffuse_fuse.training.augment import Augment
from diffuse_fuse.training.diffusion import DiffusionTask, with_linear_path
from diffuse_fuse.training.fusion import FusionTask
from diffuse_fuse.training.pairs import PairSet
from diffuse_fuse.training.student import StudentTask

TINY = UNetConfig(channels=(8, 16), blocks=(1, 1), time_dim=16)


def write_pairs(root: Path, count: int, width: int = 96, height: int = 80, vis_name: str = "vi") -> Path:
    """``count`` pairs of random rectangles in ROOT/ir and ROOT/<vis_name>."""
    rng = np.random.default_rng(count)
    for name in ("ir", vis_name):
        (root / name).mkdir(parents=True)
    for i in range(count):
        pair = np.full((height, width, 4), 40, np.uint8)
        for _ in range(8):
            y, x = rng.integers(height), rng.integers(width)
            pair[y : y + 20, x : x + 30] = rng.integers(255, size=4)
        cv2.imwrite(str(root / "ir" / f"{i:03}.png"), pair[..., 3])
        cv2.imwrite(str(root / vis_name / f"{i:03}.png"), pair[..., :3])
    return root


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small wait longer for a second thread than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("data"), 6)


@pytest.fixture
def make_task(data):
    """Builds the same task anew at each call, as a new process would."""

    def make(kind: str, seed: int = 0, batch: int = 2, **options):
        train, val = PairSet.from_folders([data]).split(every=3)
        if kind == "diffusion":
            torch.manual_seed(seed)
            prediction = options.pop("prediction", "v")
            diffusion = DiffusionModel(UNet(TINY), Schedule("linear", 100), prediction)
            if prediction == "v":
                diffusion = with_linear_path(diffusion, train, 32, shares=False)
            return DiffusionTask(diffusion, train, val, Augment(crop=32), batch=batch, seed=seed, **options)
        torch.manual_seed(seed)
        model = FusionModel(TINY, Schedule("linear", 100), FeatureConfig((5,)), HeadConfig(8, 1, 4))
        if kind == "student":
            student = StudentModel(StudentConfig((16, 16), (1, 1)))
            return StudentTask(student, model, train, val, augment=Augment(crop=64), batch=batch, seed=seed, **options)
        return FusionTask(model, train, val, augment=Augment(crop=64), batch=batch, seed=seed, **options)

    return make
