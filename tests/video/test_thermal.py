"""Deep infrared frames: the picture does not pump when something hot comes in."""

from __future__ import annotations

import numpy as np
import pytest

from diffuse_fuse.images.arrays import stretch_counts
from diffuse_fuse.video.source import Frame
from diffuse_fuse.video.thermal import FIRST, SteadyRange, looked_ahead


def counts(hot: bool, seed: int) -> np.ndarray:
    frame = np.random.default_rng(seed).normal(3000, 20, (60, 80))
    if hot:
        frame[10:40, 20:60] = 4000
    return frame.astype(np.uint16)


def test_the_ground_keeps_its_brightness_when_something_hot_comes_in():
    frames = [counts(number >= 10, number) for number in range(40)]
    scale = SteadyRange(25)
    scale.start((frame, None) for frame in frames[:FIRST])
    ground = [scale(frame)[45:].mean() for frame in frames]
    alone = [stretch_counts(frame)[45:].mean() * 255 for frame in frames]
    assert max(abs(np.diff(alone))) > 80  # a range for each frame: the whole picture goes dark at once
    assert max(abs(np.diff(ground))) < 30 and ground[8] == pytest.approx(alone[8], abs=12)
    for number in range(40, 400):
        settled = scale(counts(True, number))[45:].mean()
    assert settled == pytest.approx(alone[-1], abs=3)


def test_one_odd_frame_at_the_start_does_not_set_the_range():
    frames = [counts(number == 0, number) for number in range(FIRST)]
    scale = SteadyRange(25)
    shown = list(looked_ahead(iter([Frame("a", frame, None) for frame in frames]), scale))
    assert all(map(np.array_equal, [frame.ir for frame in shown], frames)) and len(shown) == FIRST
    assert scale.range[1] < 3100


def test_eight_bits_pass_unless_a_range_is_given():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert SteadyRange(25)(levels) is levels
    assert np.array_equal(SteadyRange(25, black_hot=True)(levels), 255 - levels)
    cut = SteadyRange(25, (100, 200))(levels).ravel()
    assert cut[100] == 0 and cut[200] == 255 and cut[150] == 128 and not cut[:100].any()


def test_a_span_that_frames_bring_along_is_followed_slowly():
    values = np.full((8, 8), 30.0, np.float32)
    scale = SteadyRange(25)
    scale.start([(values, (20.0, 40.0))] * 3)
    assert scale(values, (20.0, 40.0))[0, 0] == 128
    assert 100 < scale(values, (25.0, 65.0))[0, 0] < 128  # its own range would make it 32
    for _ in range(400):
        settled = scale(values, (25.0, 65.0))
    assert abs(int(settled[0, 0]) - 32) <= 1


def test_a_given_range_never_moves():
    scale = SteadyRange(25, (20.0, 40.0))
    warm = np.full((8, 8), 30.0, np.float32)
    first = scale(warm).copy()
    scale(np.full((8, 8), 500.0, np.float32))
    assert np.array_equal(scale(warm), first) and int(first[0, 0]) == 128


def test_a_frame_without_contrast_is_black():
    assert not SteadyRange(25)(np.full((8, 8), 7000, np.uint16)).any()
