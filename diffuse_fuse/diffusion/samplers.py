"""Samplers of a trained eps_theta: DDPM (Ho et al. 2020) and DDIM (Song, Meng, Ermon 2021), on the same weights.

DDIM changes the generation, not the training. The two papers name the same things differently:

    here               DDPM                 DDIM
    alpha_bar          alpha_bar_t          alpha_t
    alpha_bar_prev     alpha_bar_{t-1}      alpha_{tau_{i-1}}, 1 before the first step (its alpha_0)
    eps_theta(x, t)    eps_theta(x_t, t)    eps_theta^(t)(x_t)
    x_0                x_0, from eq. 15     f_theta^(t)(x_t), eq. 9: the "predicted x_0"
    taus               1 … T                tau, the sub-sequence of section 4.2, ascending
    sigma              sigma_t              sigma_{tau_i}(eta), eq. 16
    z                  z                    eps_t

Time steps count from 0 to T-1, so t here is the papers' t+1. Coefficients are float64 numbers, and tensors keep
their dtype and device. Noise comes from a generator on the CPU, so that it is the same on every device; a step
without variance draws none, which makes the two samplers see the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from diffuse_fuse.arguments import number, several, text, whole
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError

SPACINGS = ("linear", "quadratic")
VARIANCES = ("posterior", "beta")

EpsTheta = Callable[[torch.Tensor, int], torch.Tensor]  # (x_t, t) -> the noise in x_t, of the same shape
OnStep = Callable[[int, torch.Tensor], None]  # called with t and the x_0 predicted there


def time_steps(total: int, count: int, spacing: str = "linear") -> list[int]:
    """A sub-sequence tau of ``count`` of the ``total`` time steps, ascending, from 0 to total - 1 (section 4.2).

    ``spacing`` is "linear" (tau_i ~ c i) or "quadratic" (tau_i ~ c i^2: more steps where there is little noise).
    A single step is the last one. Raises UsageError for a count outside [1, total] or an unknown spacing.
    """
    if text(spacing, "The spacing") not in SPACINGS:
        raise UsageError(f"Unknown spacing '{spacing}' of the time steps: use one of {', '.join(SPACINGS)}.")
    total = whole(total, "The number of time steps", least=1)
    count = whole(count, "The number of sampling steps", least=1, most=total)
    if count == 1:
        return [total - 1]
    part = np.arange(count) / (count - 1)
    taus = np.rint((part if spacing == "linear" else part**2) * (total - 1)).astype(int)
    i = np.arange(count)
    return [int(tau) for tau in np.maximum.accumulate(taus - i) + i]  # rounded to one value, neighbours move apart


def ddim_sigma(alpha_bar: float, alpha_bar_prev: float, eta: float) -> float:
    """sigma of DDIM eq. 16: 0 for eta = 0, the deviation of DDPM's posterior for eta = 1."""
    return eta * math.sqrt((1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev))


def ddpm_sample(
    eps_theta: EpsTheta,
    schedule: Schedule,
    x_t: torch.Tensor,
    generator: torch.Generator,
    variance: str = "posterior",
    clip: bool = False,
    on_step: OnStep | None = None,
) -> torch.Tensor:
    """DDPM's ancestral sampling, algorithm 2, over all T steps: ``x_t`` at t = T-1 (N, ...) -> x_0 (N, ...).

    ``variance`` is sigma_t^2 of section 3.2: "posterior" (beta_tilde_t) or "beta" (beta_t). The mean is that of
    eq. 7 with the predicted x_0, which is line 4 of the algorithm; ``clip`` limits that x_0 to [-1, 1] first.
    """
    if text(variance, "The variance") not in VARIANCES:
        raise UsageError(f"Unknown variance '{variance}': use one of {', '.join(VARIANCES)}.")
    table = schedule.posterior_variance if variance == "posterior" else schedule.beta
    for t in reversed(range(schedule.steps)):
        x_0, _ = predict(eps_theta, x_t, t, float(schedule.alpha_bar[t]), clip)
        of_x_0, of_x_t = map(float, schedule.posterior_mean[t])
        x_t = of_x_0 * x_0 + of_x_t * x_t
        if t > 0:
            x_t = x_t + math.sqrt(table[t]) * draw(x_t, generator)
        if on_step:
            on_step(t, x_0)
    return x_t


