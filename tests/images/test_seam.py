"""The visible picture where nothing was measured, and the part that measures what is left."""

import numpy as np
import pytest

from diffuse_fuse.errors import ImageError
from diffuse_fuse.images.given import given_pair
from diffuse_fuse.images.seam import at_size, measured_part, seam


def test_a_seam_is_smooth_and_lies_on_the_inner_side():
    seen = np.ones((100, 120), bool)
    seen[:, :30] = False
    weight = seam(seen)
    assert weight.dtype == np.float32 and not weight[:, :30].any() and (weight[:, 40:] == 1).all()
    assert (np.diff(weight[50]) >= 0).all() and np.diff(weight[50]).max() < 0.5
    assert (seam(np.ones((5, 6), bool)) == 1).all()


def test_holes_at_another_size():
    holes = np.zeros((40, 60), bool)
    holes[:, :15] = True
    assert at_size(holes, (40, 60)) is holes and at_size(None, (4, 5)) is None
    assert at_size(holes, (80, 120)).mean() == pytest.approx(0.25)
    assert at_size(holes, (20, 30)).mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("size", [(100, 160), (333, 517)])
def test_the_largest_rectangle_without_holes(size):
    holes = np.zeros(size, bool)
    holes[: size[0] // 10] = True
    holes[:, -size[1] // 4 :] = True
    holes[size[0] // 2, 3] = True
    part = measured_part(holes)
    assert not holes[part].any()
    free = [(y, x) for y in (size[0] // 10, size[0] // 2) for x in (0, 4)]
    best = max((size[0] - y) * (size[1] * 3 // 4 - x) for y, x in free if not holes[y:, x : size[1] // 2].any())
    assert holes[part].size > 0.93 * best
    assert np.zeros(size)[measured_part(np.zeros(size, bool))].shape == size
    assert np.zeros(size)[measured_part(np.ones(size, bool))].shape == size


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_masked_arrays_mask_what_was_not_measured(dtype):
    top = {np.uint8: 255, np.uint16: 60000, np.float32: 1}[dtype]
    values = (np.random.default_rng(0).random((40, 60)) * top / 2 + top / 4).astype(dtype)
    mask = np.zeros((40, 60), bool)
    mask[:, :20] = True
    marked = values.copy()
    marked[mask] = 0 if dtype != np.float32 else np.nan
    vis = np.zeros((40, 60, 3), np.uint8)
    ir, _, holes, _ = given_pair(np.ma.array(marked, mask=mask), vis)
    assert np.array_equal(holes, mask) and np.isfinite(ir).all()
    plain = given_pair(values[:, 20:], vis[:, 20:])[0]
    if dtype is not np.uint16:  # which is stretched, and only by what was measured
        assert np.array_equal(ir[:, 20:], plain)
    else:
        low, high = np.percentile(values[:, 20:].astype(float), (0.5, 99.5))
        assert np.allclose(ir[:, 20:], np.clip((values[:, 20:] - low) / (high - low), 0, 1), atol=1e-6)
    assert given_pair(np.ma.array(values, mask=False), vis)[2] is None
    with pytest.raises(ImageError, match="masked everywhere"):
        given_pair(np.ma.array(values, mask=True), vis)
