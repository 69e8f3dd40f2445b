"""The fusion model and its weights file."""

import pytest
import torch

from diffuse_fuse.checkpoint import Weights, load_weights, save_weights
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.fusion.model import FeatureConfig, FusionModel, load_model
from diffuse_fuse.networks.colour import luma, recolour
from diffuse_fuse.networks.unet import UNet, UNetConfig

from .conftest import random_model


def pair(height=32, width=48):
    generator = torch.Generator().manual_seed(4)
    return torch.rand(2, 1, height, width, generator=generator), torch.rand(2, 3, height, width, generator=generator)


def test_untrained_model_is_max_with_the_visible_colour():
    ir, vis = pair()
    model = FusionModel(UNetConfig(channels=(8,), blocks=(1,)), Schedule(), FeatureConfig())
    raw = model(ir, vis)
    fused = recolour(raw.clamp(0, 1), vis)
    expected = torch.maximum(luma(vis), ir)
    torch.testing.assert_close(raw, expected)
    torch.testing.assert_close(luma(fused), expected, atol=12 / 255 + 1e-4, rtol=0)  # where colour has no room


@pytest.mark.parametrize(("steps", "noise"), [((50,), "none"), ((5, 100), "fixed")])
def test_model_comes_back_from_its_file(tmp_path, steps, noise):
    model = random_model(steps, noise).eval()
    path = tmp_path / "m.safetensors"
    save_weights(path, Weights("fusion", model.config(), {}, model.state_dict()), dtype=torch.float32)
    with torch.inference_mode():
        assert torch.equal(load_model(path)(*pair()), model(*pair()))


def test_sources_both_matter():
    model = random_model()
    ir, vis = pair()
    base = model(ir, vis)
    assert not torch.allclose(base, model(1 - ir, vis), atol=0.05)
    assert not torch.allclose(base, model(ir, 1 - vis), atol=0.05)


def test_unet_is_taken_over_from_the_diffusion_model():
    config = UNetConfig(channels=(8, 16), blocks=(1, 1))
    torch.manual_seed(1)
    unet = UNet(config)
    model = FusionModel(config, Schedule(), FeatureConfig())
    model.load_unet(unet)
    theirs = unet.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in model.unet.state_dict().items())
    with pytest.raises(WeightsError, match="the UNet"):
        model.load_unet(UNet(UNetConfig(channels=(8, 8), blocks=(1, 1))))


def test_file_that_does_not_fit_its_configuration_is_refused(model_file, tmp_path):
    weights = load_weights(model_file)
    broken = tmp_path / "broken.safetensors"
    save_weights(broken, Weights("fusion", {**weights.config, "head": {"width": 16}}, {}, weights.tensors))
    with pytest.raises(WeightsError, match="broken"):
        load_model(broken)
    save_weights(broken, Weights("fusion", {**weights.config, "head": {"depth": 3}}, {}, weights.tensors))
    with pytest.raises(WeightsError, match="does not know"):
        load_model(broken)
    save_weights(broken, Weights("diffusion", weights.config, {}, weights.tensors))
    with pytest.raises(WeightsError, match="fusion or student weights are needed"):
        load_model(broken)


def test_impossible_features_are_refused():
    with pytest.raises(WeightsError, match="range 0 to 999"):
        FusionModel(UNetConfig(channels=(8,), blocks=(1,)), Schedule(), FeatureConfig((1000,)))
    with pytest.raises(WeightsError, match="'random'"):
        FeatureConfig((5,), "random")
    with pytest.raises(WeightsError, match="At least one"):
        FeatureConfig(())


def test_a_noise_limit_that_is_no_number_is_refused():
    with pytest.raises(WeightsError, match="must be a number or none"):
        FusionModel(UNetConfig(channels=(8,), blocks=(1,)), Schedule(), FeatureConfig(), noise_limit={})
