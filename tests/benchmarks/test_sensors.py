"""What the sensors' table adds to the metrics: black that stays black, colours that are kept, grain that arrives."""

import math

import numpy as np
import pytest
import sensors
import typer
from typer.testing import CliRunner


def grey(luma):
    return np.repeat(np.asarray(luma, np.uint8)[..., None], 3, axis=2)


def pair(height=64, width=80):
    """Grainy infrared; a visible picture of one colour; a black strip in both."""
    ir = np.random.default_rng(0).integers(90, 160, (height, width)).astype(np.uint8)
    vis = np.zeros((height, width, 3), np.uint8)
    vis[...] = (200, 90, 40)
    ir[:, :16], vis[:, :16] = 0, 0
    return ir, vis


def test_each_source_measures_itself():
    ir, vis = pair()
    of_vis, of_ir = sensors.beyond_metrics(ir, vis, vis), sensors.beyond_metrics(ir, vis, grey(ir))
    assert of_vis["black"] == of_ir["black"] == 0
    assert of_vis["colour"] == 1 and of_ir["colour"] == pytest.approx(0, abs=1e-3)
    assert of_ir["grain"] == 1 and of_vis["grain"] < 0.2


def test_grey_where_both_sources_are_black_is_seen():
    ir, vis = pair()
    lifted = vis.copy()
    lifted[:, :16] = 12
    assert sensors.beyond_metrics(ir, vis, lifted)["black"] == 12


def test_bleached_colours_and_amplified_grain_are_seen():
    ir, vis = pair()
    bleached = (vis.astype(int) + 2 * vis.mean(axis=2, keepdims=True).astype(int)) // 3
    assert 0.2 < sensors.beyond_metrics(ir, vis, bleached.astype(np.uint8))["colour"] < 0.7
    amplified = np.clip(125 + 1.5 * (ir.astype(float) - 125), 0, 255)
    amplified[:, :16] = 0
    assert sensors.beyond_metrics(ir, vis, grey(amplified))["grain"] == pytest.approx(1.5, rel=0.05)


def test_what_is_nowhere_is_no_number():
    ir = np.full((64, 64), 100, np.uint8)
    found = sensors.beyond_metrics(ir, grey(ir), grey(ir))
    assert all(math.isnan(value) for value in found.values())
    assert all(cell.strip() == "–" for cell in sensors.table("x", {"a": [found]}).splitlines()[2].split("|")[2:-1])


def test_the_command_prints_a_table_for_each_set(dataset, tiny_model):
    app = typer.Typer()
    app.command()(sensors.main)
    arguments = [str(dataset), str(dataset), "--model", str(tiny_model), "--threads", "1"]
    lines = CliRunner().invoke(app, arguments, catch_exceptions=False).output.splitlines()
    heads = [line for line in lines if line.startswith("| set, 2 pairs | EN ↑ |")]
    assert len(heads) == 2 and heads[0].endswith("| black | colour | grain |")
    methods = [line.split("|")[1].strip() for line in lines if line.startswith("|") and line not in heads]
    assert methods == 2 * ["---", tiny_model.stem, "ir", "visible", "average", "max"]
