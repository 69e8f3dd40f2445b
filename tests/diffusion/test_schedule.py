"""The forward process."""

import numpy as np
import pytest
import torch

from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError


def test_linear_is_ddpm_section_4():
    schedule = Schedule("linear", 1000)
    assert schedule.beta[0] == pytest.approx(1e-4)
    assert schedule.beta[-1] == pytest.approx(0.02)
    # The product over 1000 linear betas, computed in logarithms.
    log = np.log1p(-np.linspace(1e-4, 0.02, 1000)).sum()
    assert schedule.alpha_bar[-1] == pytest.approx(np.exp(log), rel=1e-9)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [2, 50, 1000])
def test_signal_falls_and_noise_rises(kind, steps):
    alpha_bar = Schedule(kind, steps).alpha_bar
    assert alpha_bar.dtype == np.float64
    assert np.all(np.diff(alpha_bar) < 0)
    assert 0 < alpha_bar[-1] < alpha_bar[0] < 1


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_x_0_is_recovered_from_its_noise(kind):
    schedule = Schedule(kind)
    generator = torch.Generator().manual_seed(1)
    x_0 = torch.rand(5, 4, 8, 8, generator=generator) * 2 - 1
    eps = torch.randn(5, 4, 8, 8, generator=generator)
    t = torch.tensor([0, 10, 300, 600, 900])
    back = schedule.predict_x_0(schedule.diffuse(x_0, t, eps), t, eps)
    torch.testing.assert_close(back, x_0, atol=2e-3, rtol=0)


def test_unit_variance_stays_unit_variance():
    generator = torch.Generator().manual_seed(2)
    x_0, eps = torch.randn(2, 3, 4, 128, 128, generator=generator)
    x_t = Schedule("linear").diffuse(x_0, torch.tensor([20, 400, 999]), eps)
    torch.testing.assert_close(x_t.var(dim=(1, 2, 3)), torch.ones(3), atol=0.03, rtol=0)


def test_unknown_kind_and_too_few_steps_are_named():
    with pytest.raises(UsageError, match="'sine'.*linear, cosine"):
        Schedule("sine")
    with pytest.raises(UsageError, match="at least 2"):
        Schedule("linear", 1)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_posterior_is_bayes_rule(kind):
    """DDPM eq. 7 against the product of q(x_t | x_{t-1}) and q(x_{t-1} | x_0), worked out with precisions."""
    schedule = Schedule(kind, 100)
    assert schedule.posterior_variance.dtype == schedule.posterior_mean.dtype == np.float64
    assert schedule.posterior_variance[0] == 0 and schedule.posterior_mean[0] == pytest.approx([1, 0])
    for t in range(1, 100):
        beta, before = schedule.beta[t], schedule.alpha_bar[t - 1]
        variance = 1 / ((1 - beta) / beta + 1 / (1 - before))
        assert schedule.posterior_variance[t] == pytest.approx(variance, rel=1e-9)
        mean = [np.sqrt(before) / (1 - before) * variance, np.sqrt(1 - beta) / beta * variance]
        assert schedule.posterior_mean[t] == pytest.approx(mean, rel=1e-9)
