"""The forward process: how much signal and noise x_t holds at each time step.

Names follow DDPM (Ho et al. 2020): beta_t is the variance that step t adds, alpha_t = 1 - beta_t,
alpha_bar_t = prod_{s<=t} alpha_s. Time steps here count from 0 to T-1, so index t is the paper's t+1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from diffuse_fuse.arguments import text, whole
from diffuse_fuse.arrays import Array
from diffuse_fuse.errors import UsageError

KINDS = ("linear", "cosine")


@dataclass(frozen=True)
class Schedule:
    """A noise schedule, tabulated in float64.

    ``kind`` is "linear" (DDPM section 4: beta from 1e-4 to 0.02 over 1000 steps, rescaled for another T) or
    "cosine" (Nichol and Dhariwal 2021, eq. 17, beta clipped at 0.999); ``steps`` is T.
    """

    kind: str = "linear"
    steps: int = 1000

    def __post_init__(self) -> None:
        if text(self.kind, "The noise schedule") not in KINDS:
            raise UsageError(f"Unknown noise schedule '{self.kind}': use one of {', '.join(KINDS)}.")
        whole(self.steps, "The steps of a noise schedule", least=2)

    @cached_property
    def beta(self) -> Array:
        """beta_t, shape (T,), float64."""
        if self.kind == "linear":
            scale = 1000 / self.steps
            beta: Array = np.clip(np.linspace(1e-4 * scale, 0.02 * scale, self.steps), 0, 0.999)
            return beta
        edge = np.arange(self.steps + 1) / self.steps
        alpha_bar = np.cos((edge + 0.008) / 1.008 * math.pi / 2) ** 2
        beta = np.clip(1 - alpha_bar[1:] / alpha_bar[:-1], 0, 0.999)
        return beta

    @cached_property
    def alpha_bar(self) -> Array:
        """alpha_bar_t, shape (T,), float64, falling."""
        return np.cumprod(1 - self.beta)

    @cached_property
    def alpha_bar_prev(self) -> Array:
        """alpha_bar_{t-1}, shape (T,), float64; 1, that of clean data, before the first step."""
        return np.concatenate([[1.0], self.alpha_bar[:-1]])

    @cached_property
    def posterior_variance(self) -> Array:
        """beta_tilde_t, the variance of q(x_{t-1} | x_t, x_0), DDPM eq. 7: shape (T,), float64; 0 at the first step."""
        variance: Array = (1 - self.alpha_bar_prev) / (1 - self.alpha_bar) * self.beta
        return variance

    @cached_property
    def posterior_mean(self) -> Array:
        """What x_0 and x_t are multiplied with in the mean of q(x_{t-1} | x_t, x_0), DDPM eq. 7: (T, 2), float64."""
        of_x_0 = np.sqrt(self.alpha_bar_prev) * self.beta / (1 - self.alpha_bar)
        of_x_t = np.sqrt(1 - self.beta) * (1 - self.alpha_bar_prev) / (1 - self.alpha_bar)
        return np.stack([of_x_0, of_x_t], axis=1)

    def signal(self, t: torch.Tensor) -> torch.Tensor:
        """sqrt(alpha_bar_t) for each time step of ``t`` (N,), shaped (N, 1, 1, 1)."""
        return self._lookup(np.sqrt(self.alpha_bar), t)

    def noise(self, t: torch.Tensor) -> torch.Tensor:
        """sqrt(1 - alpha_bar_t) for each time step of ``t`` (N,), shaped (N, 1, 1, 1)."""
        return self._lookup(np.sqrt(1 - self.alpha_bar), t)

    def diffuse(self, x_0: torch.Tensor, t: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        """x_t of DDPM eq. 4: sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.

        ``x_0`` and ``eps`` (N, C, H, W), ``t`` (N,) integers in [0, T).
        """
        return self.signal(t) * x_0 + self.noise(t) * eps

    def predict_x_0(self, x_t: torch.Tensor, t: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        """x_0 from x_t and the noise in it: DDPM eq. 4 solved for x_0."""
        return (x_t - self.noise(t) * eps) / self.signal(t)

    def _lookup(self, table: Array, t: torch.Tensor) -> torch.Tensor:
        values = torch.from_numpy(table.astype(np.float32)).to(t.device)
        return values[t].view(-1, 1, 1, 1)
