"""The diffusion model: UNet, the schedule that it was trained with, and what the UNet's output stands for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from diffuse_fuse.checkpoint import Weights, fill, load_weights
from diffuse_fuse.diffusion.linear import CHANNELS, LinearPath, from_frequencies
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError
from diffuse_fuse.networks.building import building
from diffuse_fuse.networks.unet import UNet, UNetConfig

PREDICTIONS = ("eps", "v")


class DiffusionModel(nn.Module):
    """eps_theta(x_t, t) of DDPM: (N, 4, H, W) and (N,) -> the noise in x_t, (N, 4, H, W).

    ``prediction`` says what the UNet writes. "eps": the noise itself, as in DDPM. "v": v = sqrt(alpha_bar) eps -
    sqrt(1 - alpha_bar) x_0 (Salimans and Ho 2022, section 4), so that eps = sqrt(1 - alpha_bar) x_t +
    sqrt(alpha_bar) v: where x_t is nearly all noise, it is passed on by the formula instead of by the network,
    which normalises the features at each pixel and so can only come close to it.

    ``linear`` mixes the v of a Wiener filter with the network's; None where there is only the network. A UNet with
    hints sees the filter's x_0 too: at high noise a picture that it can read, where x_t is none.
    """

    def __init__(
        self, unet: UNet, schedule: Schedule, prediction: str = "eps", linear: LinearPath | None = None
    ) -> None:
        super().__init__()
        if prediction not in PREDICTIONS:
            raise UsageError(f"Unknown prediction '{prediction}': use one of {', '.join(PREDICTIONS)}.")
        if linear is not None and prediction != "v":
            raise UsageError("The linear path mixes predictions of v: use it with the prediction v.")
        if unet.config.hint_channels not in ((0,) if linear is None else (0, CHANNELS)):
            raise UsageError("The hints of a UNet are the linear path's picture: it has 4 channels, or there are none.")
        self.unet, self.schedule, self.prediction, self.linear = unet, schedule, prediction, linear

    @property
    def path(self) -> LinearPath:
        """The linear path of a model that has one."""
        assert self.linear is not None
        return self.linear

    def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        if self.prediction == "eps":
            return self._of_network(x_t, t)
        signal, noise = self.schedule.signal(t), self.schedule.noise(t)
        if self.linear is None:
            v = self._of_network(x_t, t)
        else:
            linear, network = self.both(x_t, t)
            v = self.linear(linear, network, signal)
        return noise * x_t + signal * v

    def _of_network(self, seen: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.unet(seen, t)
        return output.float()

    def both(self, x_t: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The v of the linear path, at frequencies, and that of the network, which may see what the first shows."""
        signal, noise = self.schedule.signal(t), self.schedule.noise(t)
        with torch.autocast(x_t.device.type, enabled=False):
            linear = self.path.linear(x_t.float(), signal, noise)
            seen = x_t
            if self.unet.config.hint_channels:
                seen = torch.cat([x_t, signal * x_t - noise * from_frequencies(linear)], dim=1)
        return linear, self._of_network(seen, t)


def pack_diffusion(model: DiffusionModel, tensors: dict[str, torch.Tensor], card: dict[str, Any]) -> Weights:
    """What a weights file of kind "diffusion" holds; ``tensors`` is a state of ``model``, not always its own."""
    config = {"unet": asdict(model.unet.config), "schedule": asdict(model.schedule), "prediction": model.prediction}
    if model.linear is not None:
        config["linear"] = {"size": model.linear.size}
    return Weights("diffusion", config, card, {key.removeprefix("unet."): value for key, value in tensors.items()})


def load_diffusion(path: Path | str) -> DiffusionModel:
    """Reads diffusion weights, ready for inference, float32 on the CPU.

    Raises WeightsError when the file is missing, damaged, of another kind, or does not fit its configuration.
    """
    return diffusion_of(load_weights(path, "diffusion"), path)


def diffusion_of(weights: Weights, path: Path | str) -> DiffusionModel:
    """As ``load_diffusion``, of ``weights`` that were read from ``path``."""
    with building(str(path), weights.tensors):
        unet, schedule = UNet(UNetConfig(**weights.config["unet"])), Schedule(**weights.config["schedule"])
        # Weights of version 0.1.0's first days do not say: they predict eps.
        linear = LinearPath(**weights.config["linear"]) if "linear" in weights.config else None
        model = DiffusionModel(unet, schedule, weights.config.get("prediction", "eps"), linear)
    names = ((key if key.startswith("linear.") else f"unet.{key}", value) for key, value in weights.tensors.items())
    fill(model, dict(names), str(path))
    return model.eval().requires_grad_(False)
