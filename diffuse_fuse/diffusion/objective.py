"""The training objective of DDPM: predict the noise (Ho et al. 2020, eq. 14, algorithm 1)."""

from __future__ import annotations

import torch
from torch import nn

from diffuse_fuse.diffusion.schedule import Schedule


def simple_loss(
    model: nn.Module, schedule: Schedule, x_0: torch.Tensor, t: torch.Tensor, eps: torch.Tensor
) -> torch.Tensor:
    """L_simple of DDPM eq. 14 a sample: mean of (eps - eps_theta(x_t, t))^2 over channels and pixels.

    ``x_0`` and ``eps`` (N, 4, H, W), the pair as R, G, B, IR in [-1, 1] and standard normal noise; ``t`` (N,)
    time steps in [0, T). Returns (N,), so that a caller can weigh or group the samples.
    """
    x_t = schedule.diffuse(x_0, t, eps)
    found: torch.Tensor = model(x_t, t)
    return (found - eps).square().mean(dim=(1, 2, 3))
