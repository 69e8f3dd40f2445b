"""Flat areas, their noise and their light, on pictures of which all three are known."""

import cv2
import noise
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from diffuse_fuse.errors import UsageError


def rgb(picture):
    return np.repeat(np.clip(np.rint(picture), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def grey(picture):
    return rgb(picture)[..., 0]


def halves(sigma=0.0, seed=0, size=160):
    """Left half even, right half textured, both with white noise."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.normal(0, 300, (size, size)), (0, 0), 3)
    texture[:, : size // 2] = 0
    return 120 + texture + rng.normal(0, sigma, (size, size))


@pytest.mark.parametrize("sigma", [0.0, 2.0, 6.0, 15.0])
def test_noise_disqualifies_no_area_and_structure_does(sigma):
    area = noise.flat_area(grey(halves(sigma)), rgb(halves(sigma, 1)))
    assert area[:, :60].mean() > 0.9 and area[:, 100:].mean() < 0.1


def test_an_area_is_flat_only_where_both_sources_are():
    even, half = np.full((160, 160), 90.0), halves(1.0)
    assert noise.flat_area(grey(even), rgb(even)).all()
    for area in (noise.flat_area(grey(half), rgb(even)), noise.flat_area(grey(even), rgb(half))):
        assert area[:, :60].all() and area[:, 100:].mean() < 0.1


def test_edges_are_kept_away_from_flat_areas():
    step = np.where(np.arange(160)[None] < 80, 60.0, 160.0) + np.zeros((160, 1))
    area = noise.flat_area(grey(step), rgb(step))
    assert not area[:, 73:87].any() and area[:, :70].all() and area[:, 90:].all()
    assert noise.noise_in(grey(step), area) < 0.3


@pytest.mark.parametrize("sigma", [1.0, 4.0, 12.0])
def test_noise_level_is_the_standard_deviation_also_beside_texture(sigma):
    assert noise.noise_level(grey(halves(sigma))) == pytest.approx(sigma, rel=0.12)


def test_ratio_compares_with_the_noisier_source_and_passing_it_on_is_1():
    rng = np.random.default_rng(0)
    field = rng.normal(0, 1, (160, 160))
    ir, vis = grey(100 + 6 * field), rgb(100 + 2 * rng.normal(0, 1, (160, 160)))
    area = noise.flat_area(ir, vis)
    for gain, expected in ((6, 1.0), (9, 1.5), (3, 0.5)):
        assert noise.measure(ir, vis, rgb(100 + gain * field), area).ratio == pytest.approx(expected, rel=0.03)


def test_at_each_place_the_noisier_source_there_counts():
    """Each source is noisy in one half; their mere maximum of noise is above either, and nowhere above both."""
    rng = np.random.default_rng(0)
    left, field = np.arange(240)[None] < 120, rng.normal(0, 4, (240, 240))
    ir, vis = grey(100 + np.where(left, field, 0)), rgb(100 + np.where(left, 0, field))
    area = np.ones(ir.shape, bool)
    both = noise.measure(ir, vis, rgb(100 + field), area)
    assert both.ratio > 1.7 and both.place == pytest.approx(1, abs=0.05)
    louder = noise.measure(ir, vis, rgb(100 + 1.5 * field), area)
    assert louder.place == pytest.approx(1.5, rel=0.05)


def test_noise_free_sources_do_not_divide_by_zero():
    even = np.full((80, 80), 90.0)
    area = noise.flat_area(grey(even), rgb(even))
    found = noise.measure(grey(even), rgb(even), rgb(even), area)
    assert found.ratio == found.place == 1 and found.noise < 1e-3 and np.isnan(found.chroma) and found.uneven == 0


def test_slow_light_is_uneven_not_noise():
    x = np.arange(160)[None] + np.zeros((160, 1))
    ir, vis = grey(np.full((160, 160), 60.0)), rgb(np.full((160, 160), 120.0))
    area = noise.flat_area(ir, vis)
    lit = noise.measure(ir, vis, rgb(100 + x / 4), area)
    assert lit.uneven == pytest.approx(0.9 * 40, abs=3) and lit.ratio < 1.2
    # A drift that a source has is no fault of the fusion.
    sloped = noise.flat_area(grey(60 + x / 4), vis)
    assert noise.measure(grey(60 + x / 4), vis, rgb(100 + x / 4), sloped).uneven < 0.5


def test_each_part_of_the_area_is_looked_at_by_itself():
    """Two even areas of different brightness are even, and a part weighs as much as its pixels."""
    area = np.zeros((100, 100), bool)
    area[:, :40] = area[:, 60:] = True
    picture = np.where(np.arange(100)[None] < 50, 50.0, 200.0) + np.zeros((100, 1))
    spans, sizes = noise.drifts(grey(picture), area)
    assert np.allclose(spans, 0, atol=0.01) and sizes.tolist() == [4000, 4000]
    area[:10, 45:50] = True  # smaller than a window: says nothing
    assert len(noise.drifts(grey(picture), area)[0]) == 2


def test_chroma_noise_is_that_of_colour_only():
    rng = np.random.default_rng(0)
    area = np.ones((120, 120), bool)
    luma_only = rgb(128 + rng.normal(0, 8, (120, 120)))
    coloured = np.clip(128 + rng.normal(0, 8, (120, 120, 3)), 0, 255).astype(np.uint8)
    assert noise.chroma_noise(luma_only, area) < 0.05 < 3 < noise.chroma_noise(coloured, area)


def test_the_command_prints_a_row_a_method_and_a_ratio_a_pair(dataset, tiny_model):
    app = typer.Typer()
    app.command()(noise.main)
    arguments = [str(dataset), "--model", str(tiny_model), "--fused", f"copy={dataset / 'vi'}", "--each"]
    done = CliRunner().invoke(app, [*arguments, "--threads", "1"], catch_exceptions=False)
    rows = [line for line in done.output.splitlines() if line.startswith("|")]
    assert done.exit_code == 0 and "2 of 2 pairs have flat areas" in done.output
    names = ["tiny", "visible", "average", "max", "copy"]
    assert [row.split("|")[1].strip() for row in rows[2:7]] == names
    # The visible picture as a baseline and as a folder of results is the same picture.
    assert rows[3].replace("visible", "copy") == rows[6]
    assert [row.split("|")[1].strip() for row in rows[-2:]] == ["0", "1"]


def test_a_floor_makes_what_is_cold_black_and_keeps_the_brightest():
    ramp = np.arange(200, dtype=np.uint8)[None].repeat(4, axis=0)
    cut = noise.without_floor(ramp, 0.25)
    assert (cut[:, :50] == 0).all() and (cut[:, 51:] > 0).all() and cut.max() == 199
    assert np.ptp(np.diff(cut[0, 50:].astype(int))) <= 1  # a straight line, rounded
    assert np.array_equal(noise.without_floor(ramp, 0.0), ramp)


def test_pictures_made_of_other_sources_are_refused(tmp_path):
    app = typer.Typer()
    app.command()(noise.main)
    found = CliRunner().invoke(app, [str(tmp_path), "--floor", "0.3", "--fused", f"x={tmp_path}"])
    assert isinstance(found.exception, UsageError) and "leave out --fused" in str(found.exception)
