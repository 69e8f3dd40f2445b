"""DDPM and DDIM against the case that is solved in closed form: normally distributed data."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from diffuse_fuse.diffusion.samplers import (
    ddim_encode,
    ddim_sample,
    ddim_sigma,
    ddpm_sample,
    slerp,
    time_steps,
)
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError

from .gaussian import MU, SIGMA, gaussian_distance, gaussian_eps

SCHEDULE = Schedule("linear", 1000)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(count, seed=0):
    return torch.randn(count, len(MU), generator=generator(seed), dtype=torch.float64)


def data(count, seed=1):
    root = torch.from_numpy(np.linalg.cholesky(SIGMA))
    return noise(count, seed) @ root.T + torch.from_numpy(MU)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_eta_1_over_all_steps_has_the_coefficients_of_ddpm(kind):
    """Eq. 12 with sigma of eq. 16, written as a(t) x_0 + b(t) x_t, against eq. 7 and algorithm 2 of DDPM."""
    schedule = Schedule(kind, 1000)
    for t in range(schedule.steps):
        alpha_bar, before = schedule.alpha_bar[t], schedule.alpha_bar_prev[t]
        sigma = ddim_sigma(alpha_bar, before, eta=1.0)
        assert sigma**2 == pytest.approx(schedule.posterior_variance[t], abs=1e-6)
        # eps = (x_t - sqrt(ab) x_0) / sqrt(1 - ab)
        of_x_t = math.sqrt(max(1 - before - sigma**2, 0)) / math.sqrt(1 - alpha_bar)
        of_x_0 = math.sqrt(before) - of_x_t * math.sqrt(alpha_bar)
        assert [of_x_0, of_x_t] == pytest.approx(schedule.posterior_mean[t], abs=1e-6)
        # algorithm 2, line 4: (x_t - beta / sqrt(1 - ab) eps) / sqrt(alpha)
        mean_x_0, mean_x_t = schedule.posterior_mean[t]
        beta = schedule.beta[t]
        assert mean_x_t + mean_x_0 / math.sqrt(alpha_bar) == pytest.approx(1 / math.sqrt(1 - beta), abs=1e-6)
        assert mean_x_0 * math.sqrt(1 - alpha_bar) / math.sqrt(alpha_bar) == pytest.approx(
            beta / math.sqrt(1 - alpha_bar) / math.sqrt(1 - beta), abs=1e-6
        )


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@pytest.mark.parametrize("clip", [False, True])
def test_eta_1_over_all_steps_is_the_trajectory_of_ddpm(kind, clip):
    schedule = Schedule(kind, 200)
    eps_theta = gaussian_eps(schedule)
    paths = {"ddpm": [], "ddim": []}
    ddpm = ddpm_sample(
        eps_theta, schedule, noise(8), generator(3), clip=clip, on_step=lambda t, x_0: paths["ddpm"].append((t, x_0))
    )
    ddim = ddim_sample(
        *(eps_theta, schedule, noise(8), range(200), 1.0, generator(3), clip),
        on_step=lambda t, x_0: paths["ddim"].append((t, x_0)),
    )
    torch.testing.assert_close(ddim, ddpm, atol=1e-6, rtol=0)
    for (t, a), (s, b) in zip(paths["ddpm"], paths["ddim"], strict=True):
        assert t == s
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)


def test_both_variances_of_ddpm_sample_the_data():
    """Section 3.2: with T large, either choice gives the distribution; "beta" spreads a little more."""
    eps_theta = gaussian_eps(SCHEDULE)
    spread = {}
    for variance in ("posterior", "beta"):
        x_0 = ddpm_sample(eps_theta, SCHEDULE, noise(4_000), generator(5), variance).numpy()
        assert gaussian_distance(x_0.mean(0), np.cov(x_0.T), MU, SIGMA) < 0.03
        spread[variance] = np.trace(np.cov(x_0.T))
    assert spread["posterior"] < spread["beta"]


def test_eta_0_is_bit_identical_on_repeat():
    eps_theta, taus = gaussian_eps(SCHEDULE), time_steps(1000, 20)
    first, second = (ddim_sample(eps_theta, SCHEDULE, noise(16), taus) for _ in range(2))
    assert first.numpy().tobytes() == second.numpy().tobytes()


def ddim_error(eps_theta, taus):
    """Distance of DDIM's distribution from the data's. Here x_0 = A x_T + b, so both are found exactly."""
    probes = torch.cat([torch.zeros(1, len(MU)), torch.eye(len(MU))]).double()
    ends = ddim_sample(eps_theta, SCHEDULE, probes, taus).numpy()
    a = (ends[1:] - ends[0]).T
    return gaussian_distance(ends[0], a @ a.T, MU, SIGMA)


@pytest.mark.parametrize(("spacing", "factor", "last"), [("linear", 1.15, 0.03), ("quadratic", 1.5, 0.015)])
def test_ddim_converges_and_beats_ddpm_at_few_steps(spacing, factor, last):
    eps_theta = gaussian_eps(SCHEDULE)
    errors = [ddim_error(eps_theta, time_steps(1000, count, spacing)) for count in (10, 20, 50, 100)]
    assert all(b < 0.6 * a for a, b in pairwise(errors))
    assert errors[-1] < last
    x_0 = ddim_sample(eps_theta, SCHEDULE, noise(50_000), time_steps(1000, 10, spacing), 1.0, generator(7)).numpy()
    assert gaussian_distance(x_0.mean(0), np.cov(x_0.T), MU, SIGMA) > factor * errors[0]


def test_all_steps_of_ddim_reach_the_exact_distribution():
    assert ddim_error(gaussian_eps(SCHEDULE), range(1000)) < 0.004


def test_encoding_leads_back_the_closer_the_more_steps():
    eps_theta, x_0 = gaussian_eps(SCHEDULE), data(500)
    errors = []
    for count in (10, 100):
        taus = time_steps(1000, count)
        x_t = ddim_encode(eps_theta, SCHEDULE, x_0, taus)
        errors.append((ddim_sample(eps_theta, SCHEDULE, x_t, taus) - x_0).square().mean().item())
    assert errors[1] < errors[0] / 10


def test_encoded_data_are_standard_normal():
    x_t = ddim_encode(gaussian_eps(SCHEDULE), SCHEDULE, data(5_000), range(1000)).numpy()
    assert gaussian_distance(x_t.mean(0), np.cov(x_t.T), np.zeros(4), np.eye(4)) < 0.05


@pytest.mark.parametrize("spacing", ["linear", "quadratic"])
@pytest.mark.parametrize(("total", "count"), [(1000, 1), (1000, 2), (1000, 50), (1000, 999), (1000, 1000), (7, 5)])
def test_time_steps_rise_from_the_first_to_the_last(spacing, total, count):
    taus = time_steps(total, count, spacing)
    assert len(taus) == count and taus[-1] == total - 1 and (count == 1 or taus[0] == 0)
    assert all(a < b for a, b in pairwise(taus))


def test_quadratic_steps_are_denser_at_little_noise():
    taus = time_steps(1000, 50, "quadratic")
    assert taus[25] < 270 and taus[1] - taus[0] < taus[-1] - taus[-2]


def test_slerp_keeps_the_norm_and_reaches_both_ends():
    a, b = noise(2, seed=1)[None], noise(2, seed=2)[None]
    b = b / b.norm() * a.norm()
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)
    for part in (0.2, 0.5, 0.9):
        torch.testing.assert_close(slerp(a, b, part).norm(), a.norm())
    torch.testing.assert_close(slerp(a, a, 0.3), a)  # parallel: no angle to divide by


def test_wrong_choices_are_named():
    eps_theta = gaussian_eps(SCHEDULE)
    with pytest.raises(UsageError, match="eta .* from 0 to 1, not 1.5"):
        ddim_sample(eps_theta, SCHEDULE, noise(1), [0, 999], 1.5, generator())
    with pytest.raises(UsageError, match="generator"):
        ddim_sample(eps_theta, SCHEDULE, noise(1), [0, 999], 0.5)
    with pytest.raises(UsageError, match="'large'.*posterior, beta"):
        ddpm_sample(eps_theta, SCHEDULE, noise(1), generator(), "large")
    with pytest.raises(UsageError, match="1 to 1000, not 1001"):
        time_steps(1000, 1001)
    with pytest.raises(UsageError, match="'cubic'.*linear, quadratic"):
        time_steps(1000, 10, "cubic")
