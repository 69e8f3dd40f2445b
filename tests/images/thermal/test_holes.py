"""Pixels without a measurement: found by their kinds, left out of every statistic, and filled."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
import tifffile

from diffuse_fuse.images.load import load_pair, load_range
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.read import read_infrared
from diffuse_fuse.images.seam import over_holes
from diffuse_fuse.images.thermal import Thermal, read_thermal
from diffuse_fuse.images.thermal.holes import empty_border, filled, find, large
from diffuse_fuse.images.thermal.window import crowded

from .. import flir_file as make

HEIGHT, WIDTH = 120, 160


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    """A scene of raw counts with two warm things, uint16 120×160, from about 21000 to 21900."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    scene = 21200 + 200 * np.sin(x / 25.0) + 100 * np.cos(y / 17.0) + np.random.default_rng(1).normal(0, 8, x.shape)
    for at in ((50, 60), (120, 40)):
        scene += 500 * ((x - at[0]) ** 2 + (y - at[1]) ** 2 < 40)
    return np.rint(scene).astype(np.uint16)


@pytest.fixture(scope="module")
def outside() -> np.ndarray:
    """What a flight did not see: all but an ellipse, bool."""
    inside = cv2.ellipse(np.zeros((HEIGHT, WIDTH), np.uint8), (WIDTH // 2, HEIGHT // 2), (72, 53), 0, 0, 360, 1, -1)
    return inside == 0


def warped(counts: np.ndarray, border: float = 0) -> np.ndarray:
    matrix = np.array([[1.0, 0.03, -6], [-0.02, 1.0, 5], [0, 0, 1]])
    return cv2.warpPerspective(counts, matrix, (WIDTH, HEIGHT), borderValue=border)


def grey_picture(path, level: int = 90):
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), level, np.uint8))
    return path


@pytest.mark.parametrize("fill", [0, 65535])
def test_the_outside_of_a_map_of_counts(counts, outside, fill):
    found = find(np.where(outside, fill, counts).astype(np.uint16))
    assert np.array_equal(found.mask, outside) and found.values == (fill,)
    assert f"has no value in {outside.mean():.1%}" in found.sentence and f"({fill}, which marks" in found.sentence


@pytest.mark.parametrize("fill", [-9999, -10000, -32767, -3.4e38, np.nan, np.inf, 0, 1e20])
def test_the_outside_of_a_map_of_temperatures(counts, outside, fill):
    celsius = (counts / 1000).astype(np.float32)
    assert np.array_equal(find(np.where(outside, fill, celsius).astype(np.float32)).mask, outside)


@pytest.mark.parametrize("fill", [0, 10000, 65535])
def test_the_wedges_of_a_warped_picture(counts, fill):
    picture = warped(counts, fill)
    true = warped(np.ones_like(counts) * 1000) < 999  # what interpolation touched
    mask = find(picture).mask
    assert (mask & true).sum() >= 0.95 * true.sum()
    assert (mask & ~true).sum() <= 4
    kept = picture[~mask]
    assert 20600 < kept.min() and kept.max() < 22300


@pytest.mark.parametrize(
    "dtype, fill, flags",
    [
        (np.uint16, 0, cv2.INTER_NEAREST),
        (np.uint16, 0, cv2.INTER_CUBIC),
        (np.uint16, 0, cv2.INTER_LANCZOS4),
        (np.float32, -10000, cv2.INTER_NEAREST),
        (np.float32, -10000, cv2.INTER_CUBIC),
    ],
)
def test_kernels_of_every_width(counts, flags, dtype, fill):
    values = counts if dtype == np.uint16 else (counts / 1000).astype(np.float32)
    matrix = np.array([[1.0, 0.03, -6], [-0.02, 1.0, 5], [0, 0, 1]])
    picture = cv2.warpPerspective(values, matrix, (WIDTH, HEIGHT), flags=flags, borderValue=fill)
    kept = picture[~find(picture).mask]
    spread = float(np.ptp(values.astype(float)))
    assert values.min() - 0.4 * spread < kept.min() and kept.max() < values.max() + 0.4 * spread
    assert kept.size > 0.85 * picture.size


