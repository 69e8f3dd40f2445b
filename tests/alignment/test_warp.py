import numpy as np
import pytest

from diffuse_fuse.alignment import Transform, warp_infrared
from diffuse_fuse.alignment.warp import coverage
from diffuse_fuse.images.arrays import to_one_channel

from .conftest import SIZE, displaced, make_map


@pytest.mark.parametrize("as_type", [lambda x: x, lambda x: x.astype(np.float32) / 255])
def test_the_known_map_is_undone(shapes, as_type):
    truth = make_map(1.2, 0.98, (9, -5))
    back = warp_infrared(as_type(displaced(shapes[0], truth)), shapes[1], truth)
    assert back.dtype == as_type(shapes[0]).dtype and back.shape == shapes[0].shape
    inside = np.s_[30:-30, 30:-30]
    difference = np.abs(back[inside].astype(float) - as_type(shapes[0])[inside])
    assert difference.mean() < 0.02 * as_type(np.full(1, 255, np.uint8))[0]


def test_the_identity_changes_nothing(shapes):
    assert np.array_equal(warp_infrared(*shapes, Transform.identity(SIZE)), shapes[0])


def test_outside_the_frame_stands_the_visible_picture_without_an_edge(shapes):
    transform = make_map(shift=(40, 0))  # the infrared camera saw nothing of the last 40 columns
    ir = np.full_like(shapes[0], 250)
    vis = np.full_like(shapes[1], 20)
    moved = warp_infrared(ir, vis, transform).astype(int)
    assert (moved[:, -39:] == 20).all() and (moved[:, :200] == 250).all()
    steps = np.abs(np.diff(moved, axis=1))
    assert steps.max() < 45 and 0 < np.count_nonzero(steps[0]) < 20  # a ramp of a few pixels instead of a step of 230
    moved = warp_infrared(shapes[0], shapes[1], transform)
    assert np.array_equal(moved[:, -39:], to_one_channel(shapes[1])[:, -39:])


def test_a_frame_that_covers_all_has_no_seam():
    assert (coverage((240, 320), make_map(0, 0.9)) == 1).all()


def test_coverage_falls_to_nothing_at_the_frame_only():
    weight = coverage((240, 320), make_map(1.5, 1.02, (10, 10)))
    assert weight.min() == 0 and weight.max() == 1
    assert (weight[60:-60, 60:-60] == 1).all()
    assert (weight[:, -5:] == 0).all() and (weight[-5:] == 0).all()
