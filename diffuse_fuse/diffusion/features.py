"""Deterministic features of a pair: what the decoder of the diffusion UNet sees in it.

Dif-Fusion draws fresh random noise for every feature, so its pictures differ from run to run. Here x_t follows
a fixed rule: no noise at all, x_t = sqrt(alpha_bar_t) x_0, or one fixed noise field in absolute pixel
coordinates. The same pair gives the same features in any order, batch or process.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch

from diffuse_fuse.arrays import Array
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.networks.unet import UNet

NOISE_RULES = ("none", "fixed")
_FIELD = 256  # the fixed field repeats after this many pixels, so it has no size of its own


def feature_input(
    x_0: torch.Tensor, t: int, schedule: Schedule, noise: str = "none", origin: tuple[int, int] = (0, 0)
) -> torch.Tensor:
    """x_t of DDPM eq. 4 with noise by rule, from ``x_0`` (N, 4, H, W) in [-1, 1].

    ``origin`` (row, column) says where in the picture ``x_0`` begins: a tile gets its part of the fixed field.
    """
    steps = torch.full((1,), t, device=x_0.device)
    x_t = schedule.signal(steps) * x_0
    if noise == "fixed":
        x_t = x_t + schedule.noise(steps) * _noise_field(x_0, origin)
    return x_t


def extract(
    unet: UNet,
    schedule: Schedule,
    x_0: torch.Tensor,
    steps: Sequence[int],
    noise: str = "none",
    origin: tuple[int, int] = (0, 0),
) -> list[torch.Tensor]:
    """Decoder features of ``x_0`` (N, 4, H, W) in [-1, 1], one tensor a level, finest first.

    H and W are multiples of ``unet.config.multiple``. With several time steps their features are concatenated
    along the channels: (N, len(steps) * channels[i], H / 2^(i+1), W / 2^(i+1)) for the default stem.
    """
    if len(x_0) > 1 and not torch.is_grad_enabled():
        # A convolution of another batch size may round otherwise; each picture by itself cannot.
        alone = [extract(unet, schedule, x, steps, noise, origin) for x in torch.split(x_0, 1)]
        return [torch.cat(level) for level in zip(*alone, strict=True)]
    passes = []
    for step in steps:
        x_t = feature_input(x_0, step, schedule, noise, origin)
        passes.append(unet.decode(x_t, torch.full((len(x_0),), step, device=x_0.device)))
    if len(passes) == 1:
        return passes[0]
    return [torch.cat(level, dim=1) for level in zip(*passes, strict=True)]


def _noise_field(like: torch.Tensor, origin: tuple[int, int]) -> torch.Tensor:
    """The part of the fixed field that lies under ``like``: (1, C, H, W)."""
    c, h, w = like.shape[1:]
    rows = (np.arange(h) + origin[0]) % _FIELD
    columns = (np.arange(w) + origin[1]) % _FIELD
    field = _field(c)[:, rows[:, None], columns[None, :]]
    return torch.from_numpy(field)[None].to(like.device)


@cache
def _field(channels: int) -> Array:
    return np.random.default_rng(2023).standard_normal((channels, _FIELD, _FIELD), dtype=np.float32)
