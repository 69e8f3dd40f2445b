"""The linear denoiser: exact where the answer is known, and no nearly as good linear one beats it."""

import numpy as np
import pytest
import scipy.fft

from diffuse_fuse.diffusion.wiener import WienerDenoiser
from diffuse_fuse.errors import DataError

ALPHA_BAR = 0.4


@pytest.fixture(scope="module")
def crops():
    """Smooth random crops with four related channels."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    spectrum = 3 / (1 + x + y) ** 1.5
    base = scipy.fft.idctn(rng.standard_normal((3000, 2, 16, 16)) * spectrum, axes=(2, 3), norm="ortho")
    return np.stack([base[:, 0], base[:, 0] + 0.1, base[:, 0] * 0.8, base[:, 1] - 0.2 * base[:, 0]], axis=1)


def loss(crops, eps_of):
    eps = np.random.default_rng(1).standard_normal(crops.shape)
    x_t = np.sqrt(ALPHA_BAR) * crops + np.sqrt(1 - ALPHA_BAR) * eps
    return ((eps_of(x_t) - eps) ** 2).mean()


def test_independent_pixels_are_shrunk_by_the_textbook_factor():
    white = np.random.default_rng(2).normal(0.2, 0.5, (4000, 4, 8, 8))
    found = loss(white[2000:], lambda x_t: WienerDenoiser(white[:2000]).eps(x_t, ALPHA_BAR))
    signal, noise = ALPHA_BAR * 0.25, 1 - ALPHA_BAR
    assert found == pytest.approx(signal / (signal + noise), rel=0.02)


def test_no_linear_denoiser_around_it_is_better(crops):
    wiener, held_out = WienerDenoiser(crops[:2000]), crops[2000:]
    best = loss(held_out, lambda x_t: wiener.eps(x_t, ALPHA_BAR))
    assert best < 0.5 * loss(held_out, lambda x_t: np.sqrt(1 - ALPHA_BAR) * x_t)  # blind to the spectrum
    for other in (0.25, 0.55):  # tuned to another noise level
        assert best < loss(held_out, lambda x_t, other=other: wiener.eps(x_t, other))
    alone = [WienerDenoiser(crops[:2000, c : c + 1]) for c in range(4)]  # each channel by itself
    by_channel = loss(
        held_out,
        lambda x_t: np.concatenate([w.eps(x_t[:, c : c + 1], ALPHA_BAR) for c, w in enumerate(alone)], axis=1),
    )
    assert best < 0.9 * by_channel


def test_one_crop_is_not_enough():
    with pytest.raises(DataError, match="fewer than two"):
        WienerDenoiser(np.zeros((1, 4, 8, 8)))
