"""Damage does what it is called, is the same every time, and the table says what it cost."""

import numpy as np
import pytest
import robustness
import typer
from contestants import Scene
from typer.testing import CliRunner

from diffuse_fuse.evaluation.baselines import visible


def picture(height=48, width=64, channels=None, seed=0):
    shape = (height, width) if channels is None else (height, width, channels)
    smooth = np.linspace(40, 200, width)[None, :, None] + np.zeros((height, 1, channels or 1))
    return (smooth.reshape(shape) + np.random.default_rng(seed).integers(0, 20, shape)).astype(np.uint8)


def scene():
    return Scene("a", picture(), picture(channels=3, seed=1))


def test_shift_moves_by_whole_pixels_and_repeats_the_border():
    ir = picture()
    moved = robustness.shifted(ir, 2)
    assert np.array_equal(moved[:, 2:], ir[:, :-2])
    assert np.array_equal(moved[:, 0], ir[:, 0]) and np.array_equal(moved[:, 1], ir[:, 0])


def test_gamma_keeps_black_and_white_and_the_two_undo_each_other():
    values = np.arange(256, dtype=np.uint8)[None]
    bright, dark = robustness.with_gamma(values, 0.5), robustness.with_gamma(values, 2.0)
    assert bright[0, 0] == dark[0, 0] == 0 and bright[0, 255] == dark[0, 255] == 255
    assert bright[0, 64] == 128 and dark[0, 128] == 64
    assert (np.abs(robustness.with_gamma(bright, 2.0).astype(int) - values) <= 1).all()


def test_contrast_shrinks_around_the_mean():
    ir = picture()
    flat = robustness.with_contrast(ir, 0.3)
    assert flat.std() == pytest.approx(0.3 * ir.std(), rel=0.02) and flat.mean() == pytest.approx(ir.mean(), abs=0.5)


def test_noise_has_the_strength_that_it_says():
    grey = np.full((200, 200, 3), 128, np.uint8)
    noisy = robustness.with_noise(grey, 10.0, np.random.default_rng(0)).astype(float)
    assert noisy.std() == pytest.approx(10, rel=0.02)
    assert abs(np.corrcoef(noisy[..., 0].ravel(), noisy[..., 1].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("channels", [None, 3])
def test_jpeg_and_half_resolution_lose_detail_but_not_colour_or_size(channels):
    original = picture(49, 63, channels)
    if channels:
        original[..., 2] //= 3  # red and blue must not change places
    for damaged in (robustness.with_jpeg(original, 40), robustness.at_half_resolution(original)):
        assert damaged.shape == original.shape and damaged.dtype == np.uint8
        assert 0.5 < np.abs(damaged.astype(float) - original).mean() < 6
        assert np.abs(damaged.mean(axis=(0, 1)) - original.mean(axis=(0, 1))).max() < 1.5


def test_damage_is_the_same_every_time_and_touches_one_source():
    first, second = (robustness.damaged_pairs(scene(), 3) for _ in range(2))
    other = robustness.damaged_pairs(scene(), 4)
    assert list(first) == list(robustness.DAMAGES) and len(first) == 10
    for name, (ir, vis) in first.items():
        assert np.array_equal(ir, second[name][0]) and np.array_equal(vis, second[name][1])
        changed = [not np.array_equal(ir, scene().ir), not np.array_equal(vis, scene().vis)]
        assert changed == ["visible" not in name, "visible" in name]
        assert name.startswith("noise") == (not all(map(np.array_equal, (ir, vis), other[name])))


def test_scores_against_clean_and_given_sources_differ_where_they_should():
    scores = robustness.measure(scene(), visible, seed=0)
    assert scores["clean"][""] == scores["given"][""] and scores["clean"][""]["moved"] == 0
    assert robustness.REVERSED in scores["given"] and robustness.REVERSED not in scores["clean"]
    clean, given = (scores[reference]["visible gamma 2"] for reference in ("clean", "given"))
    assert clean["VIF_vis"] < 0.98 and given["VIF_vis"] == pytest.approx(1)
    assert clean["moved"] == given["moved"] > 1
    assert scores["clean"]["JPEG 40, infrared"]["moved"] == 0


def test_the_command_prints_both_tables(dataset, tiny_model):
    app = typer.Typer()
    app.command()(robustness.main)
    arguments = [str(dataset), "--model", str(tiny_model), "--limit", "1", "--threads", "1"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    lines = done.output.splitlines()
    assert done.exit_code == 0 and "1 pairs" in lines[0]
    clean, given = (lines.index(f"Against the {what}:") for what in ("clean sources", "sources as given"))
    rows = [line for line in lines[clean:given] if line.startswith("| infrared shifted 2 px | max")]
    assert len(rows) == 1 and rows[0].count("(") == len(robustness.NAMES)
    assert not any(robustness.REVERSED in line for line in lines[:given])
    assert sum(robustness.REVERSED in line for line in lines[given:]) == 3
