import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from diffuse_fuse.errors import ImageError
from diffuse_fuse.images.arrays import (
    as_infrared,
    as_visible,
    is_grey,
    stretch_counts,
    to_one_channel,
    to_uint8_grey,
    to_uint8_rgb,
    used_bits,
)

ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)


def test_uint8_keeps_every_level():
    assert np.array_equal(as_infrared(ramp) * 255, ramp)
    assert np.array_equal(to_uint8_grey(as_infrared(ramp)), ramp)
    colour = np.stack([ramp, ramp.T, 255 - ramp], -1)
    assert np.array_equal(to_uint8_rgb(as_visible(colour)), colour)
    assert as_infrared(ramp).dtype == as_visible(colour).dtype == np.float32


def test_visible_uint16_is_divided_by_its_full_range():
    assert np.array_equal(to_uint8_rgb(np.stack([ramp.astype(np.uint16) * 257] * 3, -1))[..., 1], ramp)
    assert as_visible(np.full((4, 4, 3), 65535, np.uint16)).max() == 1


def test_grey_visible_gets_three_equal_channels():
    assert is_grey(as_visible(ramp))
    assert as_visible(ramp).shape == (16, 16, 3)
    assert as_visible(ramp[..., None]).shape == (16, 16, 3)


@pytest.mark.parametrize("low, high", [(7200, 7900), (0, 300), (16000, 16383)])
def test_raw_counts_fill_the_range(low, high):
    counts = np.random.default_rng(0).integers(low, high, (120, 160)).astype(np.uint16)
    unit = as_infrared(counts)
    assert unit.min() == 0 and unit.max() == 1
    assert 0.4 < unit.mean() < 0.6


def test_dead_pixels_do_not_take_the_contrast():
    counts = np.random.default_rng(0).integers(7200, 7900, (120, 160)).astype(np.uint16)
    with_dead = counts.copy()
    with_dead[3, 5], with_dead[60, 7] = 0, 65535
    assert np.abs(as_infrared(with_dead) - as_infrared(counts)).mean() < 0.01


def test_a_few_hot_pixels_on_a_flat_background_stay_visible():
    counts = np.full((100, 100), 7000, np.uint16)
    counts[50, 50:53] = 9000
    assert as_infrared(counts)[50, 51] == 1 and as_infrared(counts)[0, 0] == 0


def test_flat_counts_are_zero_not_nan():
    assert not stretch_counts(np.full((8, 8), 7000, np.uint16)).any()
    assert not stretch_counts(np.zeros((8, 8), np.uint16)).any()


@pytest.mark.parametrize("brightest, bits", [(255, 8), (1000, 10), (4000, 12), (16383, 14), (15900, 14), (12000, None),
                                             (16384, None), (65535, None), (0, None)])  # fmt: skip
def test_bits_that_a_camera_filled(brightest, bits):
    """14 bits only where the lights end at white: a dark scene of 16 bits stays dark."""
    picture = np.zeros((8, 8, 3), np.uint16)
    picture[2, 2] = brightest
    assert used_bits(picture) == bits


def test_an_8_bit_picture_in_16_bits_keeps_its_values():
    assert np.array_equal(as_infrared(ramp.astype(np.uint16) * 257), as_infrared(ramp))


@given(arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=20)))
def test_stretching_keeps_order_and_range(counts):
    unit = stretch_counts(counts)
    order = np.argsort(counts, axis=None)
    assert unit.shape == counts.shape and unit.dtype == np.float32
    assert unit.min() >= 0 and unit.max() <= 1
    assert (np.diff(unit.ravel()[order]) >= 0).all()


@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))))
def test_one_channel_lies_between_the_channels(rgb):
    grey = to_one_channel(rgb)
    assert grey.dtype == np.uint8 and grey.shape == rgb.shape[:2]
    assert (grey >= rgb.min(-1)).all() and (grey <= rgb.max(-1)).all()


def test_equal_channels_become_that_channel_and_different_ones_the_luma():
    assert np.array_equal(to_one_channel(np.stack([ramp] * 3, -1)), ramp)
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert to_one_channel(red)[0, 0] == 76  # 0.299 × 255


@pytest.mark.parametrize("function", [as_infrared, as_visible])
@pytest.mark.parametrize(
    "array, words",
    [
        (np.zeros((8, 8), np.int64), ["int64", "uint8"]),
        (np.zeros((8, 8), bool), ["bool"]),
        (np.zeros((8, 8, 4), np.uint8), ["(8, 8, 4)", "alpha"]),
        (np.zeros((3, 8, 8), np.uint8), ["(3, 8, 8)", "transpose"]),
        (np.zeros((2, 8, 8, 3), np.uint8), ["one picture"]),
        (np.zeros(8, np.uint8), ["(8,)", "H×W"]),
        (np.zeros((0, 8), np.uint8), ["empty"]),
        (np.full((8, 8), 200.0), ["200", "[0, 1]"]),
        (np.full((8, 8), -1.0), ["-1", "[0, 1]"]),
        (np.full((8, 8), np.nan), ["NaN", "64 of 64"]),
        (np.array([[0.5, np.inf]]), ["infinite", "1 of 2"]),
        (np.array([["a"]]), ["<U1"]),
    ],
)
def test_what_is_no_picture_is_refused_with_advice(function, array, words):
    with pytest.raises(ImageError) as caught:
        function(array)
    for word in words:
        assert word in str(caught.value)


def test_float_rounding_beyond_the_range_is_clipped():
    assert as_infrared(np.array([[-1e-6, 1 + 1e-6]])).tolist() == [[0, 1]]
