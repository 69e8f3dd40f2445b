"""The optimum is better than its starts by the loss that it is for, and the share is a share."""

import math

import numpy as np
import optimum
import pytest
import torch
import typer
from contestants import Scene
from typer.testing import CliRunner

from diffuse_fuse.errors import DataError
from diffuse_fuse.evaluation.baselines import average
from diffuse_fuse.images.read import read_visible


def scene(seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :80]
    ir = 60 + 150 * ((x - 50) ** 2 + (y - 20) ** 2 < 90) + rng.normal(0, 4, (64, 80))
    vis = np.stack([2 * x + 20, 3 * y + 10, 160 - x], axis=-1) + rng.normal(0, 4, (64, 80, 3))
    return Scene("s", *(np.clip(picture, 0, 255).astype(np.uint8) for picture in (ir, vis)))


def test_the_optimum_has_less_loss_than_both_starts_and_the_same_colour():
    found = optimum.optimise(scene(), "average", average, steps=12)
    assert list(found) == ["average", "from average", "from max", "optimum"]
    losses = {name: loss for name, (_, loss) in found.items()}
    assert losses["from average"] < losses["average"] - 0.1
    assert losses["optimum"] == min(losses["from average"], losses["from max"])
    assert all(picture.shape == (64, 80, 3) and picture.dtype == np.uint8 for picture, _ in found.values())


def test_more_steps_are_never_worse_and_luma_stays_a_luma():
    ir = torch.from_numpy(scene().ir / np.float32(255))[None, None]
    vis = torch.from_numpy(scene().vis / np.float32(255)).permute(2, 0, 1)[None]
    start = (optimum.luma(vis) + ir) / 2
    few, many = (optimum.best_luma(start, ir, vis, steps) for steps in (3, 9))
    assert many[1] < few[1] < optimum.loss_of(start, ir, vis)
    assert many[0].min() >= 0 and many[0].max() <= 1
    assert optimum.loss_of(many[0], ir, vis) == pytest.approx(many[1], abs=1e-6)


def test_a_table_of_optima_comes_back_and_others_names_are_known(tmp_path):
    scores = {"a": dict.fromkeys(optimum.NAMES, 0.5), "b": dict.fromkeys(optimum.NAMES, 1.25)}
    path = tmp_path / "optimum.csv"
    path.write_text(optimum.as_csv(scores))
    assert optimum.read_optima(path) == scores
    path.write_text("stem,VIF,VIF_vi,SCD,Qabf\nx,1.0,0.6,1.8,0.7\n")
    assert optimum.read_optima(path) == {"x": {"VIF": 1.0, "VIF_vis": 0.6, "SCD": 1.8, "Qabf": 0.7}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,VIF,SCD,Qabf\nx,1,1,1\n", "column 'stem'"),
        ("stem,VIF,SCD,Qabf\nx,1,high,1\n", "column 'stem'"),
        ("stem,VIF,SCD\nx,1,1\n", "no rows with Qabf"),
        ("stem,VIF,SCD,Qabf\n", "no rows with VIF, SCD, Qabf"),
    ],
)
def test_wrong_tables_are_refused_in_a_sentence(tmp_path, text, words):
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        optimum.read_optima(path)
    with pytest.raises(DataError, match="cannot be read"):
        optimum.read_optima(tmp_path / "none.csv")


def test_share_is_mean_over_mean():
    own = {"a": {"VIF": 0.5, "SCD": 1.0, "Qabf": math.nan}, "b": {"VIF": 1.0, "SCD": 1.0, "Qabf": 0.6}}
    best = {"a": {"VIF": 1.0, "SCD": 2.0, "Qabf": 0.8}, "b": {"VIF": 1.0, "SCD": 2.0, "Qabf": 0.8}}
    assert optimum.shares(own, best) == "VIF 75.0%, SCD 50.0%, Qabf 75.0%"


def test_the_command_writes_optima_that_it_can_read_again(dataset, tiny_model, tmp_path):
    app = typer.Typer()
    app.command()(optimum.main)
    out, model = tmp_path / "out", ["--model", str(tiny_model), "--threads", "1"]
    done = CliRunner().invoke(app, [str(dataset), *model, "--steps", "3", "-o", str(out)], catch_exceptions=False)
    assert done.exit_code == 0 and "Share of the optimum" in done.output
    assert read_visible(out / "0.png").shape == (80, 96, 3)
    again = CliRunner().invoke(
        app, [str(dataset), *model, "--optima", str(out / "optimum.csv")], catch_exceptions=False
    )
    assert again.output.splitlines()[-1] == done.output.splitlines()[-1]
    with pytest.raises(DataError, match="names no pair"):
        (out / "optimum.csv").write_text("stem,VIF,SCD,Qabf\nx,1,1,1\n")
        CliRunner().invoke(app, [str(dataset), *model, "--optima", str(out / "optimum.csv")], catch_exceptions=False)
