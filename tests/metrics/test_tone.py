"""Tone, Darkened and Bleached: is the visible picture's light kept in the fused one."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffuse_fuse import metrics
from diffuse_fuse.metrics import bands
from tests.metrics.scenes import flat, street

NAMES = ("Tone", "Darkened", "Bleached")
SHAPE = (120, 150)


def day(sky=220, ground=90):
    """A visible picture with a bright sky above a darker, textured ground."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    picture = np.where(y < 50, sky, ground + (x * 7 + y * 3) % 17)
    return picture.astype(np.uint8)


def thermal():
    """Its infrared picture: a cold sky, a warm ground."""
    return np.where(np.arange(SHAPE[0])[:, None] < 50, 20, 170).repeat(SHAPE[1], axis=1).astype(np.uint8)


def light(vis, fused):
    return metrics.compute(thermal()[: vis.shape[0], : vis.shape[1]], vis, fused, NAMES)


def by_definition(vis, fused):
    """The three numbers of whole grey pictures, as a few lines of OpenCV and numpy."""
    v, f = (picture.astype(np.float64) / 255 for picture in (vis, fused))
    smooth_v, smooth_f = (cv2.GaussianBlur(plane, (65, 65), 8, borderType=cv2.BORDER_REFLECT_101) for plane in (v, f))
    lit, bright = smooth_v > 0.08, smooth_v > 0.55
    return {
        "Tone": np.corrcoef(smooth_v[lit], smooth_f[lit])[0, 1],
        "Darkened": (smooth_f[bright] < 0.7 * smooth_v[bright]).mean(),
        "Bleached": ((f > 0.97) & (v < 0.9)).mean(),
    }


