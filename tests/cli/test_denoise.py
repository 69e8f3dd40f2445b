"""``dfuse fuse --denoise``, with the shipped diffusion model."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from diffuse_fuse import models
from diffuse_fuse.cli import commands
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image

needs_weights = pytest.mark.skipif(
    not (models.folder() / "diffusion.safetensors").is_file(), reason="the diffusion weights are not there"
)


@pytest.fixture
def dfuse(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFUSE_DEBUG", "")
    threads = torch.get_num_threads()

    def run(*arguments):
        code = commands.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    yield run
    torch.set_num_threads(threads)


@needs_weights
def test_the_noise_is_taken_out_before_fusing(dfuse, tiny_model, tmp_path):
    y, x = np.mgrid[:64, :80]
    clean_ir = (60 + 120 * ((x - 40) ** 2 + (y - 30) ** 2 < 200)).astype(np.uint8)
    clean_vis = np.stack([2 * x + 40, 2 * y + 50, 200 - x], axis=-1).astype(np.uint8)
    rng = np.random.default_rng(0)
    for name, picture in (("ir", clean_ir), ("vis", clean_vis)):
        write_image(tmp_path / f"{name}.png", picture)
        noisy = picture + rng.normal(0, 25, picture.shape)
        write_image(tmp_path / f"{name}-noisy.png", np.clip(noisy, 0, 255).astype(np.uint8))
    common = ("--model", tiny_model, "--no-metrics", "--quiet", "--threads", 1)
    noisy = ("fuse", "ir-noisy.png", "vis-noisy.png")
    assert dfuse("fuse", "ir.png", "vis.png", "-o", "clean.png", *common).returncode == 0
    assert dfuse(*noisy, "-o", "plain.png", *common).returncode == 0
    for name, value in (("auto", "auto"), ("again", "auto"), ("given", 25), ("zero", 0)):
        done = dfuse(*noisy, "-o", f"{name}.png", "--denoise", value, *common)
        assert done.returncode == 0, done.stderr
    aim = read_visible(tmp_path / "clean.png").astype(float)
    error = {
        name: np.square(read_visible(tmp_path / f"{name}.png") - aim).mean() for name in ("plain", "auto", "given")
    }
    assert error["auto"] < 0.5 * error["plain"] and error["given"] < 0.5 * error["plain"]
    assert (tmp_path / "auto.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    assert np.array_equal(read_visible(tmp_path / "zero.png"), read_visible(tmp_path / "plain.png"))


@pytest.mark.parametrize(
    ("value", "says"), [("much", "takes auto or the noise"), ("200", "from 0 to 128"), ("nan", "from 0 to 128")]
)
def test_what_is_no_noise_is_refused(dfuse, pair, tiny_model, tmp_path, value, says):
    done = dfuse("fuse", *pair, "-o", "out.png", "--model", tiny_model, "--denoise", value)
    assert done.returncode == 2 and says in done.stderr
    assert not (tmp_path / "out.png").exists()


@needs_weights
def test_a_picture_that_is_too_small_is_named(dfuse, tiny_model, tmp_path):
    for name in ("ir.png", "vis.png"):
        write_image(tmp_path / name, np.zeros((8, 9), np.uint8))
    done = dfuse("fuse", "ir.png", "vis.png", "-o", "out.png", "--model", tiny_model, "--denoise", "5")
    assert done.returncode == 1 and "9×8 pixels" in done.stderr and "bug" not in done.stderr
