"""A small fusion model with random weights, as a file."""

import pytest
import torch

from diffuse_fuse.checkpoint import Weights, save_weights
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
from diffuse_fuse.networks.head import HeadConfig
from diffuse_fuse.networks.student import StudentConfig, StudentModel
from diffuse_fuse.networks.unet import UNetConfig


def random_model(steps=(50,), noise="none") -> FusionModel:
    """A network in which every weight matters; its pictures are deliberate nonsense."""
    torch.manual_seed(0)
    unet = UNetConfig(channels=(8, 8, 16), blocks=(1, 1, 1), time_dim=16)
    model = FusionModel(unet, Schedule(), FeatureConfig(steps, noise), HeadConfig(8, 1, 8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def random_student(config=None, spread=0.05) -> StudentModel:
    """A student in which every weight matters."""
    torch.manual_seed(0)
    model = StudentModel(config or StudentConfig((8, 8, 16), (1, 1, 1)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * spread)
    return model.eval().requires_grad_(False)


def pair(height=64, width=96, seed=4):
    """Infrared and visible pictures of noise, two of each."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 1, height, width, generator=generator), torch.rand(2, 3, height, width, generator=generator)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    model = random_model()
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(path, Weights("fusion", model.config(), {"data": "none"}, model.state_dict()))
    return path
