"""HTV: does a hot target stand out in the fused picture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffuse_fuse import metrics
from diffuse_fuse.metrics.context import Triple
from diffuse_fuse.metrics.targets import hot_targets

SHAPE = (80, 100)


def scene(spots=((30, 40, 6),), level=200, ground=50):
    """An infrared picture with round hot spots (row, column, radius) on an even ground."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    picture = np.full(SHAPE, ground, np.uint8)
    for row, column, radius in spots:
        picture[(y - row) ** 2 + (x - column) ** 2 < radius**2] = level
    return picture


def grain(amplitude):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return ((x + y) % 2 * 2 - 1) * amplitude


def htv(ir, fused):
    return metrics.htv(ir, fused, fused)


def test_targets_are_the_hot_regions():
    targets = hot_targets(Triple(*[scene([(20, 20, 6), (50, 70, 9)])] * 3))
    assert [target.area for target in targets] == pytest.approx([113, 253], rel=0.25)
    for target in targets:
        assert not (target.inside & target.around).any()
        assert target.around.any()


def test_value_by_hand():
    ir = scene()
    fused = np.where(ir > 100, 90, 60).astype(np.uint8)
    # 30 levels above an even ground; the 3×3 mean takes in some of the rim
    assert htv(ir, fused) == pytest.approx(30 / (30 + 4), abs=0.03)


def test_visible_invisible_and_reversed():
    ir = scene()
    assert htv(ir, ir) > 0.95
    assert htv(ir, np.full(SHAPE, 120, np.uint8)) == 0
    assert htv(ir, 255 - ir) == pytest.approx(-htv(ir, ir))


def test_more_contrast_is_more_visible():
    ir = scene()
    values = [htv(ir, np.where(ir > 100, 80 + step, 80).astype(np.uint8)) for step in (0, 5, 20, 60, 150)]
    assert values == sorted(values)
    assert len(set(values)) == len(values)


def test_restless_surroundings_hide_a_target():
    ir = scene()
    values = [htv(ir, (ir // 3 + 60 + grain(amplitude)).astype(np.uint8)) for amplitude in (0, 5, 20, 40)]
    assert values == sorted(values, reverse=True)


def test_brightness_of_the_whole_picture_does_not_matter():
    ir = scene()
    fused = ir // 4 + 20
    assert htv(ir, fused) == pytest.approx(htv(ir, fused + 100))


def test_larger_targets_count_more():
    ir = scene([(20, 20, 5), (50, 70, 10)])
    x = np.broadcast_to(np.arange(SHAPE[1]), SHAPE)
    left, right = (np.where(ir > 100, 200, 50) * side + 50 * ~side for side in (x < 45, x >= 45))
    small, large = htv(ir, left.astype(np.uint8)), htv(ir, right.astype(np.uint8))
    # each shows one of two: shares by √area, about 1 : 2
    assert 0 < small < large
    assert large / small == pytest.approx(2, rel=0.15)


def test_a_target_that_the_visible_picture_drowns_is_seen_to_be_gone():
    ir = scene()
    vis = np.full(SHAPE, 180, np.uint8)
    average = ((ir.astype(int) + vis) // 2).astype(np.uint8)
    assert metrics.htv(ir, vis, vis) == 0
    assert 0 < metrics.htv(ir, vis, average) < metrics.htv(ir, vis, ir)


def test_touching_rings_leave_the_neighbour_out():
    ir = scene([(40, 40, 6), (40, 56, 6)])
    first, second = hot_targets(Triple(ir, ir, ir))
    for target in (first, second):
        assert ir[target.box][target.around].max() == 50


@pytest.mark.parametrize(
    "ir",
    [
        np.full(SHAPE, 90, np.uint8),
        np.zeros(SHAPE, np.uint8),
        scene(level=58),  # 8 grey levels are no target
        scene([(30, 40, 1.5)]),  # one that is smaller than nine pixels, spread by the 3×3 mean
        (100 + grain(40)).astype(np.uint8),
    ],
    ids=["even", "black", "faint", "tiny", "grain"],
)
def test_no_hot_target_no_answer(ir):
    if ir.max() == 200:
        ir = ir.copy()
        ir[ir == 200] = 70
    assert math.isnan(htv(ir, ir))


def test_colour_and_the_visible_picture_do_not_enter():
    ir = scene()
    fused = ir // 2 + 30
    colour = np.repeat(fused[..., None], 3, axis=2)
    assert metrics.htv(ir, colour, colour) == metrics.htv(ir, scene([(9, 9, 5)]), fused)
