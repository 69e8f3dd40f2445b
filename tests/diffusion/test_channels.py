"""Filling in channels, against the conditional distribution of a normal one."""

import numpy as np
import pytest
import torch

from diffuse_fuse.diffusion.channels import fill_channels
from diffuse_fuse.diffusion.samplers import time_steps
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError

from .gaussian import MU, SIGMA, gaussian_eps

SCHEDULE = Schedule("linear", 1000)
KNOWN = torch.tensor([True, True, True, False])


def fill(given, repeats, count=2000, seed=0):
    x_0 = torch.tensor([[*given, 0.0]], dtype=torch.float64).expand(count, 4)
    taus = time_steps(1000, 40, "quadratic")
    eps_theta, generator = gaussian_eps(SCHEDULE), torch.Generator().manual_seed(seed)
    return fill_channels(eps_theta, SCHEDULE, x_0, KNOWN, taus, generator, repeats=repeats)


def conditional(given):
    """Mean and variance of the fourth channel when the others are known."""
    gain = SIGMA[3, :3] @ np.linalg.inv(SIGMA[:3, :3])
    return MU[3] + gain @ (np.array(given) - MU[:3]), SIGMA[3, 3] - gain @ SIGMA[:3, 3]


@pytest.mark.parametrize("given", [(0.3, -0.2, 0.1), (0.6, 0.1, -0.2), (0.0, -0.5, 0.3)])
def test_what_is_filled_in_follows_the_conditional_distribution(given):
    mean, variance = conditional(given)
    filled = fill(given, repeats=10)[:, 3]
    assert filled.mean().item() == pytest.approx(mean, abs=0.06)
    assert filled.var().item() == pytest.approx(variance, rel=0.25)


def test_repeats_bring_it_closer():
    given = (0.6, 0.1, -0.2)
    mean, _ = conditional(given)
    once, often = (abs(fill(given, repeats)[:, 3].mean().item() - mean) for repeats in (1, 10))
    assert often < once / 2


def test_known_channels_come_back_as_they_are_and_noise_decides_the_rest():
    first, again, other = fill((0.3, 0.2, 0.1), 2, 5), fill((0.3, 0.2, 0.1), 2, 5), fill((0.3, 0.2, 0.1), 2, 5, seed=1)
    assert torch.equal(first[:, :3], torch.tensor([[0.3, 0.2, 0.1]], dtype=torch.float64).expand(5, 3))
    assert torch.equal(first, again) and not torch.equal(first[:, 3], other[:, 3])


def test_no_turn_at_all_is_refused():
    with pytest.raises(UsageError, match="at least once"):
        fill((0.3, 0.2, 0.1), 0)
