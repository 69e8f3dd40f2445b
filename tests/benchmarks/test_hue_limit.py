"""The least hue error of 8-bit pictures, against the metric and by hand."""

import hue_limit
import numpy as np
import pytest

from diffuse_fuse import metrics


def pictures(seed=0, dark=False):
    rng = np.random.default_rng(seed)
    vis = rng.integers(5, 40 if dark else 200, (24, 32, 3), dtype=np.uint8)
    fused = np.clip(vis.astype(int) + rng.integers(-4, 30, (24, 32, 1)), 0, 255).astype(np.uint8)
    return vis, fused


def test_the_visible_picture_itself_has_none_to_lose():
    vis, _ = pictures()
    assert hue_limit.least_turns(vis, vis, 1) == pytest.approx((0, 0), abs=1e-5)


@pytest.mark.parametrize("dark", [False, True])
def test_limits_are_in_order_and_below_the_picture(dark):
    vis, fused = pictures(dark=dark)
    own = metrics.compute(fused[..., 0], vis, fused, ["dHue"])["dHue"]
    near, far = (hue_limit.least_turns(fused, vis, reach) for reach in (1, 2))
    assert 0 < far[1] <= far[0] <= near[0] <= own and far[1] < near[1] <= near[0]
    assert near[0] > 0.1  # this luma and this hue are not to be had together


def test_a_grey_picture_has_no_hue():
    grey = np.full((8, 8, 3), 70, np.uint8)
    assert all(np.isnan(value) for value in hue_limit.least_turns(grey, grey, 1))
