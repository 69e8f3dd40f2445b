"""The diffusion model: UNet, the schedule that it was trained with, and what the UNet's output stands for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from diffuse_fuse.checkpoint import Weights, fill, load_weights
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.diffusion.unet import UNet, UNetConfig
from diffuse_fuse.errors import UsageError, WeightsError

PREDICTIONS = ("eps", "v")


class DiffusionModel(nn.Module):
    """eps_theta(x_t, t) of DDPM: (N, 4, H, W) and (N,) -> the noise in x_t, (N, 4, H, W).

    ``prediction`` says what the UNet writes. "eps": the noise itself, as in DDPM. "v": v = sqrt(alpha_bar) eps -
    sqrt(1 - alpha_bar) x_0 (Salimans and Ho 2022, section 4), so that eps = sqrt(1 - alpha_bar) x_t +
    sqrt(alpha_bar) v: where x_t is nearly all noise, it is passed on by the formula instead of by the network,
    which normalises the features at each pixel and so can only come close to it.
    """

    def __init__(self, unet: UNet, schedule: Schedule, prediction: str = "eps") -> None:
        super().__init__()
        if prediction not in PREDICTIONS:
            raise UsageError(f"Unknown prediction '{prediction}': use one of {', '.join(PREDICTIONS)}.")
        self.unet, self.schedule, self.prediction = unet, schedule, prediction

    def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        out = self.unet(x_t, t).float()
        return out if self.prediction == "eps" else self.schedule.noise(t) * x_t + self.schedule.signal(t) * out


def pack_diffusion(model: DiffusionModel, tensors: dict[str, torch.Tensor], card: dict[str, Any]) -> Weights:
    """What a weights file of kind "diffusion" holds; ``tensors`` is a state of ``model``, not always its own."""
    config = {"unet": asdict(model.unet.config), "schedule": asdict(model.schedule), "prediction": model.prediction}
    return Weights("diffusion", config, card, {key.removeprefix("unet."): value for key, value in tensors.items()})


def load_diffusion(path: Path | str) -> DiffusionModel:
    """Reads diffusion weights, ready for inference, float32 on the CPU.

    Raises WeightsError when the file is missing, damaged, of another kind, or does not fit its configuration.
    """
    weights = load_weights(path, "diffusion")
    try:
        unet, schedule = UNet(UNetConfig(**weights.config["unet"])), Schedule(**weights.config["schedule"])
        # Weights of version 0.1.0's first days do not say: they predict eps.
        model = DiffusionModel(unet, schedule, weights.config.get("prediction", "eps"))
    except (KeyError, TypeError, UsageError) as error:
        raise WeightsError(f"{path} has a configuration that this dfuse does not know ({error}).") from None
    fill(unet, weights.tensors, str(path))
    return model.eval().requires_grad_(False)