def test_the_visible_picture_itself_keeps_its_light():
    assert light(day(), day()) == pytest.approx({"Tone": 1, "Darkened": 0, "Bleached": 0}, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_the_definition(seed):
    noise = np.random.default_rng(seed).normal(0, 70, (2, *SHAPE))
    vis = np.clip(day() + cv2.GaussianBlur(noise[0], (0, 0), 2) * 6 - 40, 0, 255).astype(np.uint8)
    fused = np.clip(0.6 * vis + 0.4 * thermal() + cv2.GaussianBlur(noise[1], (0, 0), 5) * 15, 0, 255).astype(np.uint8)
    expected = by_definition(vis, fused)
    assert all(0 < value < 1 for value in expected.values())
    assert light(vis, fused) == pytest.approx(expected, rel=1e-9)


def test_noon_that_looks_like_night():
    found = light(day(), thermal())
    assert found["Tone"] < -0.9
    # the sky, but for the rows into which the blur carries the ground's light
    assert 0.8 < found["Darkened"] <= 1


def test_more_of_the_infrared_is_less_of_the_light():
    vis, ir = day().astype(float), thermal().astype(float)
    found = [light(day(), np.rint((1 - part) * vis + part * ir).astype(np.uint8)) for part in np.linspace(0, 1, 9)]
    tones, dark = ([each[name] for each in found] for name in ("Tone", "Darkened"))
    assert tones == sorted(tones, reverse=True) and tones[0] - tones[-1] > 1.9
    assert dark == sorted(dark) and dark[0] == 0 and dark[-1] > 0.8


def test_a_darker_picture_has_the_tone_and_is_darkened():
    vis = day()
    values = [light(vis, np.rint(vis * gain).astype(np.uint8)) for gain in (1, 0.75, 0.65, 0.3)]
    assert [each["Tone"] for each in values] == pytest.approx([1] * 4, abs=1e-3)
    assert [each["Darkened"] for each in values] == [0, 0, 1, 1]


def test_a_bright_area_at_just_the_share_is_not_darkened():
    for value in (150, 200, 250):
        assert metrics.darkened(flat(0), flat(value), flat(value * 7 // 10)) == 0
        assert metrics.darkened(flat(0), flat(value), flat(value * 7 // 10 - 1)) == 1


def test_what_the_visible_picture_shows_dark_does_not_count():
    """In the dark the infrared picture may add what it has."""
    vis = day(ground=0).astype(np.uint8)
    vis[50:] = 0
    fused = vis.copy()
    fused[90:] = 255
    assert light(vis, fused)["Tone"] == pytest.approx(1, abs=0.02)
    lit = day()
    fused = lit.copy()
    fused[90:] = 255
    assert light(lit, fused)["Tone"] < 0.7


def test_texture_does_not_count():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    grain = ((x + y) % 2 * 40 - 20).astype(int)
    assert light(day(), (day() + grain).astype(np.uint8))["Tone"] > 0.999


def test_bleached_counts_pixels_that_become_white():
    vis, fused = flat(100), flat(100)
    values = []
    for rows in (0, 6, 12, 48):
        fused[:rows] = 255
        values.append(metrics.bleached(vis, vis, fused))
    assert values == [0, 0.125, 0.25, 1]


@pytest.mark.parametrize(("visible", "fused", "counts"), [(229, 248, 1), (230, 248, 0), (229, 247, 0), (255, 255, 0)])
def test_bleached_at_the_limits(visible, fused, counts):
    # 0.9 · 255 = 229.5 and 0.97 · 255 = 247.35
    assert metrics.bleached(flat(0), flat(visible), flat(fused)) == counts


@pytest.mark.parametrize("shape", [(75, 90), (40, 90), (33, 20), (3, 80), (1, 1)])
@pytest.mark.parametrize("rows", [1, 7, 50])
def test_bands_are_the_whole(shape, rows, monkeypatch):
    pictures = [np.ascontiguousarray(picture[: shape[0], : shape[1]]) for picture in street()]
    monkeypatch.setattr(bands, "_PIXELS", 1 << 30)
    whole = metrics.compute(*pictures, NAMES)
    monkeypatch.setattr(bands, "_PIXELS", 1)
    monkeypatch.setattr(bands, "_LEAST_ROWS", rows)
    assert metrics.compute(*pictures, NAMES) == pytest.approx(whole, rel=1e-12, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("vis", "fused"),
    [
        (flat(20), street()[0][:48, :50]),  # nothing above 0.08
        (flat(0), flat(0)),
        (flat(120), street()[0][:48, :50]),  # no light and dark
        (street()[0][:48, :50], flat(77)),
    ],
    ids=["dark", "black", "even", "even when fused"],
)
def test_no_tone(vis, fused):
    assert math.isnan(metrics.tone(flat(50), vis, fused))


def test_a_faint_difference_still_has_a_tone():
    vis = flat(200)
    vis[:20, :20] = 201
    assert metrics.tone(vis, vis, vis) == pytest.approx(1)
    assert metrics.tone(vis, vis, 255 - vis) == pytest.approx(-1)


def test_a_few_lamps_are_no_bright_area():
    night = np.full((200, 200), 15, np.uint8)
    small, large = night.copy(), night.copy()
    small[90:110, 90:110] = large[80:120, 80:120] = 255
    assert math.isnan(metrics.darkened(night, small, night))
    assert metrics.darkened(night, large, night) == 1


@given(st.integers(0, 50), st.sampled_from([(1, 1), (2, 30), (37, 41), (66, 34)]))
@settings(max_examples=25)
def test_any_pictures(seed, shape):
    rng = np.random.default_rng(seed)
    vis, fused = (rng.integers(0, rng.integers(2, 257), shape, np.uint8) for _ in range(2))
    found = metrics.compute(vis, vis, fused, NAMES)
    assert math.isnan(found["Tone"]) or -1 <= found["Tone"] <= 1
    assert math.isnan(found["Darkened"]) or 0 <= found["Darkened"] <= 1
    assert 0 <= found["Bleached"] <= 1
    assert metrics.bleached(vis, vis, vis) == 0
    assert math.isnan(own := metrics.tone(vis, vis, vis)) or own == pytest.approx(1)


def test_the_infrared_picture_does_not_enter():
    ir, vis, fused = street()
    assert metrics.compute(ir, vis, fused, NAMES) == metrics.compute(255 - ir, vis, fused, NAMES)
