"""The measurement of a GPU runs on a CPU too, and with nothing but PyTorch, NumPy and OpenCV beside the repository."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import fixed_shapes
import gpu
import numpy as np
import pytest
import stand_ins
import torch

from diffuse_fuse.checkpoint import Weights, load_weights, save_weights
from diffuse_fuse.fusion.model import load_model

SCRIPT = Path(gpu.__file__)
SMALL = ["--device", "cpu", "--size", "64x48", "--pairs", "2", "--at-once", "2", "--batch", "2"]


@pytest.fixture
def bare(tmp_path) -> Path:
    """A folder of packages that holds links to PyTorch, NumPy, OpenCV and what these need."""
    wanted, seen = ["torch", "numpy", "opencv-python-headless"], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        needs = [text for text in found.requires or () if "extra ==" not in text]
        wanted += [re.match(r"[\w.-]+", text)[0].lower() for text in needs]
        for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            source = Path(found.locate_file(top))
            if source.exists() and not top.endswith(".pth") and not (tmp_path / top).exists():
                (tmp_path / top).symlink_to(source)
    return tmp_path


def test_a_row_says_what_was_measured():
    row = gpu.Row("fast", (640, 480), 16, (0.002, 0.001, 0.0015), 1234.5, 4, 345_600_000, "float16", 0.98765, 0.99999)
    assert str(row) == "| fast | 640×480 | 16 | 1.5 | 1234 | 4 | 346 | float16 | 98.77 | 99.999 |"
    assert str(row).count("|") == gpu.HEADER.count("|")


def test_pictures_are_compared_with_those_of_the_cpu_in_float32(tiny_model):
    given = gpu.parsed(["--pairs", "2", "--at-once", "2", "--batch", "1", "--batch", "2"])
    one, two = gpu.measured(str(tiny_model), (64, 48), "cpu", given)
    assert one.equal == one.within == two.within == 1 and one.precision == "float32"
    assert (one.batch, len(one.seconds), two.batch, len(two.seconds)) == (1, 2, 2, 1) and min(one.rate, two.rate) > 0


def test_the_network_alone_at_one_shape(tiny_model, monkeypatch):
    monkeypatch.setattr(fixed_shapes, "compiled", lambda network, given: network)
    row = fixed_shapes.row(load_model(tiny_model), (60, 40), 2, "cpu", runs=2)
    assert re.fullmatch(r"\| 60×40 \| 2 \| [\d.e+]+ \| – \| [\d.e+]+ \|", row)
    assert ("| model " + row).count("|") == fixed_shapes.HEADER.count("|")

    def none(network, given):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(fixed_shapes, "compiled", none)
    assert fixed_shapes.row(load_model(tiny_model), (60, 40), 1, "cpu", runs=1).endswith("| – | RuntimeError |")


def test_weights_are_read_and_written_as_by_safetensors(tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1.5])}
    save_weights(tmp_path / "by.safetensors", Weights("fusion", {"x": 1}, {}, tensors))
    file = stand_ins._File(tmp_path / "by.safetensors")
    assert sorted(file.keys()) == ["a", "b"]
    halves = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no dictionary)
    assert halves["a"].dtype == torch.float16 and torch.equal(halves["a"].float(), tensors["a"])
    (tmp_path / "own.safetensors").write_bytes(stand_ins._save(halves, file.metadata()))
    again = load_weights(tmp_path / "own.safetensors")
    assert again.config == {"x": 1} and all(torch.equal(again.tensors[k], tensors[k]) for k in tensors)
    (tmp_path / "none").write_bytes(b"none")
    with pytest.raises(stand_ins.SafetensorError):
        stand_ins._File(tmp_path / "none")


def test_drawn_pairs_are_pictures():
    ir, vis = gpu.drawn(96, 80, 0)
    assert ir.shape == (80, 96) and vis.shape == (80, 96, 3) and ir.dtype == vis.dtype == np.uint8


@pytest.mark.slow
def test_it_runs_with_pytorch_numpy_and_opencv_alone(bare):
    assert not (bare / "safetensors").exists() and not (bare / "PIL").exists() and not (bare / "typer").exists()
    done = subprocess.run(
        [sys.executable, "-S", str(SCRIPT), *SMALL, "--model", "tiny", "--steps", "2", "--crops", "1", "--crop", "64"],
        env={**os.environ, "PYTHONPATH": str(bare), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "| tiny | 64×48 | 2 |" in done.stdout and "Training: 2 steps" in done.stdout
