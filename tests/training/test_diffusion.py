"""Where a training of the diffusion model begins."""

import pytest
import torch

from diffuse_fuse.diffusion.model import DiffusionModel
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.diffusion.unet import UNet
from diffuse_fuse.training.augment import Augment
from diffuse_fuse.training.diffusion import LEAST_SHARE, DiffusionTask, with_linear_path
from diffuse_fuse.training.pairs import PairSet
from tests.training.conftest import TINY


@pytest.fixture(scope="module")
def pairs(data):
    return PairSet.from_folders([data])


def network(seed=0):
    torch.manual_seed(seed)
    model = DiffusionModel(UNet(TINY), Schedule("linear", 100), "v")
    with torch.no_grad():
        model.unet.out.weight.normal_(std=0.2)  # wrong, and loudly so
    return model


def val_loss(model, pairs):
    task = DiffusionTask(model, pairs, pairs, Augment(crop=32), batch=2)
    with torch.no_grad():
        return task.validate(model)["val_loss"]


def test_shares_are_fitted_to_what_the_network_is_good_for(pairs):
    """A network that is wrong gets the least share, and the filter does the work."""
    half, fitted = (with_linear_path(network(), pairs, 32, shares=shares) for shares in (False, True))
    assert torch.equal(half.linear.share, torch.full_like(half.linear.share, 0.5))
    assert fitted.linear.share.max() <= 1 and fitted.linear.share.min() >= LEAST_SHARE
    assert fitted.linear.share.mean() < 0.2
    losses = [val_loss(model, pairs) for model in (network(), half, fitted)]
    assert losses[0] > losses[1] > losses[2]


def test_the_same_pairs_give_the_same_path(pairs):
    first, second = (with_linear_path(network(), pairs, 32, shares=True).linear.state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)
