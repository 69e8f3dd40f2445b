"""Students in bands: the picture of the whole network, in memory that does not grow with height."""

import itertools

import numpy as np
import pytest
import torch

from diffuse_fuse import Fuser
from diffuse_fuse.checkpoint import Weights, save_weights
from diffuse_fuse.errors import ImageError
from diffuse_fuse.fusion.fuser import fuse
from diffuse_fuse.fusion.levels import of_rgb
from diffuse_fuse.fusion.student_colour import tint
from diffuse_fuse.fusion.student_rows import StudentRows, from_cells, to_cells, usual_rows
from diffuse_fuse.fusion.tiles import band_rows, fuse_in_bands, working_memory
from diffuse_fuse.networks.run import Rows
from diffuse_fuse.networks.student import CELL, SIZES, StudentConfig, StudentModel, inference_dtype

from .conftest import random_student


def pair(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(256, size=(height, width), dtype=np.uint8),
        rng.integers(256, size=(height, width, 3), dtype=np.uint8),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(16, 16), (97, 45), (402, 70)])
@pytest.mark.parametrize(
    "config",
    [StudentConfig((8,), (1,)), StudentConfig((8, 8, 16), (1, 1, 1), 2), StudentConfig((8, 8), (1, 1), 1, fine=12)],
)
def test_pictures_are_the_same_to_a_level_wherever_they_are_cut(config, size, dtype):
    model = random_student(config).to(dtype, memory_format=torch.channels_last)
    results = [fuse_in_bands(model, *pair(*size), rows=rows).astype(int) for rows in (16, 48, 160, 1024)]
    assert all(np.abs(results[-1] - other).max() <= 1 for other in results)


@pytest.mark.parametrize(
    ("blocks", "octaves", "fine"),
    [
        ((1, 1), 0, 0),
        ((0, 2), 0, 0),
        ((0, 2), 1, 0),
        ((2, 1, 1), 0, 0),
        ((2, 1, 1), 2, 0),
        ((0, 0, 0), 2, 0),
        ((0, 1), 0, 12),
        ((2, 1, 1), 2, 16),
    ],
)
def test_bands_are_the_picture_of_the_module(blocks, octaves, fine):
    """Through ``StudentModel`` and ``tint``, which training uses: other code, the same network and colours."""
    model = random_student(StudentConfig((8,) * len(blocks), blocks, octaves, fine))
    ir, vis = pair(10 * model.multiple, 64)
    with torch.inference_mode():
        planes = torch.from_numpy(np.dstack([ir, vis])).permute(2, 0, 1)[None] / 255
        picture = tint(model(planes[:, :1], planes[:, 1:]).clamp(0, 1), planes[:, 1:])
        whole, deep = (np.stack(of_rgb(*picture[0].numpy(), depth), axis=2) for depth in (8, 16))
    for rows in (model.multiple, 3 * model.multiple, len(ir)):
        assert np.abs(fuse_in_bands(model, ir, vis, rows=rows) - whole).max() <= 1
        assert np.abs(fuse_in_bands(model, ir, vis, rows=rows, depth=16) - deep).max() <= 257


@pytest.mark.parametrize(("octaves", "fine"), [(0, 0), (1, 0), (2, 0), (0, 16), (2, 16)])
def test_rows_wait_no_longer_than_the_reach(octaves, fine):
    config = StudentConfig((8, 8, 16), (1, 1, 1), octaves, fine)
    stream, cell = StudentRows(random_student(config)), config.multiple
    fed, out = 0, 0
    with torch.inference_mode():
        for _ in range(3 * config.reach // cell):
            out += len(stream(*pair(cell, cell), last=False))
            fed += cell
            assert fed - out <= config.reach + cell
        assert 0 < out and out + len(stream(*pair(cell, cell), last=True)) == fed + cell


@pytest.mark.parametrize("height", [512, 2048])
def test_no_row_is_computed_twice_and_no_more_than_a_band_at_once(height, monkeypatch):
    model = random_student(StudentConfig((8, 8), (1, 1)))
    seen, progress, convolve = [], [], Rows.conv

    def watched(run, conv, x):
        made = convolve(run, conv, x)
        for layer, found in ((model.stem, seen), (model.offset, progress)):
            if conv is layer:
                found.append(made.shape[2] * CELL)
        return made

    monkeypatch.setattr(Rows, "conv", watched)
    fuse_in_bands(model, *pair(height, 32), rows=64)
    assert sum(seen) == sum(progress) == height
    assert max(seen) == 64 and max(progress) <= 64 + model.hyper.reach


def test_progress_counts_rows_up_to_all_of_them():
    model, progress = random_student(StudentConfig((8, 8), (1, 1))), []
    fuse_in_bands(model, *pair(512, 32), rows=64, on_rows=lambda done, total: progress.append((done, total)))
    assert len(progress) == 512 // 64 and progress[-1] == (512, 512)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_cells_are_blocks_of_pixels_and_come_back(dtype):
    planes = torch.from_numpy(np.arange(2 * 8 * 12).reshape(2, 8, 12).astype(dtype))
    cells = to_cells(planes)
    assert cells.shape == (2, 2, 3, 16) and cells.dtype == planes.dtype
    assert torch.equal(cells[1, 1, 2].view(4, 4), planes[1, 4:, 8:])
    assert torch.equal(from_cells(cells), planes)


@pytest.mark.parametrize("size", SIZES)
def test_bands_and_their_memory(size):
    model = StudentModel(SIZES[size])
    assert usual_rows(model, 640) >= 480  # a common picture is one band
    for width in (640, 4000, 12000):
        assert usual_rows(model, width) % model.multiple == 0
        assert usual_rows(model, width) == band_rows(model, width)
    assert working_memory(model, 4000, usual_rows(model, 4000)) < 3e8  # 12 megapixels in less than 2 GB
    assert working_memory(model, 12000, usual_rows(model, 12000)) < 6e8  # 100 megapixels in less than 4 GB
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
    fuser = Fuser(student_file, device="cpu", balance=1)
    assert next(fuser.model.parameters()).dtype == inference_dtype("cpu")
    ir, vis = pair(75, 90)
    fused = fuser.fuse(ir, vis)
    assert fused.shape == vis.shape and fused.dtype == np.uint8
    assert np.array_equal(fused, fuse(ir, vis, model=student_file, balance=1))
    fine = fuser.fuse(ir, vis, depth=16)
    assert fine.dtype == np.uint16 and np.abs(fine / 257 - fused).max() <= 1.01
    grey = fuser.fuse(ir, vis[..., 0])
    assert np.array_equal(grey[..., 0], grey[..., 1]) and np.array_equal(grey[..., 0], grey[..., 2])
    kinds = [[array, array / 255, array.astype(np.uint16) * 257] for array in (ir, vis)]
    for a, b in itertools.product(*kinds):
        assert np.abs(fused.astype(int) - fuser.fuse(a, b).astype(int)).max() <= 1


def test_other_devices_keep_full_precision():
    assert inference_dtype("cuda") == torch.float32
