"""Denoising by going back from the matching time step."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from diffuse_fuse.diffusion.denoise import DenoisingFuser, denoise_pair, estimate_sigma, matching_step
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError

from .gaussian import MU, SIGMA, gaussian_eps

SCHEDULE = Schedule()
SIZE = 64


def gaussian_model():
    """A stand-in for PairModel that knows N(MU, SIGMA) at every pixel by itself."""
    eps_of = gaussian_eps(SCHEDULE, MU / 2, SIGMA / 4)  # scaled, so that x_0 stays in [-1, 1]

    def eps_theta(x_t, t):
        flat = x_t.double().permute(0, 2, 3, 1).reshape(-1, 4)
        return eps_of(flat, t).reshape(1, *x_t.shape[2:], 4).permute(0, 3, 1, 2)

    return SimpleNamespace(eps_theta=eps_theta, schedule=SCHEDULE)


def pictures(seed=0):
    root = np.linalg.cholesky(SIGMA / 4)
    x_0 = np.random.default_rng(seed).standard_normal((SIZE * SIZE, 4)) @ root.T + MU / 2
    return torch.from_numpy(x_0.reshape(1, SIZE, SIZE, 4).transpose(0, 3, 1, 2)).clamp(-1, 1)


def noisy(x_0, sigma, seed=1):
    noise = np.random.default_rng(seed).standard_normal(x_0.shape)
    return x_0 + torch.from_numpy(noise) * sigma.view(1, -1, 1, 1)


def test_the_step_has_the_noise_of_the_picture():
    for sigma in (0.02, 0.1, 0.2, 1.0, 10.0):
        t = matching_step(SCHEDULE, sigma)
        assert np.sqrt(1 / SCHEDULE.alpha_bar[t] - 1) == pytest.approx(sigma, rel=0.3 if sigma < 0.05 else 0.05)
    assert matching_step(SCHEDULE, 0.0) is None and matching_step(SCHEDULE, 0.004) is None


def test_one_step_is_the_posterior_mean():
    """For normal data, the DDIM step from the matching t to 0 is the best estimate there is: the Wiener filter."""
    sigma = torch.full((4,), 0.2, dtype=torch.float64)
    x_0 = pictures()
    y = noisy(x_0, sigma)
    gain = (SIGMA / 4) @ np.linalg.inv(SIGMA / 4 + 0.04 * np.eye(4))
    centred = y.numpy() - (MU / 2)[None, :, None, None]
    best = np.einsum("cd,ndhw->nchw", gain, centred) + (MU / 2)[None, :, None, None]
    found = denoise_pair(gaussian_model(), y, sigma, steps=1).numpy()
    assert np.abs(found - np.clip(best, -1, 1)).max() < 0.01


def test_each_camera_has_its_own_noise():
    """A clean infrared picture helps, and comes back as it was; the noisier picture gains more from it."""
    x_0 = pictures()
    sigma = torch.tensor([0.3, 0.3, 0.3, 0.0], dtype=torch.float64)
    y = noisy(x_0, sigma)
    found = denoise_pair(gaussian_model(), y, sigma)
    assert torch.equal(found[:, 3], y[:, 3])
    assert (found - x_0)[:, :3].square().mean() < 0.35 * (y - x_0)[:, :3].square().mean()
    sigma = torch.tensor([0.3, 0.3, 0.3, 0.1], dtype=torch.float64)
    y = noisy(x_0, sigma)
    found = denoise_pair(gaussian_model(), y, sigma)
    for channel in range(4):
        assert (found - x_0)[:, channel].square().mean() < (y - x_0)[:, channel].square().mean()


def test_no_noise_means_no_change():
    x_0 = pictures()
    assert torch.equal(denoise_pair(gaussian_model(), x_0, torch.zeros(4)), x_0)


@pytest.mark.parametrize("sigma", [3.0, 10.0, 25.0])
def test_the_noise_is_estimated(sigma):
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:200, :200] / 200
    picture = 0.5 + 0.2 * np.sin(9 * x) * np.cos(7 * y)
    assert estimate_sigma(picture) < 0.2
    grey = picture + rng.normal(0, sigma / 255, picture.shape)
    colour = picture[..., None] + rng.normal(0, sigma / 255, (*picture.shape, 3))
    assert estimate_sigma(grey) == pytest.approx(sigma, rel=0.05)
    assert estimate_sigma(colour) == pytest.approx(sigma, rel=0.05)
    dark = np.clip(np.where(x < 0.6, 0.0, colour[..., 0]), 0, 1)  # more than half of it is black
    assert estimate_sigma(dark) == pytest.approx(sigma, rel=0.1)
    assert estimate_sigma(np.zeros((20, 20))) == 0


@pytest.mark.parametrize("sigma", [-1.0, 129.0, float("nan")])
def test_impossible_noise_is_refused(sigma):
    with pytest.raises(UsageError, match="from 0 to 128"):
        DenoisingFuser(None, None, sigma)
