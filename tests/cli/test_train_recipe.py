"""``dfuse train recipe``: what it prints, what it refuses, and a real kill."""

import signal
import subprocess
import sys
import time

import pytest
import torch

from diffuse_fuse.cli import commands
from tests.training.conftest import write_pairs

RECIPE = """
kind = "diffusion"
[data]
train = ["pairs"]
val = ["held"]
[unet]
channels = [8, 16]
blocks = [1, 1]
time_dim = 16
[diffusion]
linear_path = "none"
[augment]
crop = 32
[task]
batch = 2
[training]
checkpoint_steps = 5
[[stage]]
name = "one"
steps = STEPS
[[stage]]
name = "two"
steps = 5
"""


@pytest.fixture
def main(monkeypatch):
    """The command in this process, which has loaded PyTorch already."""
    monkeypatch.setenv("DFUSE_DEBUG", "")  # main sets it; here it must not outlive the test
    threads = torch.get_num_threads()
    yield commands.main
    torch.set_num_threads(threads)


@pytest.fixture
def sets(tmp_path):
    for name, count in (("pairs", 4), ("held", 2)):
        write_pairs(tmp_path / name, count)
    return tmp_path


def written(folder, steps=5, text=RECIPE):
    path = folder / "mine.toml"
    path.write_text(text.replace("STEPS", str(steps)))
    return path


def call(path, root, out, *more):
    return ["train", "recipe", str(path), "--data-root", str(root), "--out", str(out), "--threads", "1", *more]


def test_it_prints_where_the_weights_are(main, sets, capsys):
    assert main([*call(written(sets), sets, sets / "runs"), "--quiet"]) == 0
    made = sets / "runs" / "mine" / "mine.safetensors"
    assert capsys.readouterr().out.strip() == str(made)
    assert made.is_file() and made.with_suffix(".md").is_file() and made.with_suffix(".jsonl").is_file()
    assert main(call(written(sets), sets, sets / "runs")) == 1
    assert "holds a run already: add --resume" in capsys.readouterr().err
    assert main([*call(written(sets), sets, sets / "runs"), "--resume"]) == 0
    assert capsys.readouterr().out.strip() == str(made)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("crop = 32", "corp = 32", "mine.toml, [augment] has no key 'corp'"),
        ("crop = 32", "crop = '32'", 'mine.toml, [augment]: crop is "32", and should be a whole number'),
        ('"pairs"', '"pears"', "mine.toml, [data]: train names pears, and there is no"),
        ("kind", "[[", "is no TOML"),
    ],
)
def test_a_wrong_recipe_is_one_sentence_and_code_2(main, sets, capsys, old, new, says):
    assert main(call(written(sets, text=RECIPE.replace(old, new, 1)), sets, sets / "runs")) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: ") and says in said and said.count("\n") == 1
    assert not (sets / "runs").exists()


def test_the_trial_is_a_part_of_the_steps(main, sets):
    assert main([*call(written(sets), sets, sets / "runs"), "--scale", "1.5"]) == 2


@pytest.mark.slow
def test_killed_for_real_it_ends_with_the_same_bytes(sets):
    path = written(sets, 60)
    command = [sys.executable, "-m", "diffuse_fuse", *call(path, sets, sets / "runs"), "--quiet"]
    run = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    state, deadline = sets / "runs" / "mine" / "1-one" / "state.pt", time.monotonic() + 300
    while not state.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert state.exists() and not (sets / "runs" / "mine" / "mine.safetensors").exists()
    whole = [sys.executable, "-m", "diffuse_fuse", *call(path, sets, sets / "whole"), "--quiet"]
    for each in ([*command, "--resume"], whole):
        done = subprocess.run(each, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    first, second = (sets / name / "mine" / "mine.safetensors" for name in ("runs", "whole"))
    assert first.read_bytes() == second.read_bytes()
