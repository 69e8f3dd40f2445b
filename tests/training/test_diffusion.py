"""Where a training of the diffusion model begins."""

import pytest
import torch

from diffuse_fuse.diffusion.model import DiffusionModel
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError
from diffuse_fuse.networks.unet import UNet
from diffuse_fuse.training.augment import Augment
from diffuse_fuse.training.diffusion import DiffusionTask, choose_linear_path, with_linear_path
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
    assert fitted.linear.share.max() <= 1 and fitted.linear.share.min() >= 0
    assert fitted.linear.share.mean() < 0.2
    losses = [val_loss(model, pairs) for model in (network(), half, fitted)]
    assert losses[0] > losses[1] > losses[2]


def test_shares_that_were_learnt_are_where_a_fit_begins(pairs):
    old = with_linear_path(network(), pairs, 32, shares=False)
    torch.nn.init.uniform_(old.linear.share)
    kept, fitted = (with_linear_path(old, pairs, 32, shares=shares) for shares in (False, True))
    assert torch.equal(kept.linear.share, old.linear.share)
    assert val_loss(fitted, pairs) < val_loss(old, pairs)


def test_the_same_pairs_give_the_same_path(pairs):
    first, second = (with_linear_path(network(), pairs, 32, shares=True).linear.state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_network_without_hints_gets_them_and_a_share_to_learn_from(pairs):
    old = with_linear_path(network(), pairs, 32, shares=True)
    low, shares = old.linear.share.min().item(), old.linear.share.clone()
    new = choose_linear_path(old, "keep", pairs, 32, trained=True)
    assert low < 0.25 and new.unet.config.hint_channels == 4 and new.linear is old.linear
    assert torch.equal(new.linear.share, shares.clamp_min(0.25))


def test_a_linear_path_is_kept_renewed_or_left_out(pairs):
    bare = network()
    new = choose_linear_path(bare, "keep", pairs, 32, trained=False)
    assert new.linear is not None and choose_linear_path(new, "keep", pairs, 32, trained=True) is new
    none = choose_linear_path(new, "none", pairs, 32, trained=True)
    assert none.linear is None and none.unet.config.hint_channels == 0
    fitted = choose_linear_path(new, "fit", pairs, 32, trained=True)
    assert torch.equal(fitted.linear.factor, new.linear.factor) and fitted.linear.share.mean() < 0.2
    assert fitted.unet is new.unet
    eps = DiffusionModel(bare.unet, bare.schedule, "eps")
    assert choose_linear_path(eps, "fit", pairs, 32, trained=True) is eps
    with pytest.raises(UsageError, match="keep, fit, none"):
        choose_linear_path(bare, "often", pairs, 32, trained=False)


def test_min_snr_weighs_v_by_the_smaller_of_snr_and_gamma(pairs):
    model = DiffusionModel(UNet(TINY), Schedule("cosine", 100), "v")  # untrained, it predicts v = 0
    plain, weighted = (
        DiffusionTask(model, pairs, pairs, Augment(crop=32), batch=8, min_snr=gamma) for gamma in (None, 5.0)
    )
    t = torch.tensor([1, 50, 99])
    snr = torch.from_numpy(model.schedule.alpha_bar / (1 - model.schedule.alpha_bar))[t]
    expected = torch.minimum(snr, torch.tensor(5.0)) / (snr + 1)
    assert torch.allclose(weighted._min_snr(t).double(), expected, rtol=1e-4)
    assert 0 < weighted.loss(model, 0) < plain.loss(model, 0)
    assert weighted.identity() != plain.identity()


def test_min_snr_is_for_v_only(pairs):
    model = DiffusionModel(UNet(TINY), Schedule("linear", 100), "eps")
    with pytest.raises(UsageError, match="predicts v"):
        DiffusionTask(model, pairs, pairs, Augment(crop=32), min_snr=5.0)
