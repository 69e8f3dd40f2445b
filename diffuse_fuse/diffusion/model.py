"""The diffusion model as it is stored: UNet and the schedule that it was trained with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from diffuse_fuse.checkpoint import Weights, fill, load_weights
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.diffusion.unet import UNet, UNetConfig
from diffuse_fuse.errors import WeightsError


@dataclass(frozen=True)
class DiffusionModel:
    """eps_theta and its schedule."""

    unet: UNet
    schedule: Schedule


def pack_diffusion(
    unet: UNetConfig, schedule: Schedule, tensors: dict[str, torch.Tensor], card: dict[str, Any]
) -> Weights:
    """What a weights file of kind "diffusion" holds."""
    return Weights("diffusion", {"unet": asdict(unet), "schedule": asdict(schedule)}, card, tensors)


def load_diffusion(path: Path | str) -> DiffusionModel:
    """Reads diffusion weights, ready for inference, float32 on the CPU.

    Raises WeightsError when the file is missing, damaged, of another kind, or does not fit its configuration.
    """
    weights = load_weights(path, "diffusion")
    try:
        unet, schedule = UNet(UNetConfig(**weights.config["unet"])), Schedule(**weights.config["schedule"])
    except (KeyError, TypeError) as error:
        raise WeightsError(f"{path} has a configuration that this dfuse does not know ({error}).") from None
    fill(unet, weights.tensors, str(path))
    return DiffusionModel(unet.eval().requires_grad_(False), schedule)
