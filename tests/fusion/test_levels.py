"""From colours to whole levels: the same on tensors and on arrays, in 8 and in 16 bits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diffuse_fuse.fusion.levels import most, of_rgb, rounded

unit = st.floats(0, 1, width=32)
pictures = arrays(np.float32, (3, 4, 5), elements=unit)
maps = arrays(np.float32, (4, 5), elements=unit)
depths = st.sampled_from((8, 16))


@given(pictures, depths)
def test_arrays_and_tensors_come_out_alike(picture, depth):
    found, expected = of_rgb(*picture, depth), of_rgb(*torch.from_numpy(picture), depth)
    assert all(isinstance(channel, np.ndarray) for channel in found)
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("depth", [8, 16])
def test_levels_come_back_as_they_were(depth):
    levels = np.random.default_rng(0).integers(0, most(depth), (3, 200, 300), endpoint=True)
    assert np.array_equal(of_rgb(*(levels / most(depth)).astype(np.float32), depth), levels)


@given(maps, depths)
def test_grey_stays_neutral_and_is_the_nearest_grey(grey, depth):
    r, g, b = of_rgb(grey, grey, grey, depth)
    assert np.array_equal(r, g) and np.array_equal(g, b)
    assert np.abs(g - grey.astype(np.float64) * most(depth)).max() <= 0.51


@pytest.mark.parametrize("depth", [8, 16])
def test_differences_err_half_as_far_as_with_each_channel_by_itself(depth):
    rgb = np.random.default_rng(0).uniform(0.1, 0.9, (3, 64, 64))
    exact, levels = rgb * most(depth), np.stack(of_rgb(*rgb, depth))

    def worst(whole):
        return np.abs((whole[::2] - whole[1]) - (exact[::2] - exact[1])).max()

    assert worst(levels) <= 0.5 + 1e-3 < 0.9 < worst(exact.round())
    assert np.abs(levels - exact).max() <= 1 + 1e-3


def test_levels_stay_within_their_depth_and_what_is_given_stays_as_it_is():
    green, red, blue = (torch.tensor([value]) for value in (254.6, 0.6, -254.8))
    assert [int(x) for x in rounded(green, red, blue)] == [255, 255, 0]
    assert [round(float(x), 1) for x in (green, red, blue)] == [254.6, 0.6, -254.8]
    assert [int(x) for x in of_rgb(*torch.tensor([0.0, 1.0, 1.0])[:, None], 16)] == [0, 65535, 65535]
