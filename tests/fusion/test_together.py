"""Several pairs through the network as one batch: the pictures of one pair after the other."""

import numpy as np
import pytest
import torch

from diffuse_fuse import Fuser
from diffuse_fuse.errors import PairError
from diffuse_fuse.fusion import fuser as fusers
from diffuse_fuse.fusion.tiles import band_rows, fuse_in_bands, fuse_together, working_memory
from diffuse_fuse.networks.student import StudentConfig

from .conftest import random_model, random_student


def pairs(count, height=70, width=90):
    rng = np.random.default_rng(3)
    made = [rng.integers(256, size=(height, width, 4), dtype=np.uint8) for _ in range(count)]
    return [(both[..., 3].copy(), both[..., :3].copy()) for both in made]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("rows", [16, 96])
@pytest.mark.parametrize(
    "make", [random_model, lambda: random_student(StudentConfig((8, 8), (1, 1), 1, fine=12))], ids=["base", "student"]
)
def test_a_batch_is_the_pictures_one_by_one(make, rows, depth):
    """To a level, at few values: a convolution of another batch size may round otherwise."""
    model = make().eval().requires_grad_(False)
    (a, b, c), level = pairs(3), 1 if depth == 8 else 257
    given = [a, (b[0] / np.float32(255), b[1]), (c[0], c[1][..., 0])]  # kinds of arrays may differ
    together = fuse_together(model, given, rows=rows, depth=depth)
    for pair, found in zip(given, together, strict=True):
        alone = fuse_in_bands(model, *pair, rows=rows, depth=depth)
        apart = np.abs(found.astype(int) - alone)
        assert found.dtype == alone.dtype and apart.max() <= level and (apart > level / 257).mean() < 0.01


def test_half_precision_too():
    model = random_student().to(torch.bfloat16, memory_format=torch.channels_last)
    given = pairs(4)
    alone = [fuse_in_bands(model, *pair) for pair in given]
    for one, found in zip(alone, fuse_together(model, given), strict=True):
        apart = np.abs(found.astype(int) - one)
        assert apart.max() <= 1 and (apart > 0).mean() < 0.01


def test_each_pair_is_relit_by_itself(model_file, street):
    day, night = (street(kind, 96, 72) for kind in ("day", "night"))
    fuser = Fuser(model_file, device="cpu")
    for pair, found in zip((day, night), fuser.fuse_many([day, night]), strict=True):
        assert np.abs(found.astype(int) - fuser.fuse(*pair)).max() <= 1
    assert fuser.fuse_many([]) == []
    with pytest.raises(PairError, match="one size, not 96×72 and 40×30"):
        fuser.fuse_many([day, street("day", 40, 30)])


def test_how_many_go_together(model_file, monkeypatch):
    fuser = Fuser(model_file, device="cpu")
    assert fuser.together(480, 640) == 1
    fuser.device = "cuda"
    need = working_memory(fuser.model, 3 * 640, 480)
    monkeypatch.setattr(fusers, "free_memory", lambda device: 100 * need)
    assert (fuser.together(480, 640), fuser.together(64, 64), fuser.together(4000, 3000)) == (13, 16, 1)
    fewer = Fuser(model_file, device="cpu")
    fewer.device, fewer.sharers = "cuda", 100
    assert fewer.together(480, 640) == 3  # a hundredth of the memory each


def test_memory_bounds_the_bands_of_a_batch():
    model = random_model()
    whole = band_rows(model, 640, device="cuda", count=4)
    assert whole * 4 * 640 <= 1 << 22
    tight = working_memory(model, 4 * 640, whole) - 1
    assert band_rows(model, 640, tight, "cuda", count=4) < whole <= band_rows(model, 640, tight, "cuda")