def ddim_sample(
    eps_theta: EpsTheta,
    schedule: Schedule,
    x_t: torch.Tensor,
    taus: Sequence[int],
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    clip: bool = False,
    on_step: OnStep | None = None,
) -> torch.Tensor:
    """DDIM's sampling, eq. 12: ``x_t`` at the last of ``taus`` (N, ...) -> x_0 (N, ...).

    ``eta`` in [0, 1]: 0 adds no noise, so that x_0 is a function of x_t; 1 over all T steps is DDPM with the
    posterior's variance. ``clip`` limits the predicted x_0 to [-1, 1]. Raises UsageError for an eta outside
    [0, 1], or above 0 without a generator, and for ``taus`` that are not ascending steps of the schedule.
    """
    taus = checked_steps(schedule, taus)
    eta = number(eta, "eta (0: no noise, 1: the noise of DDPM)", 0, 1)
    if eta > 0 and generator is None:
        raise UsageError("Sampling with eta above 0 draws noise: give a generator.")
    for t, before in zip(reversed(taus), [*reversed(taus[:-1]), None], strict=True):
        alpha_bar, alpha_bar_prev = alpha_bar_at(schedule, t), alpha_bar_at(schedule, before)
        x_0, eps = predict(eps_theta, x_t, t, alpha_bar, clip)
        sigma = ddim_sigma(alpha_bar, alpha_bar_prev, eta)
        x_t = math.sqrt(alpha_bar_prev) * x_0 + math.sqrt(max(1 - alpha_bar_prev - sigma**2, 0.0)) * eps
        if sigma > 0:
            x_t = x_t + sigma * draw(x_t, generator)
        if on_step:
            on_step(t, x_0)
    return x_t


def ddim_encode(
    eps_theta: EpsTheta,
    schedule: Schedule,
    x_0: torch.Tensor,
    taus: Sequence[int],
    on_step: OnStep | None = None,
) -> torch.Tensor:
    """The ODE of DDIM section 4.3 run forward: ``x_0`` (N, ...) -> x_t at the last of ``taus``.

    ``ddim_sample`` with eta = 0 and the same ``taus`` leads back, the closer the more steps there are. Raises
    UsageError as that does.
    """
    taus = checked_steps(schedule, taus)
    x_t, alpha_bar = x_0, 1.0
    for i, t in enumerate(taus):
        # the noise is asked for where the step begins; clean data count as the first time step
        x_0, eps = predict(eps_theta, x_t, taus[max(i - 1, 0)], alpha_bar)
        alpha_bar = alpha_bar_at(schedule, t)
        x_t = math.sqrt(alpha_bar) * x_0 + math.sqrt(1 - alpha_bar) * eps
        if on_step:
            on_step(t, x_0)
    return x_t


def slerp(a: torch.Tensor, b: torch.Tensor, part: float) -> torch.Tensor:
    """Spherical interpolation from ``a`` (part 0) to ``b`` (part 1), DDIM section 5.3; of each picture as a whole.

    Between two draws of noise it keeps the norm, which a straight line would lose. (Nearly) parallel tensors are
    interpolated linearly.
    """
    dims = tuple(range(1, a.ndim))
    norms = torch.linalg.vector_norm(a, dim=dims, keepdim=True) * torch.linalg.vector_norm(b, dim=dims, keepdim=True)
    cosine = ((a * b).sum(dim=dims, keepdim=True) / norms).clamp(-1, 1)
    theta = torch.arccos(cosine)
    sine = torch.sin(theta)
    straight = sine < 1e-4
    sine = torch.where(straight, torch.ones_like(sine), sine)
    of_a = torch.where(straight, torch.full_like(sine, 1 - part), torch.sin((1 - part) * theta) / sine)
    of_b = torch.where(straight, torch.full_like(sine, part), torch.sin(part * theta) / sine)
    return of_a * a + of_b * b


def predict(
    eps_theta: EpsTheta, x_t: torch.Tensor, t: int, alpha_bar: float, clip: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """(x_0, eps) at one step: DDIM eq. 9. With ``clip``, x_0 is limited to [-1, 1] and eps is what then remains."""
    eps = eps_theta(x_t, t)
    x_0 = (x_t - math.sqrt(1 - alpha_bar) * eps) / math.sqrt(alpha_bar)
    if clip:
        x_0 = x_0.clamp(-1, 1)
        eps = (x_t - math.sqrt(alpha_bar) * x_0) / math.sqrt(1 - alpha_bar)
    return x_0, eps


def draw(like: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    """Standard normal noise of the shape, dtype and device of ``like``, drawn on the CPU."""
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def checked_steps(schedule: Schedule, taus: Sequence[int]) -> list[int]:
    """``taus`` as ints. Raises UsageError unless they are time steps of the schedule, at least one, ascending."""
    last = schedule.steps - 1
    steps = several(taus, "The time steps", lambda step: whole(step, "A time step", least=0, most=last))
    if not steps or any(after <= before for before, after in zip(steps, steps[1:], strict=False)):
        raise UsageError(f"Time steps are ascending whole numbers from 0 to {last}, at least one; not {steps}.")
    return steps


def alpha_bar_at(schedule: Schedule, t: int | None) -> float:
    """alpha_bar_t, float64; 1 for None, which stands for clean data."""
    return 1.0 if t is None else float(schedule.alpha_bar[t])
