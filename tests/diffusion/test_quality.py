"""The measures of samples: zero for the same, rising with the difference, right where the answer is known."""

import numpy as np
import pytest

from diffuse_fuse.diffusion.quality import mutual_information, shuffled, sliced_wasserstein
from diffuse_fuse.errors import DataError


def smooth(count, seed, size=64):
    """Pairs of smooth random pictures in [0, 1]; infrared is the inverse of the luma, roughly."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    waves = rng.uniform(1, 4, (count, 2, 1, 1)) * 2 * np.pi
    grey = 0.5 + 0.4 * np.sin(waves[:, 0] * x + waves[:, 1] * y + rng.uniform(0, 6, (count, 1, 1)))
    noise = rng.normal(0, 0.02, (count, size, size, 4))
    return np.clip(np.stack([grey, grey, grey, 1 - grey], axis=3) + noise, 0, 1).astype(np.float32)


def test_the_levels_and_a_set_against_itself():
    pictures = smooth(8, 0)
    distance = sliced_wasserstein(pictures, pictures)
    assert list(distance) == [64, 32, 16]
    # not zero: both sides draw their own patches
    assert max(distance.values()) < 0.5 * min(sliced_wasserstein(pictures, noise_like(pictures)).values())
    assert sliced_wasserstein(pictures, pictures) == distance


def noise_like(pictures):
    return np.random.default_rng(9).random(pictures.shape, dtype=np.float32)


def test_noise_takes_it_farther_where_the_noise_is():
    real, other = smooth(16, 0, 32), smooth(16, 1, 32)
    noise = np.random.default_rng(2).normal(0, 0.3, real.shape).astype(np.float32)
    clean, noisy = sliced_wasserstein(real, other), sliced_wasserstein(real, other + noise)
    assert noisy[32] > 2 * clean[32]


def test_too_much_contrast_is_seen():
    real, other = smooth(16, 0, 32), smooth(16, 1, 32)
    louder = 0.5 + 2 * (other - 0.5)
    assert sliced_wasserstein(real, louder)[16] > 2 * sliced_wasserstein(real, other)[16]


def test_sets_of_other_sizes_are_refused():
    with pytest.raises(DataError, match="equally many"):
        sliced_wasserstein(smooth(4, 0), smooth(5, 0))


def test_information_of_known_pictures():
    rng = np.random.default_rng(3)
    grey = (rng.integers(8, size=(2, 128, 128)) + 0.5) / 8  # 8 equally likely values: 3 bits
    same = np.stack([grey] * 4, axis=3).astype(np.float32)
    assert mutual_information(same) == pytest.approx(3, abs=0.01)
    assert mutual_information(shuffled(same)) < 0.01
    assert mutual_information(np.full((1, 8, 8, 4), 0.5, np.float32)) == 0


def test_shuffling_keeps_both_halves():
    pairs = smooth(5, 4)
    mixed = shuffled(pairs)
    assert np.array_equal(mixed[..., :3], pairs[..., :3]) and np.array_equal(mixed[1, ..., 3], pairs[0, ..., 3])
    assert mutual_information(mixed) < 0.7 * mutual_information(pairs)
