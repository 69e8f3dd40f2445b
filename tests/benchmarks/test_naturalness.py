"""TMQI's statistical naturalness by hand, and the command that prints it."""

import naturalness
import numpy as np
import pytest
import typer
from typer.testing import CliRunner


def rgb(grey):
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def test_contrast_is_that_of_blocks_and_those_at_the_end_are_filled_with_zeros():
    even = np.full((22, 25), 100.0)
    # 66 of 550 pixels lie in blocks of which 3 of 11 columns are picture: variance 100² · p(1 − p) · 121/120
    share = 3 / 11
    deviation = 100 * np.sqrt(share * (1 - share) * 121 / 120)
    assert naturalness.local_contrast(even[:, :22]) == 0
    assert naturalness.local_contrast(even) == pytest.approx(deviation * 66 / 550)


def test_best_at_the_fitted_brightness_and_contrast():
    # half of 121 pixels up and half down: a deviation of 64.29 · 3.4/12.5 = 17.5 grey levels
    step = np.where(np.arange(88 * 88).reshape(88, 88) % 2, 17.45, -17.45)
    best = naturalness.naturalness(rgb(np.rint(115.94 + step)))
    assert 0.99 < best <= 1
    for worse in (200 + step, 40 + step, 115.94 + 0 * step, 115.94 + 4 * step):
        assert naturalness.naturalness(rgb(np.rint(worse))) < 0.5 * best


def test_the_command_prints_a_row_a_method(dataset, tiny_model):
    app = typer.Typer()
    app.command()(naturalness.main)
    arguments = [str(dataset), "--model", str(tiny_model), "--fused", f"copy={dataset / 'vi'}", "--threads", "1"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.output.splitlines()]
    assert done.exit_code == 0
    assert rows[0] == ["method", "pairs", "naturalness", "Tone", "Darkened", "Bleached"]
    assert [row[0] for row in rows[2:]] == ["tiny", "visible", "average", "max", "copy"]
    assert rows[3][1:] == rows[6][1:] and rows[3][3:] == ["1.000", "0.000", "0.000"]
