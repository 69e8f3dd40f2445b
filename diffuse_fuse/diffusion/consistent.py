"""Sampling that agrees with a measurement: DDNM (Wang et al. 2023, ICLR), DDIM with the null-space projection.

Known is y = A x_0, linear and without noise. After each prediction, what of x_0 the measurement says is put in, and
what it cannot say (the null space of A) stays as the model predicted it: x_0 <- x_0 + A^+ (y - A x_0), the paper's
eq. 10. Here A takes area means of channels (a small picture), or a channel as it is. The noise of the step is then
what remains of x_t beside the x_0 that was put right, as the paper's eq. 12 has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from diffuse_fuse.arguments import number, whole
from diffuse_fuse.arrays import Array
from diffuse_fuse.diffusion.samplers import EpsTheta, OnStep, alpha_bar_at, checked_steps, ddim_sigma, draw, predict
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.area import enlarging_matrix, mean_matrix

Project = Callable[[torch.Tensor], torch.Tensor]  # a predicted x_0 (N, C, H, W) -> one that agrees with a measurement


def consistent_sample(
    eps_theta: EpsTheta,
    schedule: Schedule,
    x_t: torch.Tensor,
    taus: Sequence[int],
    measured: Sequence[Project],
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    repeats: int = 1,
    clip: bool = False,
    on_step: OnStep | None = None,
) -> torch.Tensor:
    """DDIM's sampling with a predicted x_0 that agrees with what is ``measured``: ``x_t`` (N, C, H, W) -> x_0.

    ``x_t`` stands at the last of ``taus``: noise at T - 1, or ``noised`` of a first guess at an earlier step.
    ``measured`` are projections, ``means_known`` and ``channels_known``, of different channels; the result agrees
    with them to rounding. ``eta`` is that of ``ddim_sample``. ``repeats`` is how often each step is taken, with noise
    added in between (the paper's time travel with l = 1, and RePaint's r). ``clip`` limits the x_0 that the model
    predicts to [-1, 1]; where the measurement says more, it goes beyond. Raises UsageError for an eta outside [0, 1],
    noise to draw without a generator, repeats below 1, and time steps as ``checked_steps`` does.
    """
    taus = checked_steps(schedule, taus)
    eta = number(eta, "eta (0: no noise, 1: the noise of DDPM)", 0, 1)
    repeats = whole(repeats, "How often each step is taken", least=1)
    if generator is None and (eta > 0 or (repeats > 1 and len(taus) > 1)):
        raise UsageError("Sampling with eta above 0 or with repeats draws noise: give a generator.")
    for t, before in zip(reversed(taus), [*reversed(taus[:-1]), None], strict=True):
        alpha_bar, alpha_bar_prev = alpha_bar_at(schedule, t), alpha_bar_at(schedule, before)
        sigma = ddim_sigma(alpha_bar, alpha_bar_prev, eta)
        for turn in range(repeats if before is not None else 1):
            if turn:  # back to t: q(x_t | x_before), DDPM eq. 4 between two steps
                ratio = alpha_bar / alpha_bar_prev
                x_t = math.sqrt(ratio) * x_t + math.sqrt(1 - ratio) * draw(x_t, generator)
            x_0, _ = predict(eps_theta, x_t, t, alpha_bar, clip)
            for project in measured:
                x_0 = project(x_0)
            eps = (x_t - math.sqrt(alpha_bar) * x_0) / math.sqrt(1 - alpha_bar)
            x_t = math.sqrt(alpha_bar_prev) * x_0 + math.sqrt(max(1 - alpha_bar_prev - sigma**2, 0.0)) * eps
            if sigma > 0:
                x_t = x_t + sigma * draw(x_t, generator)
        if on_step:
            on_step(t, x_0)
    return x_t


def noised(guess: torch.Tensor, schedule: Schedule, tau: int, generator: torch.Generator) -> torch.Tensor:
    """A first guess of x_0 at the time step ``tau``, DDPM eq. 4: where a way back may begin that is to keep its layout
    (SDEdit, Meng et al. 2022; conditioning noise in a cascade). ``time_steps(tau + 1, count)`` leads back from there.
    """
    alpha_bar = alpha_bar_at(schedule, checked_steps(schedule, [tau])[0])
    return math.sqrt(alpha_bar) * guess + math.sqrt(1 - alpha_bar) * draw(guess, generator)


def means_known(
    y: torch.Tensor,
    size: tuple[int, int],
    channels: torch.Tensor | None = None,
    enlargement: str = "cubic",
    start: tuple[float, float] = (0.0, 0.0),
    step: tuple[float, float] | None = None,
) -> Project:
    """The projection onto pictures of ``size`` (H, W) whose area means are ``y`` (N, k, h, w), by any factor.

    ``channels`` (C,), bool, tells which k of the C channels were measured; all, unless given. ``enlargement`` is how
    what lacks in the means is laid over the picture: "cubic", smooth, or "nearest", in blocks (the paper's choice).
    ``start`` and ``step``, of rows and columns, are those of ``images.area``, where y covers a part of the picture.
    Raises UsageError for a ``y`` that is larger than ``size`` or of another number of channels.
    """
    axes = list(zip(size, y.shape[2:], start, step or (None, None), strict=True))
    reduce = [_like(mean_matrix(large, small, *lies), y) for large, small, *lies in axes]
    enlarge = [_like(enlarging_matrix(small, large, enlargement, *lies), y) for large, small, *lies in axes]
    if channels is not None and int(channels.sum()) != y.shape[1]:
        raise UsageError(f"{int(channels.sum())} channels are marked as measured, and {y.shape[1]} are given.")

    def project(x_0: torch.Tensor) -> torch.Tensor:
        chosen = x_0 if channels is None else x_0[:, channels.to(x_0.device)]
        right = chosen + _both_ways(enlarge, y - _both_ways(reduce, chosen))
        return right if channels is None else _with_channels(x_0, right, channels)

    return project


def channels_known(x: torch.Tensor, channels: torch.Tensor) -> Project:
    """The projection onto pictures that have the channels of ``x`` (N, C, H, W) where ``channels`` (C,), bool, is True.

    A is then the choice of these channels, and its own transpose the inverse.
    """
    mask = channels.view(1, -1, *[1] * (x.ndim - 2)).to(x.device)
    return lambda x_0: torch.where(mask, x, x_0)


def _with_channels(x_0: torch.Tensor, replaced: torch.Tensor, channels: torch.Tensor) -> torch.Tensor:
    x_0 = x_0.clone()
    x_0[:, channels.to(x_0.device)] = replaced
    return x_0


def _both_ways(matrices: Sequence[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The matrix of the rows and that of the columns, applied to ``x`` (..., H, W)."""
    rows, columns = matrices
    return rows @ x @ columns.T


def _like(matrix: Array, y: torch.Tensor) -> torch.Tensor:
    return torch.tensor(matrix, dtype=y.dtype, device=y.device)
