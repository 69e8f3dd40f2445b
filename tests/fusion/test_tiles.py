"""Bands of rows: the picture of the whole network, wherever it is cut, in memory that does not grow with height."""

import subprocess
import sys
import tracemalloc

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from diffuse_fuse import Fuser
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import ImageError
from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
from diffuse_fuse.fusion.quiet import REACH
from diffuse_fuse.fusion.rows import ModelRows
from diffuse_fuse.fusion.tiles import band_rows, fuse_in_bands, reach, working_memory
from diffuse_fuse.networks.colour import _HALVINGS_OF_LUMA, _LUMA_GIVEN, luma, recolour
from diffuse_fuse.networks.head import HeadConfig
from diffuse_fuse.networks.unet import UNetConfig

from .conftest import random_model


def tensors(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 1, height, width, generator=generator), torch.rand(1, 3, height, width, generator=generator)


def pair(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(256, size=(height, width), dtype=np.uint8),
        rng.integers(256, size=(height, width, 3), dtype=np.uint8),
    )


def network(channels, blocks, head, steps=(50,), noise="none", limit=None):
    torch.manual_seed(1)
    unet = UNetConfig(channels=channels, blocks=blocks, time_dim=16)
    model = FusionModel(unet, Schedule(), FeatureConfig(steps, noise), HeadConfig(8, head, 8), limit).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model.requires_grad_(False)


LUMA_STEP = 1.01 * _LUMA_GIVEN / 2**_HALVINGS_OF_LUMA

NETWORKS = [
    ((8,), (1,), 1, (50,), "none"),
    ((8, 16), (0, 2), 0, (50,), "fixed"),
    ((8, 8, 16), (1, 1, 1), 2, (5, 100), "fixed"),
    ((8, 8, 8, 16), (1, 0, 2, 1), 1, (50,), "none"),
]


@torch.inference_mode()
def in_bands(model, ir, vis, cuts):
    """The fused rows of a picture cut into bands that end at ``cuts``."""
    stream, top, parts = ModelRows(model), 0, []
    for bottom in [*cuts, ir.shape[2]]:
        parts.append(stream(ir[:, :, top:bottom], vis[:, :, top:bottom], last=bottom == ir.shape[2]))
        top = bottom
    return torch.cat(parts, dim=2)


@pytest.mark.parametrize(("channels", "blocks", "head", "steps", "noise"), NETWORKS)
@settings(max_examples=8)
@given(data=st.data())
def test_bands_of_any_height_make_the_picture_of_the_whole_network(channels, blocks, head, steps, noise, data):
    model = network(channels, blocks, head, steps, noise)
    cell = model.multiple
    rows, columns = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 4))
    cuts = sorted(data.draw(st.sets(st.integers(1, rows - 1)))) if rows > 1 else []
    ir, vis = tensors(rows * cell, columns * cell)
    with torch.inference_mode():
        whole = recolour(model(ir, vis).clamp(0, 1), vis)
    banded = in_bands(model, ir, vis, [cut * cell for cut in cuts])
    # a colour at the border of the RGB cube may fall to the other side of it: luma then gives way by a step
    off = (luma(banded) - luma(whole)).abs()
    assert off.quantile(0.99) < 1e-5 and off.max() < LUMA_STEP
    torch.testing.assert_close(banded, whole, atol=1 / 255, rtol=0)


@pytest.mark.parametrize("size", [(16, 16), (97, 45), (150, 131), (256, 64)])
def test_pictures_are_the_same_to_a_level_wherever_they_are_cut(size):
    model = random_model(steps=(5, 100), noise="fixed").eval().to(memory_format=torch.channels_last)
    results = [fuse_in_bands(model, *pair(*size), rows=rows).astype(int) for rows in (8, 24, 64, 256)]
    assert all(np.abs(results[0] - other).max() <= 1 for other in results)


