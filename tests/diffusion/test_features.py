"""Features of a pair are the same bytes in any order, batch or process."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from diffuse_fuse.diffusion.features import extract, feature_input
from diffuse_fuse.diffusion.pictures import PairModel
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError
from diffuse_fuse.networks.unet import UNet, UNetConfig
from diffuse_fuse.training.fusion import start_model

HASH = """
import hashlib, torch
from diffuse_fuse.diffusion.features import extract
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.networks.unet import UNet
torch.manual_seed(5)
unet = UNet().eval()
x = torch.rand(1, 4, 48, 64, generator=torch.Generator().manual_seed(6)) * 2 - 1
with torch.inference_mode():
    features = extract(unet, Schedule(), x, (5, 50), "fixed")
print(hashlib.sha256(b"".join(f.numpy().tobytes() for f in features)).hexdigest())
"""


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(5)
    return UNet().eval()


def digests(features):
    """One hash a picture of the batch."""
    count = len(features[0])
    return [hashlib.sha256(b"".join(f[i].numpy().tobytes() for f in features)).hexdigest() for i in range(count)]


@pytest.mark.parametrize("noise", ["none", "fixed"])
def test_same_in_any_order_and_batch(unet, noise):
    x = torch.rand(5, 4, 48, 64, generator=torch.Generator().manual_seed(6)) * 2 - 1
    with torch.inference_mode():
        together = digests(extract(unet, Schedule(), x, (50,), noise))
        alone = [digests(extract(unet, Schedule(), x[i : i + 1], (50,), noise))[0] for i in range(5)]
        reversed_ = digests(extract(unet, Schedule(), x.flip(0), (50,), noise))
    assert together == alone == reversed_[::-1]
    assert len(set(together)) == 5


def test_same_in_another_process():
    runs = [
        subprocess.run([sys.executable, "-c", HASH], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1] != ""


def test_without_noise_the_input_is_the_scaled_pair():
    x = torch.rand(1, 4, 8, 8)
    schedule = Schedule()
    torch.testing.assert_close(feature_input(x, 50, schedule), x * float(schedule.alpha_bar[50]) ** 0.5)


def test_fixed_noise_lies_in_absolute_coordinates():
    x = torch.zeros(1, 4, 64, 96)
    whole = feature_input(x, 100, Schedule(), "fixed")
    tile = feature_input(x[..., :32, :48], 100, Schedule(), "fixed", origin=(16, 32))
    assert torch.equal(tile, whole[..., 16:48, 32:80])
    assert whole.std() == pytest.approx(float(1 - Schedule().alpha_bar[100]) ** 0.5, rel=0.05)


def test_several_steps_are_concatenated(unet):
    x = torch.rand(1, 4, 16, 16)
    config: UNetConfig = unet.config
    with torch.inference_mode():
        one, two = extract(unet, Schedule(), x, (5,)), extract(unet, Schedule(), x, (5, 50))
    assert [f.shape[1] for f in two] == [2 * c for c in config.channels]
    assert all(torch.equal(a, b[:, : a.shape[1]]) for a, b in zip(one, two, strict=True))


def test_one_call_gives_the_features_of_a_pair_from_the_shipped_weights(scene):
    model = PairModel()
    found = model.features(*scene)
    assert [level.shape[1:] for level in found] == [(19, 23), (10, 12), (5, 6), (3, 3)][: len(found)]
    assert all(level.dtype == np.float32 and np.isfinite(level).all() for level in found)
    two = model.features(*scene, steps=(5, 50))
    assert all(np.array_equal(both[len(one) :], one) for both, one in zip(two, found, strict=True))
    with pytest.raises(UsageError, match="from 0 to 999, not 5000"):
        model.features(*scene, steps=(5000,))


def test_training_takes_the_name_of_shipped_diffusion_weights():
    model, source = start_model("diffusion", None, (50,), "none", 0)
    assert source.startswith("diffusion ") and len(source) > 60 and model.features.steps == (50,)
