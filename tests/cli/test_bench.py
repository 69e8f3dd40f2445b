"""``dfuse bench``: it measures what it says, and counts what can be counted."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from diffuse_fuse import bench
from diffuse_fuse.checkpoint import Weights, save_weights
from diffuse_fuse.cli import commands
from diffuse_fuse.cli.bench import describe
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
from diffuse_fuse.networks.student import StudentConfig, StudentModel, inference_dtype
from diffuse_fuse.networks.unet import UNetConfig


def test_json_holds_the_times_and_what_follows_from_them(dfuse, tiny_model):
    arguments = ("--size", "96x64", "--runs", "3", "--threads", "1", "--device", "cpu", "--files", "--json")
    done = dfuse("bench", "--model", tiny_model, *arguments)
    assert done.returncode == 0, done.stderr
    assert "5/5" in done.stderr  # progress: a warm-up, three runs, and one by stage
    found = json.loads(done.stdout)
    assert (found["width"], found["height"], found["threads"], found["passes"]) == (96, 64, 1, 1)
    assert len(found["seconds"]) == 3 and min(found["seconds"]) > 0
    assert found["fastest"] <= found["median"] <= found["slowest"]
    assert found["median"] == sorted(found["seconds"])[1]
    assert found["seconds_per_megapixel"] == pytest.approx(found["median"] / (96 * 64 / 1e6))
    assert (
        set(found["stages"]) == {"re-lighting", "UNet", "head and colour", "arrays"}
        and min(found["stages"].values()) > 0
    )
    assert set(found["files"]) == {"reading", "metrics", "writing"} and min(found["files"].values()) > 0
    assert found["peak_memory"] is None or found["peak_memory"] > 50e6
    assert found["convolution_gflops"] > 0 and found["model"] == str(tiny_model)


def test_text_names_model_size_and_threads(tiny_model, capsys):
    threads = torch.get_num_threads()
    try:
        code = commands.main(["bench", "--model", str(tiny_model), "--size", "64x48", "--threads", "1", "-q"])
    finally:
        torch.set_num_threads(threads)
    printed = capsys.readouterr()
    assert code == 0 and printed.err == ""
    assert printed.out.splitlines()[0].startswith(f"{tiny_model}, 64×48, 1 thread, ")
    for words in ("one pair", "5 runs", "pairs/s", "UNet", "peak memory", "kMAC a pixel", "GFLOP/s"):
        assert words in printed.out
    assert "metrics" not in printed.out


@pytest.mark.parametrize("size", ["640", "640x", "0x480", "x480", "640x480x3", "-640x480", "640x1e3"])
def test_wrong_sizes_are_wrong_usage(size, capsys):
    assert commands.main(["bench", f"--size={size}"]) == 2
    printed = capsys.readouterr()
    assert "--size 640x480" in printed.err and printed.out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--size", "8x8"], 1, "at least 16×16"),
        (["--model", "nonsense"], 2, "no model 'nonsense'"),
        (["--runs", "0"], 2, "--runs"),
    ],
)
def test_what_cannot_be_measured_is_said(tiny_model, capsys, arguments, code, words):
    assert commands.main(["bench", "--model", str(tiny_model), "-q", "--device", "cpu", *arguments]) == code
    printed = capsys.readouterr()
    assert words in printed.err and "Traceback" not in printed.err and printed.out == ""


def test_a_student_has_parts_and_precision_of_its_own(tmp_path):
    model = StudentModel(StudentConfig((16,), (1,)))
    path = tmp_path / "student.safetensors"
    save_weights(path, Weights("student", model.config(), {}, model.state_dict()))
    found = bench.run(str(path), (48, 32), runs=1, device="cpu")
    assert set(found.stages) == {"re-lighting", "network", "colour", "arrays"} and found.passes == 1
    assert found.precision == str(inference_dtype("cpu")).removeprefix("torch.")
    assert f"student, 0.4 kMAC a pixel, {found.precision}" in describe(found)


def test_files_are_left_out_unless_asked_for_and_progress_is_told(tiny_model):
    told = []
    found = bench.run(str(tiny_model), (48, 32), runs=2, device="cpu", on_run=lambda: told.append(1))
    assert len(told) == 4 and found.files == {}
    assert f"{1 / found.median:.1f} pairs/s" in describe(found)


def test_multiply_adds_are_those_of_the_layers():
    """3×3 convolutions of the shipped shape by hand, in kMAC a pixel; all the 1×1 and 2×2 ones are the rest."""
    model = FusionModel(UNetConfig(), Schedule(), FeatureConfig())
    levels = zip((64, 96, 160, 256), (1, 1, 2, 2), (4, 16, 64, 256), strict=True)
    blocks = sum(9 * c * c / cell * 2 * 2 * count for c, count, cell in levels) + 9 * 256 * 256 / 256 * 2
    stems = 9 * 16 * 64 / 4 + 9 * 20 * 64 / 4
    head = 9 * 64 * 64 / 4 * 4 + 9 * 21 * 16 + 9 * 16
    found = bench.macs_per_pixel(model)
    assert blocks + stems + head < found < 1.08 * (blocks + stems + head)
    twice = FusionModel(UNetConfig(), Schedule(), FeatureConfig((5, 50)))
    assert 1.5 * found < bench.macs_per_pixel(twice) < 2 * found
    assert twice.training  # counting changes nothing
    assert all(parameter.grad is None for parameter in twice.parameters())


def test_the_pair_is_the_same_every_time_and_has_structure():
    ir, vis = bench.synthetic_pair(90, 70)
    again = bench.synthetic_pair(90, 70)
    assert np.array_equal(ir, again[0]) and np.array_equal(vis, again[1])
    assert ir.shape == (70, 90) and vis.shape == (70, 90, 3) and ir.dtype == vis.dtype == np.uint8
    assert ir.std() > 10 and vis.std() > 10 and not np.array_equal(vis[..., 0], vis[..., 1])


def test_convolution_speed_is_a_speed():
    threads = torch.get_num_threads()
    assert 0.1 < bench.convolution_gflops() < 1e5 and torch.get_num_threads() == threads
