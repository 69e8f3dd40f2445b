"""Sampling that agrees with a measurement, against the conditional distribution of a normal one."""

from functools import lru_cache

import numpy as np
import pytest
import torch

from diffuse_fuse.diffusion.consistent import channels_known, consistent_sample, means_known, noised
from diffuse_fuse.diffusion.samplers import ddim_sample, time_steps
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.area import mean_matrix

from .gaussian import MU, SIGMA, gaussian_eps

SCHEDULE = Schedule("linear", 1000)
SIZE = (4, 6)
COLOUR = torch.tensor([True, True, True, False])
INFRARED = ~COLOUR


def field_covariance():
    """Pictures of four channels, correlated as in SIGMA and along rows and columns: (96, 96)."""
    near = [0.7 ** np.abs(np.subtract.outer(np.arange(side), np.arange(side))) for side in SIZE]
    return np.kron(SIGMA, np.kron(*near))


def field_mean():
    return np.repeat(MU, SIZE[0] * SIZE[1])


@lru_cache
def field_eps():
    flat = gaussian_eps(SCHEDULE, field_mean(), field_covariance())
    return lambda x_t, t: flat(x_t.flatten(1), t).view_as(x_t)


def scene(seed=3):
    root = np.linalg.cholesky(field_covariance())
    drawn = root @ np.random.default_rng(seed).standard_normal(len(root)) + field_mean()
    return torch.from_numpy(drawn).view(1, 4, *SIZE)


def means(x, small):
    rows, columns = (torch.tensor(mean_matrix(a, b)) for a, b in zip(SIZE, small, strict=True))
    return rows @ x @ columns.T


def noise(count, seed=0):
    return torch.randn(count, 4, *SIZE, generator=generator(seed), dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def posterior_mean(x, small):
    """E of the infrared channel when the colours are known as they are and its means of ``small`` (h, w) too."""
    rows, columns = (mean_matrix(a, b) for a, b in zip(SIZE, small, strict=True))
    pixels = SIZE[0] * SIZE[1]
    a = np.zeros((3 * pixels + small[0] * small[1], 4 * pixels))
    a[: 3 * pixels, : 3 * pixels] = np.eye(3 * pixels)
    a[3 * pixels :, 3 * pixels :] = np.kron(rows, columns)
    sigma, mu = field_covariance(), field_mean()
    gain = sigma @ a.T @ np.linalg.inv(a @ sigma @ a.T)
    mean = mu + gain @ (a @ (x.numpy().ravel() - mu))
    return torch.from_numpy(mean).view(1, 4, *SIZE)


@pytest.mark.parametrize("enlargement", ["cubic", "nearest"])
@pytest.mark.parametrize("small", [(2, 3), (3, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_result_agrees_with_means_and_known_channels(small, enlargement, dtype):
    x = scene().to(dtype)
    y = means(scene(), small)[:, 3:].to(dtype)
    measured = [means_known(y, SIZE, INFRARED, enlargement), channels_known(x, COLOUR)]

    def eps_theta(x_t, t):
        return field_eps()(x_t.double(), t).to(dtype)

    found = consistent_sample(eps_theta, SCHEDULE, noise(5).to(dtype), time_steps(1000, 10), measured, clip=True)
    assert found.dtype == dtype
    assert torch.equal(found[:, :3], x[:, :3].expand(5, -1, -1, -1))
    torch.testing.assert_close(means(found.double(), small)[:, 3:], y.double().expand(5, -1, -1, -1), atol=1e-5, rtol=0)


def test_means_of_all_channels():
    y = means(scene(), (2, 2))
    found = consistent_sample(field_eps(), SCHEDULE, noise(3), time_steps(1000, 10), [means_known(y, SIZE)])
    torch.testing.assert_close(means(found, (2, 2)), y.expand(3, -1, -1, -1), atol=1e-9, rtol=0)


def test_the_mean_of_samples_comes_near_to_the_conditional_one():
    """What is measured tells more than its own pixels: the infrared detail follows the colours."""
    small, x = (2, 3), scene()
    y, truth = means(x, small)[:, 3:], posterior_mean(x, small)
    measured = [means_known(y, SIZE, INFRARED), channels_known(x, COLOUR)]
    taus = time_steps(1000, 40, "quadratic")
    errors = {}
    for repeats in (1, 5):
        found = consistent_sample(
            *(field_eps(), SCHEDULE, noise(200), taus, measured), eta=1.0, generator=generator(1), repeats=repeats
        )
        errors[repeats] = (found.mean(0) - truth[0])[3].square().mean().sqrt().item()
    flat = means_known(y, SIZE, INFRARED)(torch.zeros_like(x))
    enlarged = (flat - truth)[0, 3].square().mean().sqrt().item()
    assert errors[1] < 0.6 * enlarged and errors[5] < 0.25 * enlarged


def test_nothing_measured_is_ddim():
    taus = time_steps(1000, 10)
    plain = ddim_sample(field_eps(), SCHEDULE, noise(2), taus, 0.5, generator(4))
    torch.testing.assert_close(
        consistent_sample(field_eps(), SCHEDULE, noise(2), taus, [], 0.5, generator(4)), plain, atol=1e-9, rtol=0
    )


def test_a_first_guess_is_kept_the_more_the_later_the_way_begins():
    x = scene()
    y = means(x, (1, 1))
    distances = []
    for tau in (20, 400):
        x_t = noised(x, SCHEDULE, tau, generator(2))
        found = consistent_sample(field_eps(), SCHEDULE, x_t, time_steps(tau + 1, 10), [means_known(y, SIZE)])
        distances.append((found - x).square().mean().item())
    assert distances[0] < 0.1 * distances[1]


def test_the_same_seed_gives_the_same_bits():
    x = scene()
    measured, taus = [channels_known(x, COLOUR)], time_steps(1000, 5)
    first, again = (
        consistent_sample(field_eps(), SCHEDULE, noise(2), taus, measured, 1.0, generator(9), 2) for _ in range(2)
    )
    assert first.numpy().tobytes() == again.numpy().tobytes()


def test_each_step_tells_a_picture_that_agrees():
    y, seen = means(scene(), (2, 2)), []
    consistent_sample(
        *(field_eps(), SCHEDULE, noise(1), [10, 500, 999], [means_known(y, SIZE)]),
        on_step=lambda t, x_0: seen.append((t, (means(x_0, (2, 2)) - y).abs().max().item())),
    )
    assert [t for t, _ in seen] == [999, 500, 10] and max(error for _, error in seen) < 1e-9


def test_wrong_choices_are_named():
    y = means(scene(), (2, 2))
    with pytest.raises(UsageError, match="1 channels are marked as measured, and 4 are given"):
        means_known(y, SIZE, INFRARED)
    with pytest.raises(UsageError, match="'linear'.*cubic, nearest"):
        means_known(y, SIZE, enlargement="linear")
    for wrong in ({"eta": 0.5}, {"repeats": 2}):
        with pytest.raises(UsageError, match="give a generator"):
            consistent_sample(field_eps(), SCHEDULE, noise(1), [0, 999], [], **wrong)
    with pytest.raises(UsageError, match="at least 1, not 0"):
        consistent_sample(field_eps(), SCHEDULE, noise(1), [0, 999], [], repeats=0)
    with pytest.raises(UsageError, match="from 0 to 999, not 1000"):
        noised(scene(), SCHEDULE, 1000, generator())
