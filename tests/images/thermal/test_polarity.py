"""White-hot pictures stay as they are, whatever stands around them; black-hot ones are found where that is plain."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from diffuse_fuse.images.thermal.polarity import content, looks_black_hot

HEIGHT, WIDTH = 192, 256


def night(seed: int) -> np.ndarray:
    """People and engines on a dim ground, uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    scene = 60 + 25 * np.sin(x / 40 + seed) + 10 * np.cos(y / 30) + rng.normal(0, 2, x.shape)
    for _ in range(8):
        column, row = rng.integers(30, WIDTH - 30), rng.integers(60, HEIGHT - 40)
        scene += 110 * (((x - column) / 3) ** 2 + ((y - row) / 8) ** 2 < 1)
    return np.clip(scene, 0, 255).astype(np.uint8)


def day(seed: int) -> np.ndarray:
    """A warm road under a cold sky, without anything small and hot, uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    ground = y > 50 + 8 * np.sin(x / 19 + seed) + 4 * np.sin(x / 5)
    texture = 3 * np.abs(cv2.GaussianBlur(rng.normal(0, 60, x.shape), (0, 0), 3))
    return np.clip(
        np.where(ground, 80 + texture + 5 * np.sin(x / 30), 15 + y / 3) + rng.normal(0, 1, x.shape), 0, 255
    ).astype(np.uint8)


def framed(picture: np.ndarray, share: float, level: int) -> np.ndarray:
    width = round(share * HEIGHT)
    drawn = picture.copy()
    drawn[:width], drawn[HEIGHT - width :], drawn[:, :width], drawn[:, WIDTH - width :] = level, level, level, level
    return drawn


def tilted(picture: np.ndarray, level: int) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 4, 0.96)
    return cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderValue=level)


@pytest.mark.parametrize("scene", [night, day])
@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("share", [0, 0.01, 0.05, 0.1])
def test_frames_say_nothing(scene, level, share):
    for seed in range(3):
        picture = framed(scene(seed), share, level)
        assert looks_black_hot(picture) in (False, None)
        assert looks_black_hot(255 - picture) in (True, None)
        if scene is night:
            assert looks_black_hot(picture) is False and looks_black_hot(255 - picture) is True


@pytest.mark.parametrize("level", [0, 255])
def test_wedges_of_a_warped_picture_say_nothing(level):
    for seed in range(3):
        assert looks_black_hot(tilted(night(seed), level)) is False
        assert looks_black_hot(tilted(255 - night(seed), level)) is True
        assert looks_black_hot(tilted(day(seed), level)) is not True


@pytest.mark.parametrize("contrast", [16, 20])
def test_a_part_of_a_scene_with_one_cold_thing_is_not_turned_round(contrast):
    """A wet roof or a gap between houses is as dark on its ground as people are bright."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    part = 130 + contrast * (np.sin(x / 40) + np.cos(y / 30) / 2) + np.random.default_rng(0).normal(0, 5, x.shape)
    part -= 90 * ((np.abs(x - 90) < 14) & (np.abs(y - 100) < 10))
    assert looks_black_hot(np.clip(part, 0, 255).astype(np.uint8)) is not True


def test_a_wide_smooth_sky_is_cold():
    assert [looks_black_hot(day(seed)) for seed in range(3)] == [False] * 3
    assert [looks_black_hot(255 - day(seed)) for seed in range(3)] == [True] * 3


def test_holes_say_nothing():
    picture, holes = night(0), np.zeros((HEIGHT, WIDTH), bool)
    holes[20:60, 30:200] = True
    for fill in (0, 255):
        marked = np.where(holes, fill, picture).astype(np.uint8)
        assert looks_black_hot(marked, holes) is False and looks_black_hot(255 - marked, holes) is True
    assert looks_black_hot(picture, np.ones_like(holes)) is None


def test_what_is_content():
    inside = content(framed(night(1), 0.05, 0).astype(np.float32) / 255)
    assert not inside[:10].any() and not inside[:, -10:].any() and inside[14:-14, 14:-14].all()
    assert content(night(1).astype(np.float32) / 255).all()
