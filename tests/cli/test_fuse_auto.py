"""``dfuse fuse --model auto --deadline-ms``."""

import json

import pytest

from diffuse_fuse.cli.commands import main
from diffuse_fuse.fusion import auto


@pytest.fixture
def speeds(monkeypatch):
    """What a model takes for a pixel, in seconds."""
    known = {}
    monkeypatch.setattr(auto, "seconds_per_pixel", lambda name, *rest: known[name])
    return known


def test_the_model_is_chosen_and_named(pair, tmp_path, monkeypatch, capsys, speeds):
    monkeypatch.chdir(tmp_path)
    speeds.update(base=1e-6, fast=1e-6, tiny=1e-6)
    arguments = ["fuse", *pair, "-o", "out.png", "--model", "auto", "--device", "cpu", "--json"]
    assert main([*arguments, "--deadline-ms", "100"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["model"] == "base"
    assert "Model base: about 1.66 ms for 45×37." in printed.err
    assert main([*arguments, "--overwrite", "--deadline-ms", "1"]) == 0
    assert "no model meets the deadline on this machine; the fastest, base, takes about 1.66" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "auto"], "needs a time limit"),
        (["--deadline-ms", "100"], "needs --model auto"),
        (["--model", "auto", "--deadline-ms", "0"], "--deadline-ms"),
    ],
)
def test_one_without_the_other_is_wrong_usage(pair, tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert main(["fuse", *pair, "-o", "out.png", *arguments]) == 2
    assert says in capsys.readouterr().err
