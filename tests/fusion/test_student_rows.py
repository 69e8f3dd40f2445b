"""Students in bands: the picture of the whole network, in memory that does not grow with height."""

import numpy as np
import pytest
import torch

from diffuse_fuse import Fuser
from diffuse_fuse.checkpoint import Weights, save_weights
from diffuse_fuse.errors import ImageError
from diffuse_fuse.fusion.fuser import fuse
from diffuse_fuse.fusion.student import SIZES, StudentConfig, StudentModel, inference_dtype
from diffuse_fuse.fusion.student_colour import tint
from diffuse_fuse.fusion.student_rows import StudentRows, overlap, usual_rows
from diffuse_fuse.fusion.tiles import band_rows, fuse_in_bands, working_memory

from .conftest import random_student


def pair(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(256, size=(height, width), dtype=np.uint8),
        rng.integers(256, size=(height, width, 3), dtype=np.uint8),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(16, 16), (97, 45), (402, 70)])
@pytest.mark.parametrize("config", [StudentConfig((8,), (1,)), StudentConfig((8, 8, 16), (1, 1, 1))])
def test_pictures_are_the_same_to_a_level_wherever_they_are_cut(config, size, dtype):
    model = random_student(config).to(dtype, memory_format=torch.channels_last)
    results = [fuse_in_bands(model, *pair(*size), rows=rows).astype(int) for rows in (16, 48, 160, 1024)]
    assert all(np.abs(results[-1] - other).max() <= 1 for other in results)


def test_a_band_is_the_whole_network_between_its_borders():
    model = random_student(StudentConfig((8, 8), (1, 1)))
    ir, vis = (
        torch.rand(1, channels, 160, 32, generator=torch.Generator().manual_seed(channels)) for channels in (1, 3)
    )
    with torch.inference_mode():
        whole = tint(model(ir, vis).clamp(0, 1), vis)
        stream, parts = StudentRows(model), []
        for top in range(0, 160, 40):
            parts.append(stream(ir[:, :, top : top + 40], vis[:, :, top : top + 40], last=top == 120))
    torch.testing.assert_close(torch.cat(parts, dim=2), whole, atol=1e-5, rtol=0)
    assert parts[0].shape[2] == 40 - overlap(model)  # the rest waits for its neighbours


@pytest.mark.parametrize("height", [512, 2048])
def test_the_network_never_sees_more_than_a_band_and_its_overlap(height):
    model = random_student(StudentConfig((8, 8), (1, 1)))
    seen, progress = [], []
    inner = model.fuse_luma
    model.fuse_luma = lambda ir, y: (seen.append(ir.shape[2]), inner(ir, y))[1]
    fuse_in_bands(model, *pair(height, 32), rows=64, on_rows=lambda done, total: progress.append((done, total)))
    assert max(seen) <= 64 + 2 * overlap(model) and len(seen) >= height // 64
    assert len(progress) == height // 64 and progress[-1] == (height, height)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)


@pytest.mark.parametrize("size", SIZES)
def test_bands_and_their_memory(size):
    model = StudentModel(SIZES[size])
    assert overlap(model) % model.multiple == 0 and overlap(model) >= SIZES[size].reach
    assert usual_rows(model, 640) >= 480  # a common picture is one band
    for width in (640, 4000, 12000):
        assert usual_rows(model, width) % model.multiple == 0
        assert usual_rows(model, width) == band_rows(model, width)
    assert working_memory(model, 4000, usual_rows(model, 4000)) < 1e9  # 12 megapixels in less than 2 GB
    assert working_memory(model, 12000, usual_rows(model, 12000)) < 2.5e9  # 100 megapixels in less than 4 GB
    short = working_memory(model, 4000, usual_rows(model, 4000)) - 1
    assert model.multiple <= band_rows(model, 4000, available=short) < usual_rows(model, 4000)
    with pytest.raises(ImageError, match="not enough memory"):
        band_rows(model, 4000, available=10_000_000)


@pytest.fixture(scope="module")
def student_file(tmp_path_factory):
    model = random_student(SIZES["tiny"], 0.01)
    path = tmp_path_factory.mktemp("weights") / "student.safetensors"
    save_weights(path, Weights("student", model.config(), {}, model.state_dict()))
    return path


def test_fuser_takes_students(student_file):
    fuser = Fuser(student_file, device="cpu")
    assert next(fuser.model.parameters()).dtype == inference_dtype("cpu")
    ir, vis = pair(75, 90)
    fused = fuser.fuse(ir, vis)
    assert fused.shape == vis.shape and fused.dtype == np.uint8
    assert np.array_equal(fused, fuse(ir, vis, model=student_file))
    fine = fuser.fuse(ir, vis, depth=16)
    assert fine.dtype == np.uint16 and np.abs(fine / 257 - fused).max() <= 1.01
    grey = fuser.fuse(ir, vis[..., 0])
    assert np.array_equal(grey[..., 0], grey[..., 1]) and np.array_equal(grey[..., 0], grey[..., 2])
    assert np.abs(fused.astype(int) - fuser.fuse(ir / 255, vis / 255).astype(int)).max() <= 1
    assert np.array_equal(fused, fuser.fuse(ir, (vis.astype(np.uint16) * 257)))


def test_other_devices_keep_full_precision():
    assert inference_dtype("cuda") == torch.float32
