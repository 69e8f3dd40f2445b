"""The flicker measure against its definition, and what lowers it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from diffuse_fuse.video.flicker import FlickerMeter, luma
from diffuse_fuse.video.stabilise import LIMIT, Stabiliser
from tests.video.conftest import Brighter


def measured(irs, vises, fused):
    meter = FlickerMeter()
    for ir, vis, frame in zip(irs, vises, fused, strict=True):
        meter.add(ir, luma(vis), luma(frame))
    return meter.result()


def stabilised(irs, vises, fused, strength=0.7):
    stabiliser = Stabiliser(strength)
    return [stabiliser(ir, luma(vis), frame) for ir, vis, frame in zip(irs, vises, fused, strict=True)]


def test_it_is_the_mean_change_of_still_pixels(clip):
    irs, vises = clip
    fused = [Brighter().fuse(*pair) for pair in zip(irs, vises, strict=True)]
    sums, still, pixels = np.zeros(3), 0, 0
    streams = [[frame.astype(float) for frame in stream] for stream in (irs, map(luma, vises), map(luma, fused))]
    for before in range(len(irs) - 1):
        changes = [np.abs(stream[before + 1] - stream[before]) for stream in streams]
        quiet = np.all([uniform_filter(change, 7, mode="mirror") < 4 for change in changes[:2]], axis=0)
        sums += [change[quiet].sum() for change in changes]
        still, pixels = still + quiet.sum(), pixels + quiet.size
    found = measured(irs, vises, fused)
    assert (found.ir, found.vis, found.fused) == pytest.approx(tuple(sums / still), rel=1e-4)
    assert found.still == pytest.approx(still / pixels, rel=1e-4) and 0.4 < found.still < 0.95
    assert found.changes == len(irs) - 1


def test_a_copy_of_a_source_flickers_like_it_and_a_pumping_one_more(clip):
    irs, vises = clip
    same = measured(irs, vises, vises)
    assert same.fused == same.vis and same.is_steady
    pumping = [np.clip(vis.astype(int) + 6 * (n % 2), 0, 255).astype(np.uint8) for n, vis in enumerate(vises)]
    assert measured(irs, vises, pumping).fused > 5 and not measured(irs, vises, pumping).is_steady


def test_without_anything_still_there_is_no_figure():
    rng = np.random.default_rng(0)
    frames = [rng.integers(256, size=(20, 20), dtype=np.uint8) for _ in range(3)]
    colour = [np.dstack([frame] * 3) for frame in frames]
    assert measured(frames, colour, colour) is None
    assert measured(frames[:1], colour[:1], colour[:1]) is None


def test_noise_that_the_network_amplified_is_taken_out(clip):
    irs, vises = clip
    rng = np.random.default_rng(1)
    noisy = [np.clip(vis + rng.normal(0, 2.5, vis.shape[:2])[..., None], 0, 255).astype(np.uint8) for vis in vises]
    before, after = measured(irs, vises, noisy), measured(irs, vises, stabilised(irs, vises, noisy))
    assert not before.is_steady and after.fused < 0.6 * before.fused and after.is_steady


def test_what_moves_stays_as_the_network_made_it(clip):
    """Around the square, where it is and where it was, nothing changes; anywhere else no more than the limit."""
    irs, vises = clip
    fused = [Brighter().fuse(*pair) for pair in zip(irs, vises, strict=True)]
    for number, (frame, plain) in enumerate(zip(stabilised(irs, vises, fused), fused, strict=True)):
        at = 4 + 4 * number
        assert np.array_equal(frame[16:26, at - 4 : at + 8], plain[16:26, at - 4 : at + 8])
        assert np.abs(frame.astype(int) - plain).max() <= LIMIT
    assert not np.array_equal(frame, plain)


def test_grey_stays_grey_and_strength_0_changes_nothing(clip):
    irs, vises = clip
    grey = [np.dstack([luma(vis)] * 3) for vis in vises]
    for frame in stabilised(irs, vises, grey):
        assert np.array_equal(frame[..., 0], frame[..., 1]) and np.array_equal(frame[..., 1], frame[..., 2])
    assert all(map(np.array_equal, stabilised(irs, vises, vises, 0.0), vises))


def test_the_average_follows_when_the_light_changes_slowly(clip):
    """A level in three frames all over the picture: never further behind than a level or two."""
    irs, vises = [clip[0][0]] * 30, []
    for number in range(30):
        vises.append(np.clip(clip[1][0].astype(int) + number // 3, 0, 255).astype(np.uint8))
    last = stabilised(irs, vises, vises)[-1]
    assert np.abs(last.astype(int) - vises[-1]).max() <= 2