def test_the_thin_line_along_a_border_that_hardly_tilts(counts):
    for shift in (0.3, 0.5, 1.2, 2.0):
        matrix = np.array([[1.0, 0, 0], [0.006, 1.0, shift], [0, 0, 1]])
        picture = cv2.warpPerspective(counts, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        assert (picture[:3] < 20000).sum() > 40
        assert picture[~find(picture).mask].min() > 20000


def test_a_border_with_contrast_that_needs_its_shape(counts):
    stretched = ((counts.astype(float) - counts.min()) * 60).astype(np.uint16)  # from 0 on: no value is far from others
    stretched = np.clip(stretched, 1, None)
    framed = cv2.copyMakeBorder(stretched[10:-10, 10:-10], 10, 10, 10, 10, cv2.BORDER_CONSTANT, value=0)
    assert find(framed).mask[:9].all() and not find(framed).mask[14:-14, 14:-14].any()


def test_the_value_of_an_outside_may_be_the_scene_s_too(counts):
    hot = counts.copy()
    hot[40:50, 60:75] = 65535  # saturated
    hot[:12], hot[:, :9] = 65535, 65535
    mask = find(hot).mask
    assert mask[:12].all() and not mask[40:50, 60:75].any()
    cool = np.where(counts == 21000, 21001, counts).astype(np.uint16)
    cool[60:62, 70] = 20500
    framed = cv2.copyMakeBorder(cool[9:-9, 9:-9], 9, 9, 9, 9, cv2.BORDER_CONSTANT, value=20500)
    assert find(framed).mask[:9].all() and not find(framed).mask[60:62, 70].any()


def test_dead_pixels_of_counts(counts):
    dead = counts.copy()
    dead[[20, 60, 60], [30, 90, 91]] = 0
    found = find(dead)
    assert found.mask.sum() == 3 and not large(found.mask).any()
    assert "3 of its 19200 pixels" in found.sentence and "filled from their surroundings" in found.sentence
    assert np.abs(filled(dead, found.mask).astype(int) - counts)[found.mask].max() < 150


@pytest.mark.parametrize("full", [32767, 65535])
def test_pixels_that_are_stuck_at_the_highest_count(counts, full):
    stuck = counts.copy()
    stuck[[20, 60], [30, 90]] = full
    assert find(stuck).mask.sum() == 2 and find(stuck).mask[20, 30]
    flame = counts.astype(np.float64)
    flame[59:62, 89:92] += 9000
    flame[60, 90] = full  # a lens spreads what is hot
    assert find(flame.astype(np.uint16)) is None


def test_what_is_a_measurement_is_kept(counts):
    hot = counts.copy()
    hot[50:60, 70:90] = 65535  # saturated
    assert find(hot) is None
    sky = np.where(np.arange(HEIGHT)[:, None] < 30 + 15 * np.sin(np.arange(WIDTH) / 9.0), 20000, counts)
    assert find(sky.astype(np.uint16)) is None  # clipped, with a skyline
    levels = (counts // 100).astype(np.uint8)
    levels[:20] = 0
    assert find(levels) is None and find(levels.astype(np.uint16) * 257) is None
    assert find(counts) is None and find(np.zeros((80, 80), np.uint16)) is None
    drawn = np.zeros((100, 100), np.uint16)
    drawn[40:60, 30:60] = 1000  # something hot on an even ground
    assert find(drawn) is None and find(drawn.astype(np.float32) / 100) is None


def test_nan_that_signals_is_a_hole_like_any_other(counts):
    celsius = counts.astype(np.float32) / 1000 - 21.3  # some below 0, which is looked for then
    celsius.view(np.uint32)[3, 4:6] = 0x7FA00000
    celsius[90:110, 70:90] = -9999
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find(celsius)
    assert found.mask[3, 4:6].all() and found.mask[90:110, 70:90].all() and found.mask.sum() == 402


def test_values_that_somebody_names(counts):
    levels = np.clip((counts - 20900.0) / 5, 1, 255).astype(np.uint8)
    levels[:20] = 0
    assert np.array_equal(find(levels, (0,)).mask, levels == 0)
    assert find(levels, (-9999,)) is None and find(levels, (256,)) is None and find(levels, (0.5,)) is None


def test_filling_has_no_edge_and_no_new_values(counts, outside):
    whole = filled(np.where(outside, 0, counts).astype(np.uint16), outside)
    assert np.array_equal(whole[~outside], counts[~outside])
    assert counts[~outside].min() <= whole[outside].min() and whole[outside].max() <= counts[~outside].max()
    edge = cv2.dilate(outside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~outside
    steps = np.abs(np.diff(whole.astype(int), axis=1))[(edge[:, 1:] & outside[:, :-1])]
    assert np.median(steps) < 60


KINDS = ["zero", "no-data tag", "alpha", "-10000", "nan", "mask of GDAL"]


def write_kind(path, kind: str, counts: np.ndarray, outside: np.ndarray) -> None:
    at_zero = np.where(outside, 0, counts).astype(np.uint16)
    options = {"photometric": "minisblack"}
    if kind == "no-data tag":
        options["extratags"] = [(42113, "s", 2, "0", True)]
    if kind == "alpha":
        at_zero = np.dstack([at_zero, np.where(outside, 0, 65535).astype(np.uint16)])
        options |= {"extrasamples": [2], "planarconfig": "contig"}
    if kind in ("-10000", "nan"):
        at_zero = np.where(outside, float(kind), counts).astype(np.float32)
    if kind == "mask of GDAL":
        at_zero = np.where(outside, 21500, counts).astype(np.uint16)  # nothing tells but the mask
    with tifffile.TiffWriter(path) as file:
        file.write(at_zero, **options)
        if kind == "mask of GDAL":
            file.write(~outside, photometric="mask", subfiletype=4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_range_of_what_was_measured(tmp_path, counts, outside, kind):
    write_kind(tmp_path / "ir.tif", kind, counts, outside)
    thermal = read_thermal((tmp_path / "ir.tif").read_bytes(), "ir.tif")
    assert np.array_equal(thermal.holes, outside)
    assert len(thermal.warnings) == 1 and f"{outside.mean():.1%}" in thermal.warnings[0]
    low, high = load_range(tmp_path / "ir.tif")[0]
    assert [low, high] == pytest.approx(np.percentile(counts[~outside], (0.5, 99.5)), abs=1)
    unit = read_infrared(tmp_path / "ir.tif")
    scale = np.clip((counts.astype(float) - low) / (high - low), 0, 1)
    assert np.abs(unit - scale)[~outside].max() < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_the_visible_picture_shows_in_the_holes(tmp_path, counts, outside, kind):
    write_kind(tmp_path / "ir.tif", kind, counts, outside)
    pair = load_pair(tmp_path / "ir.tif", grey_picture(tmp_path / "vis.png"))
    assert np.abs(pair.holes.astype(int) - outside).mean() < 0.002
    fused = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    shown = over_holes(fused, pair.vis, pair.holes)
    assert (shown[pair.holes] == 90).all() and shown[HEIGHT // 2, WIDTH // 2, 0] == 200
    assert np.abs(np.diff(shown[..., 0].astype(int), axis=1)).max() < 50  # a seam, no edge
    deep = over_holes(fused.astype(np.uint16) * 257, pair.vis, pair.holes)
    assert np.abs(deep / 257 - shown).max() < 1
    assert over_holes(fused, pair.vis, None) is fused


def test_nodata_of_the_user(tmp_path, counts, outside):
    marked = np.where(outside, 21500, counts).astype(np.uint16)
    marked[1::2, 1::2][outside[1::2, 1::2]] = 21499  # no one value: nothing tells
    cv2.imwrite(str(tmp_path / "ir.png"), np.where(outside, 21499, marked).astype(np.uint16))
    options = LoadOptions(nodata=21499)
    pair = load_pair(tmp_path / "ir.png", grey_picture(tmp_path / "vis.png"), options)
    assert (pair.holes & outside).sum() > 0.98 * outside.sum()
    levels = ((counts - 20800) // 6).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "ir.png"), np.where(outside, 0, levels))
    assert "--nodata 0" in " ".join(load_pair(tmp_path / "ir.png", tmp_path / "vis.png").warnings)
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png", LoadOptions(nodata=0))
    assert pair.ir.dtype == np.uint8 and pair.ir[outside].min() > 5 and np.array_equal(pair.holes, large(outside))


def test_a_radiometric_file_with_a_count_that_has_no_temperature(celsius):
    counts = make.counts_of(celsius)
    counts[5, 7] = 0
    data = make.r_jpeg(
        make.encode(".jpg", np.zeros((24, 32, 3), np.uint8)),
        {0x01: make.raw_record(counts), 0x20: make.camera_record()},
    )
    thermal = read_thermal(data, "ir.jpg")
    assert thermal.unit == "°C" and thermal.holes.sum() == 1 and thermal.holes[5, 7]
    assert abs(thermal.values[5, 7] - celsius[5, 7]) < 5
    assert thermal.warnings == (
        "The infrared picture has no value in 1 of its 768 pixels: they are left out, and filled from their "
        "surroundings.",
    )


def test_a_range_in_which_almost_all_is_alike_is_said(counts):
    assert crowded(Thermal(counts, "counts")) is None
    assert crowded(Thermal((counts // 100).astype(np.uint8), "levels")) is None
    wide = crowded(Thermal(counts, "counts"), (0, 65535))
    assert "fall into 6% of the range 0 to 65535" in wide and "--thermal-range 20" in wide
    with_junk = counts.copy()
    with_junk[::5, ::5] = 300  # scattered, and no usual value: not found
    assert "--nodata" in crowded(Thermal(with_junk, "counts"))


def test_an_empty_border_of_a_jpeg(counts):
    levels = np.clip((counts - 20900.0) / 5, 20, 255).astype(np.uint8)
    levels[:12], levels[:, -9:] = 0, 0
    lossy = cv2.imdecode(cv2.imencode(".jpg", levels)[1], cv2.IMREAD_GRAYSCALE)
    assert empty_border(levels) == 0
    assert empty_border(lossy, tolerance=3) is not None and empty_border(lossy[20:, :-20], tolerance=3) is None
