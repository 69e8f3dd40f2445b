"""Filling in channels that are not known from those that are: RePaint (Lugmayr et al. 2022) over channels.

The joint model of (R, G, B, IR) knows what belongs together. At every step of the way back, the known channels are
put in as they are at that noise level, and the model completes the others (RePaint, algorithm 1, whose mask here
selects channels). What was made up before the known part was put in does not fit it yet; so each step is taken
several times, with noise added in between (its section 4.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from diffuse_fuse.diffusion.samplers import EpsTheta, OnStep, alpha_bar_at, ddim_sigma, draw, predict
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError


def fill_channels(
    eps_theta: EpsTheta,
    schedule: Schedule,
    x_0: torch.Tensor,
    known: torch.Tensor,
    taus: Sequence[int],
    generator: torch.Generator,
    eta: float = 1.0,
    repeats: int = 3,
    clip: bool = False,
    on_step: OnStep | None = None,
) -> torch.Tensor:
    """``x_0`` (N, C, ...) with the channels where ``known`` (C,) is False replaced by what the model puts there.

    ``eta`` is that of DDIM (eq. 12) for the steps back over ``taus``; ``repeats`` is RePaint's r, how often each
    step is taken. Channels that are known come back as they are. Raises UsageError for repeats below 1.
    """
    if repeats < 1:
        raise UsageError(f"Each step must be taken at least once, not {repeats} times.")
    mask = known.view(1, -1, *[1] * (x_0.ndim - 2)).to(x_0.device)
    x_t = draw(x_0, generator)
    for t, before in zip(reversed(taus), [*reversed(taus[:-1]), None], strict=True):
        alpha_bar, alpha_bar_prev = alpha_bar_at(schedule, t), alpha_bar_at(schedule, before)
        sigma = ddim_sigma(alpha_bar, alpha_bar_prev, eta)
        rest = math.sqrt(max(1 - alpha_bar_prev - sigma**2, 0.0))
        for turn in range(repeats):
            noisy = math.sqrt(alpha_bar) * x_0 + math.sqrt(1 - alpha_bar) * draw(x_0, generator)
            x_t = torch.where(mask, noisy, x_t)
            x_0_predicted, eps = predict(eps_theta, x_t, t, alpha_bar, clip)
            x_t = math.sqrt(alpha_bar_prev) * x_0_predicted + rest * eps
            if sigma > 0:
                x_t = x_t + sigma * draw(x_t, generator)
            if turn + 1 < repeats and before is not None:  # back to t: q(x_t | x_before), DDPM eq. 4 between two steps
                ratio = alpha_bar / alpha_bar_prev
                x_t = math.sqrt(ratio) * x_t + math.sqrt(1 - ratio) * draw(x_t, generator)
            elif before is None:
                break
        if on_step:
            on_step(t, torch.where(mask, x_0, x_0_predicted))
    return torch.where(mask, x_0, x_t)
