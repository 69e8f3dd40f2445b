"""The fusion model: diffusion UNet, feature rule and head in one module with one weights file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from diffuse_fuse.checkpoint import Weights, fill, load_weights
from diffuse_fuse.diffusion.features import NOISE_RULES, extract
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.fusion.quiet import CELL, NOISE_LIMIT, quieted
from diffuse_fuse.models import FUSES
from diffuse_fuse.networks.building import building
from diffuse_fuse.networks.colour import luma
from diffuse_fuse.networks.head import FusionHead, HeadConfig
from diffuse_fuse.networks.student import StudentModel
from diffuse_fuse.networks.unet import UNet, UNetConfig


@dataclass(frozen=True)
class FeatureConfig:
    """Which features the head gets: the time ``steps`` and the ``noise`` rule, "none" or "fixed"."""

    steps: tuple[int, ...] = (50,)
    noise: str = "none"

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if self.noise not in NOISE_RULES:
            raise WeightsError(f"Unknown noise rule '{self.noise}': use one of {', '.join(NOISE_RULES)}.")
        if not self.steps:
            raise WeightsError("At least one time step is needed for the features.")


class FusionModel(nn.Module):
    """(ir, vis) -> fused luma, on batches whose height and width are multiples of ``multiple``.

    ``noise_limit``: how much noise the luma may have in flat areas, over that of the noisier source; None: any.
    """

    def __init__(
        self,
        unet: UNetConfig,
        schedule: Schedule,
        features: FeatureConfig,
        head: HeadConfig | None = None,
        noise_limit: float | None = NOISE_LIMIT,
    ) -> None:
        super().__init__()
        if max(features.steps) >= schedule.steps or min(features.steps) < 0:
            raise WeightsError(
                f"Time steps {features.steps} do not lie in the schedule's range 0 to {schedule.steps - 1}."
            )
        if noise_limit is not None and not isinstance(noise_limit, (int, float)):
            raise WeightsError(f"The noise limit must be a number or none, not {noise_limit!r}.")
        self.schedule, self.features, self.noise_limit = schedule, features, noise_limit
        self.unet = UNet(unet)
        self.head = FusionHead([c * len(features.steps) for c in unet.channels], head)
        # The noise output belongs to the diffusion model; fusion uses the decoder's features only.
        del self.unet.out, self.unet.out_norm
        # height and width must be multiples of this many pixels; both are powers of two
        self.multiple: int = max(unet.multiple, CELL)

    @property
    def passes(self) -> int:
        """How often the UNet sees the pair."""
        return len(self.features.steps)

    def forward(self, ir: torch.Tensor, vis: torch.Tensor, origin: tuple[int, int] = (0, 0)) -> torch.Tensor:
        """``ir`` (N, 1, H, W), ``vis`` (N, 3, H, W) in [0, 1] -> raw luma (N, 1, H, W), not yet cut to [0, 1].

        ``colour.recolour(raw.clamp(0, 1), vis)`` is the fused picture.
        """
        raw = self.head(self.extract(ir, vis, origin), ir, vis)
        return raw if self.noise_limit is None else quieted(raw, ir, luma(vis), self.noise_limit)

    def extract(self, ir: torch.Tensor, vis: torch.Tensor, origin: tuple[int, int] = (0, 0)) -> list[torch.Tensor]:
        """The decoder's features that the head gets, finest first."""
        x_0 = torch.cat([vis, ir], dim=1) * 2 - 1
        return extract(self.unet, self.schedule, x_0, self.features.steps, self.features.noise, origin)

    def config(self) -> dict[str, Any]:
        """What ``from_weights`` needs to build the model again, as plain values."""
        return {
            "unet": asdict(self.unet.config),
            "schedule": asdict(self.schedule),
            "features": asdict(self.features),
            "head": asdict(self.head.config),
            "noise_limit": self.noise_limit,
        }

    @classmethod
    def from_weights(cls, weights: Weights, what: str) -> FusionModel:
        """The model of a weights file of kind "fusion"; ``what`` names the file in errors."""
        config = weights.config
        try:
            model = cls(
                UNetConfig(**config["unet"]),
                Schedule(**config["schedule"]),
                FeatureConfig(**config["features"]),
                HeadConfig(**config["head"]),
                config.get("noise_limit"),  # weights from before have none
            )
        except (KeyError, TypeError) as error:
            raise WeightsError(f"{what} has a configuration that this dfuse does not know ({error}).") from None
        fill(model, weights.tensors, what)
        return model

    def load_unet(self, unet: UNet) -> None:
        """Takes over the weights of a diffusion UNet of the same configuration, except for its noise output."""
        tensors = unet.state_dict()
        fill(self.unet, {k: v for k, v in tensors.items() if not k.startswith(("out.", "out_norm."))}, "the UNet")


AnyModel = FusionModel | StudentModel


def load_model(path: Path | str) -> AnyModel:
    """The fusion model or student of a weights file, ready for inference, float32 on the CPU."""
    return model_of(load_weights(path, FUSES), path)


def model_of(weights: Weights, path: Path | str) -> AnyModel:
    """As ``load_model``, of ``weights`` that were read from ``path``."""
    kind = StudentModel if weights.kind == "student" else FusionModel
    with building(str(path), weights.tensors):
        model = kind.from_weights(weights, str(path))
    return model.eval().requires_grad_(False)
