"""Area means against OpenCV's, and enlargements that give the means back."""

import cv2
import numpy as np
import pytest

from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.area import enlarged, enlarging_matrix, inside, mean_matrix

SIZES = [(48, 12), (48, 13), (47, 13), (20, 19), (7, 7), (9, 1), (640, 80)]


@pytest.mark.parametrize(("large", "small"), SIZES)
def test_means_are_those_of_opencv(large, small):
    row = np.random.default_rng(large).random((1, large))
    np.testing.assert_allclose(
        row @ mean_matrix(large, small).T, cv2.resize(row, (small, 1), interpolation=cv2.INTER_AREA), atol=1e-6
    )


@pytest.mark.parametrize("kind", ["cubic", "nearest"])
@pytest.mark.parametrize(("large", "small"), SIZES)
def test_what_is_enlarged_has_the_means_it_came_from(large, small, kind):
    product = mean_matrix(large, small) @ enlarging_matrix(small, large, kind)
    np.testing.assert_allclose(product, np.eye(small), atol=1e-12)


@pytest.mark.parametrize("kind", ["cubic", "nearest"])
def test_even_pictures_stay_even(kind):
    np.testing.assert_allclose(enlarging_matrix(13, 48, kind) @ np.ones(13), 1)


def test_nearest_repeats_values_where_the_factor_is_whole():
    np.testing.assert_allclose(enlarging_matrix(5, 20, "nearest"), np.repeat(np.eye(5), 4, axis=0), atol=1e-12)


def test_cubic_follows_a_smooth_curve_closely():
    def curve(x):
        return np.sin(2 * np.pi * x)

    fine = curve((np.arange(200) + 0.5) / 200)
    enlarged = enlarging_matrix(50, 200) @ (mean_matrix(200, 50) @ fine)
    assert np.abs(enlarged - fine)[8:-8].max() < 2e-3


def test_wrong_lengths_and_kinds_are_named():
    with pytest.raises(UsageError, match="from 1 to 4, not 5"):
        mean_matrix(4, 5)
    with pytest.raises(UsageError, match="'linear'.*cubic, nearest"):
        enlarging_matrix(4, 8, "linear")


@pytest.mark.parametrize(("size", "small"), [((48, 60), (12, 15)), ((47, 60), (13, 11))])
def test_pictures_are_enlarged_as_the_matrices_say(size, small):
    y = np.random.default_rng(1).random(small)
    rows, columns = (enlarging_matrix(a, b) for a, b in zip(small, size, strict=True))
    np.testing.assert_allclose(enlarged(y, size), rows @ y @ columns.T, atol=1e-5)


def test_pixels_that_reach_over_the_side_are_not_held_to_their_means():
    """A row of 10 pixels, 8 of the large row's each, that begins 5 before it and ends 15 behind."""
    assert inside(10, 60, -5.0, 8.0) == slice(1, 8)
    y = np.random.default_rng(2).random((10, 10))
    found = enlarged(y, (60, 60), ((-5.0, 8.0), (-5.0, 8.0)))
    seen = mean_matrix(60, 7, 3.0, 8.0)
    np.testing.assert_allclose(seen @ found @ seen.T, y[1:8, 1:8], atol=1e-5)


def test_smooth_slopes_go_on_where_pixels_reach_over_the_side():
    slope = np.tile(np.arange(10.0), (10, 1))  # a pixel of 8: its mean is its place, from the middle of the first
    found = enlarged(slope, (60, 60), ((-5.0, 8.0), (-5.0, 8.0)))
    np.testing.assert_allclose(found[30, 15:40], (np.arange(15, 40) + 0.5 + 5) / 8 - 0.5, atol=0.01)
