"""The linear path: the Wiener filter on a coarse grid of frequencies, and its mixture with the network."""

import numpy as np
import pytest
import scipy.fft
import torch

from diffuse_fuse.diffusion.linear import LinearPath, from_frequencies, to_frequencies
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.diffusion.wiener import WienerDenoiser
from diffuse_fuse.errors import DataError

SCHEDULE = Schedule()


def textured(count, height, width, seed=0):
    """Random pictures with the spectrum of natural ones, four related channels and light from above."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    # a power density in absolute frequency, so that pictures of every size are of one kind
    spectrum = 0.04 / (0.02 + np.hypot(y / height, x / width))
    base = scipy.fft.idctn(rng.standard_normal((count, 2, height, width)) * spectrum, axes=(2, 3), norm="ortho")
    light = np.linspace(0.3, -0.3, height)[:, None]
    channels = [base[:, 0] + light, base[:, 0] + 0.1, 0.8 * base[:, 0], base[:, 1] - 0.5 * base[:, 0]]
    return np.stack(channels, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def crops():
    return textured(1200, 32, 32)


@pytest.fixture(scope="module")
def path(crops):
    return LinearPath.fit(crops[:1000])


def noisy(x_0, t, seed=1):
    x_0 = torch.from_numpy(x_0)
    eps = torch.from_numpy(np.random.default_rng(seed).standard_normal(x_0.shape, dtype=np.float32))
    signal, noise = (part(torch.tensor([t])) for part in (SCHEDULE.signal, SCHEDULE.noise))
    return signal * x_0 + noise * eps, eps, signal, noise


def loss(path, x_0, t):
    """L_simple of the filter alone."""
    x_t, eps, signal, noise = noisy(x_0, t)
    v = from_frequencies(path.linear(x_t, signal, noise))
    return (noise * x_t + signal * v - eps).square().mean().item()


@pytest.mark.parametrize("t", [5, 50, 200, 500, 800, 990])
def test_the_coarse_grid_loses_little_to_a_filter_of_every_frequency(path, crops, t):
    x_t, eps, *_ = noisy(crops[1000:], t)
    exact = WienerDenoiser(crops[:1000]).eps(x_t.numpy(), float(SCHEDULE.alpha_bar[t]))
    assert loss(path, crops[1000:], t) < 1.04 * ((exact - eps.numpy()) ** 2).mean()


@pytest.mark.parametrize("t", [50, 500])
def test_it_serves_pictures_of_other_sizes(path, t):
    """Nearly as good as what is fitted on that size, whose lowest frequencies the path has never seen."""
    x_t, eps, *_ = noisy(textured(200, 48, 80, seed=3), t)
    exact = WienerDenoiser(textured(600, 48, 80, seed=4)).eps(x_t.numpy(), float(SCHEDULE.alpha_bar[t]))
    assert loss(path, textured(200, 48, 80, seed=3), t) < 1.1 * ((exact - eps.numpy()) ** 2).mean()


def test_half_precision_keeps_it(path, crops):
    stored = LinearPath(32)
    stored.load_state_dict({key: value.half().float() for key, value in path.state_dict().items()})
    for t in (5, 500, 990):
        assert loss(stored, crops[1000:], t) == pytest.approx(loss(path, crops[1000:], t), rel=2e-3)


def test_the_share_decides_between_filter_and_network(path, crops):
    x_t, _, signal, noise = noisy(crops[:2], 100)
    network = torch.randn_like(x_t)
    mixed = LinearPath(32)
    mixed.load_state_dict(path.state_dict())
    results = {}
    for share in (0.0, 0.5, 1.0):
        mixed.share.data.fill_(share)
        results[share] = mixed(mixed.linear(x_t, signal, noise), network, signal)
    torch.testing.assert_close(results[1.0], network, atol=1e-4, rtol=1e-4)
    filtered = from_frequencies(path.linear(x_t, signal, noise))
    torch.testing.assert_close(results[0.0], filtered, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(results[0.5], (network + filtered) / 2, atol=1e-4, rtol=1e-4)


def test_shares_are_by_octave_and_noise_level(path):
    """Every coefficient's share comes from the bands around it; the constant coefficient has its own."""
    bands = path.bands((32, 48))
    torch.testing.assert_close(bands.sum(dim=0), torch.ones(32, 48))
    assert bands[0, 0, 0] == 1 and bands[0].sum() < 1 + 32 + 48 and bands[1:, 0, 0].sum() == 0
    mixed = LinearPath(32)
    mixed.share.data.zero_()
    mixed.share.data[10] = 1.0  # one knot of twenty: log SNR 0
    low, middle, high = (mixed.spread(SCHEDULE.signal(torch.tensor([t])), (32, 48)).max() for t in (5, 260, 900))
    assert middle > 0.5 and low == 0 and high == 0


@pytest.mark.parametrize("size", [(16, 16), (33, 47), (1, 5)])
def test_the_transform_is_orthonormal_and_the_library_s(size):
    x = torch.randn(2, 4, *size)
    expected = scipy.fft.dctn(x.numpy(), axes=(2, 3), norm="ortho")
    torch.testing.assert_close(to_frequencies(x), torch.from_numpy(expected), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(from_frequencies(to_frequencies(x)), x, atol=1e-4, rtol=1e-4)


def test_gradients_reach_network_and_shares(path, crops):
    x_t, _, signal, noise = noisy(crops[:2], 300)
    network = torch.randn_like(x_t, requires_grad=True)
    path(path.linear(x_t, signal, noise), network, signal).square().mean().backward()
    assert network.grad.abs().sum() > 0 and path.share.grad.abs().sum() > 0
    path.share.grad = None


def test_one_crop_is_not_enough():
    with pytest.raises(DataError, match="fewer than two"):
        LinearPath.fit(textured(1, 16, 16))
