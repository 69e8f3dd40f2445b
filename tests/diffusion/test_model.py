"""What the UNet's output stands for, and that its file says so."""

from dataclasses import replace

import pytest
import torch

from diffuse_fuse.checkpoint import Weights, save_weights
from diffuse_fuse.diffusion.linear import LinearPath, from_frequencies
from diffuse_fuse.diffusion.model import DiffusionModel, load_diffusion, pack_diffusion
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError, WeightsError
from diffuse_fuse.networks.unet import UNet, UNetConfig
from diffuse_fuse.training.diffusion import start_model

SMALL = UNetConfig(channels=(8, 8), blocks=(1, 1), time_dim=16)


def random_model(prediction: str, linear: bool = False, hints: int = 0) -> DiffusionModel:
    torch.manual_seed(1)
    path = LinearPath(16) if linear else None
    unet = UNet(replace(SMALL, hint_channels=hints))
    model = DiffusionModel(unet, Schedule("linear", 100), prediction, path)
    if path is not None:
        torch.nn.init.uniform_(path.share)
    with torch.no_grad():
        model.unet.out.weight.normal_(std=0.05)
    return model


def test_a_unet_that_knows_v_gives_the_noise():
    """v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_0: Salimans and Ho 2022, section 4."""
    schedule = Schedule("linear", 100)
    x_0, eps, t = torch.rand(3, 4, 8, 8) * 2 - 1, torch.randn(3, 4, 8, 8), torch.tensor([0, 50, 99])
    v = schedule.signal(t) * eps - schedule.noise(t) * x_0
    model = DiffusionModel(UNet(SMALL), schedule, "v")
    model.unet.forward = lambda x_t, t: v
    torch.testing.assert_close(model(schedule.diffuse(x_0, t, eps), t), eps, atol=1e-5, rtol=1e-4)


def test_an_untrained_v_model_passes_on_what_is_nearly_all_noise():
    model, x = DiffusionModel(UNet(SMALL), Schedule(), "v"), torch.randn(1, 4, 8, 8)
    torch.testing.assert_close(model(x, torch.tensor([999])), x, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("prediction", "linear", "hints"), [("eps", False, 0), ("v", False, 0), ("v", True, 0), ("v", True, 4)]
)
def test_the_file_says_what_is_predicted_and_how(tmp_path, prediction, linear, hints):
    model, x, t = random_model(prediction, linear, hints), torch.randn(1, 4, 8, 8), torch.tensor([30])
    path = tmp_path / "d.safetensors"
    save_weights(path, pack_diffusion(model, model.state_dict(), {}), dtype=torch.float32)
    loaded = load_diffusion(path)
    assert loaded.prediction == prediction and (loaded.linear is not None) == linear
    assert loaded.unet.config.hint_channels == hints
    assert torch.equal(loaded(x, t), model.eval()(x, t))


def test_hints_are_the_picture_of_the_linear_path():
    """What the UNet gets beside x_t is the filter's estimate of x_0: DDPM's eq. 9 with its v."""
    model, x, t = random_model("v", linear=True, hints=4), torch.randn(2, 4, 8, 8), torch.tensor([3, 80])
    seen = []
    model.unet.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    linear, _ = model.both(x, t)
    signal, noise = model.schedule.signal(t), model.schedule.noise(t)
    torch.testing.assert_close(seen[0], torch.cat([x, signal * x - noise * from_frequencies(linear)], dim=1))
    with pytest.raises(UsageError, match="hints"):
        DiffusionModel(UNet(replace(SMALL, hint_channels=4)), Schedule(), "v")


def test_a_file_that_does_not_say_predicts_eps_and_an_unknown_word_is_an_error(tmp_path):
    model = random_model("v")
    packed = pack_diffusion(model, model.state_dict(), {})
    for name, prediction in (("old", None), ("new", "x_0")):
        config = {key: value for key, value in packed.config.items() if key != "prediction"}
        config |= {"prediction": prediction} if prediction else {}
        save_weights(tmp_path / f"{name}.safetensors", Weights("diffusion", config, {}, packed.tensors))
    assert load_diffusion(tmp_path / "old.safetensors").prediction == "eps"
    with pytest.raises(WeightsError, match="x_0"):
        load_diffusion(tmp_path / "new.safetensors")
    with pytest.raises(UsageError, match="eps, v"):
        DiffusionModel(UNet(SMALL), Schedule(), "x_0")


def test_training_goes_on_with_weights_and_may_change_what_is_predicted(tmp_path):
    model = random_model("eps")
    path = tmp_path / "d.safetensors"
    save_weights(path, pack_diffusion(model, model.state_dict(), {}), dtype=torch.float32)
    begun, source = start_model(UNetConfig(), Schedule("cosine"), "v", str(path), seed=0)
    assert begun.linear is None
    assert begun.prediction == "v" and begun.schedule == model.schedule and source.startswith("diffusion ")
    assert all(torch.equal(a, b) for a, b in zip(begun.parameters(), model.parameters(), strict=True))
    assert all(parameter.requires_grad for parameter in begun.parameters())


def test_the_linear_path_needs_v():
    with pytest.raises(UsageError, match="prediction v"):
        DiffusionModel(UNet(SMALL), Schedule(), "eps", LinearPath(16))


def test_training_goes_on_with_the_linear_path_unless_the_prediction_changes(tmp_path):
    model, path = random_model("v", linear=True), tmp_path / "d.safetensors"
    save_weights(path, pack_diffusion(model, model.state_dict(), {}), dtype=torch.float32)
    assert torch.equal(start_model(UNetConfig(), Schedule(), "v", str(path), 0)[0].linear.share, model.linear.share)
    assert start_model(UNetConfig(), Schedule(), "eps", str(path), 0)[0].linear is None