def test_shipped_model_gives_the_same_picture_in_bands_and_whole():
    fuser = Fuser(device="cpu")
    ir, vis = (cv2.GaussianBlur(array, (0, 0), 2) for array in pair(150, 200))
    model = fuser.model
    with torch.inference_mode():
        a, b = torch.from_numpy(ir / np.float32(255))[None, None], torch.from_numpy(vis / np.float32(255))
        a, b = (F.pad(x, (0, 8, 0, 10), mode="reflect") for x in (a, b.permute(2, 0, 1)[None]))
        fused = recolour(model(a, b).clamp(0, 1), b)[0, :, :150, :200]
        whole = (fused * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    for rows in (16, 64, 160):
        assert np.abs(fuse_in_bands(model, ir, vis, rows=rows).astype(int) - whole).max() <= 1


def test_noise_is_limited_the_same_in_bands(monkeypatch):
    """Even sources with little noise, a network that makes more of it: what limits it looks beyond the bands."""
    monkeypatch.setattr("diffuse_fuse.fusion.rows._QUIET_ROWS", 1)
    monkeypatch.setattr("diffuse_fuse.fusion.rows._QUIET_COLUMNS", 32)
    model = random_model().eval()
    rng = np.random.default_rng(3)
    ir, vis = (np.clip(120 + rng.normal(0, 1.5, (600, 48, n)), 0, 255).astype(np.uint8) for n in (1, 3))
    whole = fuse_in_bands(model, ir[..., 0], vis, rows=608)
    for band in (16, 64):
        assert np.abs(fuse_in_bands(model, ir[..., 0], vis, rows=band).astype(int) - whole).max() <= 1
    model.noise_limit = None
    free = fuse_in_bands(model, ir[..., 0], vis, rows=64)
    assert np.abs(free.astype(int) - whole).max() > 5


@pytest.mark.parametrize(("channels", "blocks", "head", "steps", "noise"), NETWORKS)
def test_a_pixel_is_seen_as_far_as_the_reach_says(channels, blocks, head, steps, noise):
    model = network(channels, blocks, head, steps, noise)
    cell, far = model.multiple, reach(model)
    size = (2 * far + 3 * cell) // cell * cell
    at = far // cell * cell + cell  # the first pixel of a cell that has more than the reach on all sides
    ir, vis = tensors(size, size)
    changed = vis.clone()
    changed[:, :, at : at + cell, at : at + cell] += torch.tensor(0.9) - vis[:, :, at : at + cell, at : at + cell]
    with torch.inference_mode():
        differs = (model(ir, vis) != model(ir, changed))[0, 0].nonzero()
    nearest, farthest = differs.min(dim=0).values, differs.max(dim=0).values
    # A cell of the coarsest level is seen as a whole or not at all by the cells around it.
    assert (nearest >= at - far - cell).all() and (farthest < at + 2 * cell + far).all()
    assert (nearest <= at - far / 2).all() and (farthest >= at + cell + far / 2 - 1).all()


@torch.inference_mode()
def test_rows_wait_no_longer_than_the_reach():
    model = network(*NETWORKS[2])
    far, cell = reach(model), model.multiple
    stream, fed, out = ModelRows(model), 0, 0
    for _ in range(2 * far // cell):
        out += stream(*tensors(cell, cell), last=False).shape[2]
        fed += cell
        assert fed - out <= far + cell
    assert out > 0
    assert out + stream(*tensors(cell, cell), last=True).shape[2] == fed + cell


def test_shipped_shape_has_the_reach_of_its_layers():
    """Level 0 to 3 in cells of 2, 4, 8, 16 pixels: counted by hand."""
    decoder = encoder = 2 * 2 + 2 * 4 + 4 * 8 + 4 * 16
    head_full, head_half, middle, stem = 2, 4 * 2, 2 * 16, 2
    network = head_full + head_half + decoder + middle + encoder + stem
    for limit, around in ((None, 0), (1.05, REACH)):
        model = FusionModel(UNetConfig(), Schedule(), FeatureConfig(), noise_limit=limit)
        assert reach(model) == network + around


def test_progress_counts_rows_up_to_all_of_them():
    seen = []
    model = random_model().eval()
    fuse_in_bands(model, *pair(150, 40), rows=16, on_rows=lambda done, total: seen.append((done, total)))
    assert len(seen) == 10 and seen[-1] == (150, 150)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen) and {total for _, total in seen} == {150}


def test_thermal_counts_are_stretched_over_the_whole_picture():
    model = random_model().eval()
    _, vis = pair(96, 40)
    counts = np.linspace(2000, 3000, 96 * 40).reshape(96, 40).astype(np.uint16)
    bands, whole = (fuse_in_bands(model, counts, vis, rows=rows).astype(int) for rows in (8, 96))
    assert np.abs(bands - whole).max() <= 1


def test_bands_get_smaller_with_memory_and_what_cannot_fit_is_said():
    model = FusionModel(UNetConfig(), Schedule(), FeatureConfig())
    rows = band_rows(model, 4000)
    assert rows % model.multiple == 0 and band_rows(model, 640) > rows
    assert band_rows(model, 4000, available=64 << 30) == rows
    short = working_memory(model, 4000, rows) - 1
    assert model.multiple <= band_rows(model, 4000, available=short) < rows
    with pytest.raises(ImageError, match=r"not enough memory: .* 4000 pixels wide needs about [01]\.\d GB, 0\.1 GB"):
        band_rows(model, 4000, available=100_000_000)
    assert working_memory(model, 4000, rows) < 1.2e9


def test_numpy_memory_is_that_of_the_result():
    model = random_model().eval()
    ir, vis = pair(8192, 64)
    tracemalloc.start()
    fuse_in_bands(model, ir, vis, rows=16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * vis.nbytes


_PEAK = """
import numpy as np, sys
from diffuse_fuse.fusion.fuser import Fuser
from diffuse_fuse.machine import peak_memory
fuser = Fuser(sys.argv[1], device="cpu", threads=1)
height = int(sys.argv[2])
fuser.fuse(np.zeros((height, 512), np.uint8), np.zeros((height, 512, 3), np.uint8))
print(peak_memory())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no peak memory there")
def test_memory_grows_by_the_pictures_only(model_file):
    def peak(height):
        run = [sys.executable, "-c", _PEAK, str(model_file), str(height)]
        return int(subprocess.run(run, capture_output=True, text=True, check=True).stdout)

    low, high = peak(1024), peak(8192)
    pictures = (8192 - 1024) * 512 * (1 + 3 + 3)
    assert high - low < pictures + 30e6  # the allocator is not the same twice
