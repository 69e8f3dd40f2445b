"""The synthetic street: deterministic, of any size, and physically what it claims to be."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
import scene  # noqa: E402
from scene_parts import thermal, visible  # noqa: E402

KINDS = ("day", "night")
SIZE = (320, 240)


@cache
def pair(kind: str, seed: int = 0):
    return scene.render_with_masks(kind, *SIZE, seed)


def luma(vis: np.ndarray) -> np.ndarray:
    return vis.astype(np.float64) @ (0.299, 0.587, 0.114)


def ring(mask: np.ndarray, width: int = 4) -> np.ndarray:
    """The pixels just outside a mask."""
    grow = cv2.dilate(mask.astype(np.uint8), np.ones((2 * width + 1, 2 * width + 1), np.uint8)) > 0
    edge = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return grow & ~edge


@pytest.mark.parametrize("kind", KINDS)
def test_same_arguments_same_bytes(kind):
    ir, vis = scene.render(kind, *SIZE, 0)
    first_ir, first_vis, _ = pair(kind)
    assert ir.tobytes() == first_ir.tobytes() and vis.tobytes() == first_vis.tobytes()


def test_the_seed_changes_the_picture_but_not_where_people_are():
    ir, vis, masks = pair("day")
    other_ir, other_vis, other_masks = pair("day", 1)
    assert np.abs(vis.astype(int) - other_vis).mean() > 2
    assert np.abs(ir.astype(int) - other_ir).mean() > 0.5
    # foliage in front of them may differ by a few pixels
    assert (masks["people"] ^ other_masks["people"]).sum() < 0.1 * masks["people"].sum()


@pytest.mark.parametrize(
    ("kind", "size"),
    [("day", (16, 16)), ("night", (16, 16)), ("day", (17, 31)), ("night", (201, 33)), ("day", (45, 160))],
)
def test_any_size(kind, size):
    width, height = size
    ir, vis = scene.render(kind, width, height)
    assert ir.dtype == vis.dtype == np.uint8
    assert ir.shape == (height, width) and vis.shape == (height, width, 3)
    assert ir.std() > 5 and vis.std() > 5


def test_masks_have_the_size_of_the_picture_and_do_not_overlap():
    ir, _, masks = pair("day")
    assert all(mask.shape == ir.shape and mask.dtype == bool for mask in masks.values())
    solid = [mask for name, mask in masks.items() if name != "smoke"]
    assert np.sum(solid, 0).max() == 1
    assert all(mask.sum() > 50 for mask in masks.values())


@pytest.mark.parametrize("kind", KINDS)
def test_people_are_warmer_than_what_is_around_them(kind):
    ir, _, masks = pair(kind)
    count, labels = cv2.connectedComponents(masks["people"].astype(np.uint8))
    seen = 0
    for number in range(1, count):
        person = labels == number
        if person.sum() < 40:
            continue
        seen += 1
        around = ring(person) & ~masks["people"]
        assert ir[person].mean() > ir[around].mean() + 40, f"person {number}"
    assert seen >= 4


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_smoke_hides_a_person_from_the_eye_but_not_from_the_infrared(kind, seed):
    ir, vis, masks = pair(kind, seed)
    person = masks["hidden_person"]
    around = ring(person)
    assert person.sum() > 60
    assert masks["smoke"][person].mean() > 0.95
    bright = luma(vis)
    visible_contrast = abs(bright[person].mean() - bright[around].mean())
    infrared_contrast = ir[person].astype(float).mean() - ir[around].mean()
    assert visible_contrast < 8
    assert infrared_contrast > 40


def test_night_is_dark_with_coloured_lamps():
    _, day, masks = pair("day")
    _, night, _ = pair("night")
    assert luma(night).mean() < 0.4 * luma(day).mean()
    assert luma(night)[masks["sky"]].mean() < 45
    assert luma(night).max() > 230  # the lamps themselves
    colour = night.astype(int)
    assert (colour[..., 0] - colour[..., 2] > 60).sum() > 200  # sodium light and tail lamps
    assert (colour[..., 2] - colour[..., 0] > 60).sum() > 50  # the sign


def test_infrared_adds_people_in_the_dark():
    ir, vis, masks = pair("night")
    people = masks["people"].copy()
    people[:, : SIZE[0] * 3 // 4] = False  # those beyond the parked cars, away from the lamps
    assert people.sum() > 100
    assert luma(vis)[people].mean() < 50
    assert ir[people].mean() > 180


@pytest.mark.parametrize("kind", KINDS)
def test_thermal_picture_is_plausible(kind):
    ir, _, masks = pair(kind)
    mean = {name: ir[mask].mean() for name, mask in masks.items()}
    assert mean["sky"] < 25
    assert mean["sky"] < mean["foliage"] < mean["people"]
    assert mean["sky"] < mean["buildings"] < mean["people"]
    assert mean["sky"] < mean["ground"] < mean["people"]
    assert (ir > 250).mean() < 0.05  # the gain does not clip the scene


def test_sun_warms_the_road_and_shade_leaves_it_cool():
    ir, vis, masks = pair("day")
    road = masks["ground"].copy()
    road[: SIZE[1] * 3 // 4] = False
    bright = luma(vis)
    low, high = np.percentile(bright[road], (15, 80))
    lit, shaded = road & (bright > high), road & (bright < low)
    assert ir[lit].mean() > ir[shaded].mean() + 8


def test_road_markings_are_seen_by_the_colour_camera_only():
    ir, vis, masks = pair("night")
    rows = slice(int(0.70 * SIZE[1]), int(0.76 * SIZE[1]))
    area = np.zeros_like(masks["ground"])
    area[rows, SIZE[0] // 6 : SIZE[0] // 2] = True
    area &= masks["ground"]
    bright = luma(vis)
    white = area & (bright > np.percentile(bright[area], 75))
    dark = area & (bright < np.percentile(bright[area], 40))
    assert bright[white].mean() > 1.5 * bright[dark].mean()
    assert abs(ir[white].mean() - ir[dark].mean()) < 6


def test_planck_radiance():
    assert thermal.radiance(25.0) == pytest.approx(1.0)
    # d ln L / dT = (c2 / lambda T^2) / (1 - exp(-c2 / lambda T)) at 298.15 K and 10.5 um
    x = 14387.77 / 10.5 / 298.15
    slope = x / 298.15 / (1 - np.exp(-x))
    numeric = (float(thermal.radiance(25.5)) - float(thermal.radiance(24.5))) / 1.0
    assert numeric == pytest.approx(slope, rel=1e-3)
    up = np.array([0.0, 0.2, 0.6, 1.0])
    assert (np.diff(thermal.sky_celsius(up, 0.0, 11.0)) < 0).all()
    assert (thermal.sky_celsius(up, 1.0, 11.0) >= thermal.sky_celsius(up, 0.0, 11.0)).all()


def test_exposure_is_monotonic_and_keeps_black_and_white():
    ramp = np.repeat(np.linspace(0, 6, 64, dtype=np.float32)[None, :, None], 3, 2).repeat(64, 0)
    rng = np.random.Generator(np.random.PCG64(0))
    out = visible.expose(ramp.repeat(2, 0).repeat(2, 1), (64, 64), False, rng)
    middle = out[24:40].astype(float).mean((0, 2))
    assert (np.diff(middle) > -1.5).all()
    assert middle[0] < 6 and middle[40] > 230


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("dusk", 64, 64, 0), "kind"),
        (("day", 15, 64, 0), "16"),
        (("day", 64, 5000, 0), "4096"),
        (("day", 4000, 4000, 0), "pixels"),
        (("day", 64.0, 64, 0), "width"),
        (("day", 64, True, 0), "height"),
        (("day", 64, 64, -1), "seed"),
    ],
)
def test_bad_arguments(arguments, word):
    with pytest.raises(ValueError, match=word):
        scene.render(*arguments)


def run(*arguments):
    command = [sys.executable, str(EXAMPLES / "scene.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_command_writes_both_pairs(tmp_path):
    done = run("-o", tmp_path / "out", "--size", "64x48", "--seed", "2")
    assert done.returncode == 0 and done.stderr == ""
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    names = sorted(p.relative_to(tmp_path / "out").as_posix() for p in files)
    assert names == ["ir/day.png", "ir/night.png", "vis/day.png", "vis/night.png"]
    assert len(done.stdout.splitlines()) == 4
    ir, vis = scene.render("day", 64, 48, 2)
    written = {name: cv2.imread(str(tmp_path / "out" / name / "day.png"), -1) for name in ("ir", "vis")}
    assert np.array_equal(written["ir"], ir) and np.array_equal(written["vis"][..., ::-1], vis)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--size", "640"),
        ("--size", "0x48"),
        ("--size", "-5x48"),
        ("--size", "99999x48"),
        ("--kind", "dusk"),
        ("--seed", "-1"),
        ("--seed", "x"),
        ("--colour",),
    ],
)
def test_command_refuses_bad_input_with_one_sentence(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        scene.main(["-o", str(tmp_path / "out"), *arguments])
    assert stop.value.code == 2
    text = capsys.readouterr().err
    assert len(text.splitlines()) == 1 and "Traceback" not in text
    assert not (tmp_path / "out").exists()


def test_command_reports_a_folder_that_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = run("-o", tmp_path / "file", "--size", "16x16", "--kind", "day")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "cannot write" in done.stderr
