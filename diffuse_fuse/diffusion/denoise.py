"""Noise-aware fusion: a noisy pair stands at some time step of the diffusion; go back from there before fusing.

A picture y = x_0 + s n with noise of deviation s, multiplied by sqrt(alpha_bar_t), is an x_t of DDPM eq. 4 where
(1 - alpha_bar_t) / alpha_bar_t = s^2. The two cameras differ in noise: the way back begins at the step of the
noisier one, and the other takes part as known up to its own noise until the way reaches its step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch

from diffuse_fuse.arrays import Array
from diffuse_fuse.diffusion.pictures import PairModel, require_minimum_size, seeded, to_pair
from diffuse_fuse.diffusion.samplers import alpha_bar_at, draw, predict
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.arrays import as_infrared, as_visible, to_bytes
from diffuse_fuse.images.load import match_sizes

STEPS = 1  # from the noise to the clean pair; more draw detail that is plausible instead of likely
LARGEST_SIGMA = 128.0  # 8-bit levels; half of the range: nothing is left to be kept
_SEED = 6  # of the noise that the cleaner picture is given; fixed, so that the same pair gives the same bytes


class FusesArrays(Protocol):
    """What is asked of the fuser; ``diffuse_fuse.Fuser`` is one."""

    @property
    def fuse(self) -> Callable[..., Array]: ...


class DenoisingFuser:
    """A fuser that takes the noise out of a pair first.

    ``sigma`` is the deviation of the noise in 8-bit levels, or None to estimate it in each picture by itself.
    Raises UsageError for a sigma outside [0, 128].
    """

    def __init__(self, fuser: FusesArrays, model: PairModel, sigma: float | None = None, steps: int = STEPS) -> None:
        self.sigma = None if sigma is None else checked_sigma(sigma)
        self._fuser, self._model, self.steps = fuser, model, steps

    def fuse(self, ir: Array, vis: Array, **options: Any) -> Array:
        """As ``Fuser.fuse``, from arrays, with its options; raises ImageError for pictures below 16×16 and PairError as
        it does."""
        require_minimum_size(vis, "the visible picture")
        return self._fuser.fuse(*self.denoise(match_sizes(ir, vis)[0], vis), **options)

    def denoise(self, ir: Array, vis: Array) -> tuple[Array, Array]:
        """The pair without its noise: uint8 H×W and H×W×3. Where nothing is to be done it keeps its values."""
        ir, vis = as_infrared(ir), as_visible(vis)
        given = (self.sigma, self.sigma) if self.sigma is not None else (estimate_sigma(ir), estimate_sigma(vis))
        sigma_ir, sigma_vis = (sigma / 255 * 2 for sigma in given)  # the model's range is [-1, 1]
        y = self._model.encode(ir, vis)
        x_0 = denoise_pair(self._model, y, torch.tensor([sigma_vis] * 3 + [sigma_ir]), self.steps)
        cleaned_ir, cleaned_vis = to_pair(x_0)
        return (
            cleaned_ir if sigma_ir else to_bytes(ir),
            cleaned_vis if sigma_vis else to_bytes(vis),
        )


def checked_sigma(sigma: float) -> float:
    """``sigma`` if it is from 0 to 128 8-bit levels; raises UsageError otherwise."""
    if not 0 <= sigma <= LARGEST_SIGMA:
        raise UsageError(f"The noise must be from 0 to {LARGEST_SIGMA:g} 8-bit levels, not {sigma:g}.")
    return sigma


def estimate_sigma(image: Array) -> float:
    """The deviation of the noise of a picture (H×W or H×W×3, float in [0, 1]) in 8-bit levels.

    The median of the finest diagonal wavelet coefficients (Donoho and Johnstone 1994), as in scikit-image, whose
    own function needs a wavelet package: with the Haar wavelet it is four neighbours with signs.
    """
    planes = image[..., None] if image.ndim == 2 else image
    h, w = planes.shape[0] // 2 * 2, planes.shape[1] // 2 * 2
    a, b, c, d = (planes[i:h:2, j:w:2].astype(np.float64) for i in (0, 1) for j in (0, 1))
    diagonal = np.abs(a - b - c + d) / 2
    clipped = [(p <= 0) | (p >= 1) for p in (a, b, c, d)]  # black and blown out pixels hide their noise
    usable = ~np.any(clipped, axis=0)
    medians = [np.median(diagonal[..., k][usable[..., k]]) for k in range(planes.shape[2]) if usable[..., k].any()]
    return float(np.mean(medians)) / 0.6745 * 255 if medians else 0.0


def matching_step(schedule: Schedule, sigma: float) -> int | None:
    """The time step whose noise, relative to the signal, has the deviation ``sigma``; None if it is below all."""
    relative = np.sqrt(1 / schedule.alpha_bar - 1)
    return int(np.abs(np.log(relative / sigma)).argmin()) if sigma > relative[0] / 2 else None


def denoise_pair(model: PairModel, y: torch.Tensor, sigma: torch.Tensor, steps: int = STEPS) -> torch.Tensor:
    """``y`` (1, C, H, W) = x_0 + noise of deviation ``sigma`` (C,), both on the scale [-1, 1] -> x_0.

    DDIM with eta = 0 from the step that matches the noisiest channel, over ``steps`` steps and those at which a
    cleaner channel joins. Channels without noise come back as they are.
    """
    schedule = model.schedule
    own = [matching_step(schedule, float(s)) for s in sigma]
    joined = {step for step in own if step is not None}
    if not joined:
        return y
    taus = sorted(joined | {max(joined) * (i + 1) // steps for i in range(steps)})
    generator, shape, sigma = seeded(_SEED), (1, -1, 1, 1), sigma.to(y.device, y.dtype)
    x_t = y
    for t, before in zip(reversed(taus), [*reversed(taus[:-1]), None], strict=True):
        alpha_bar, alpha_bar_prev = alpha_bar_at(schedule, t), alpha_bar_at(schedule, before)
        # Channels whose own noise is no more than this step's are known up to it: they enter with what is lacking.
        lacking = ((1 - alpha_bar) / alpha_bar - sigma**2).clamp(min=0).sqrt().view(shape)
        entering = torch.tensor([step is None or step <= t for step in own], device=y.device).view(shape)
        x_t = torch.where(entering, math.sqrt(alpha_bar) * (y + lacking * draw(y, generator)), x_t)
        x_0, eps = predict(model.eps_theta, x_t, t, alpha_bar, clip=True)
        x_t = math.sqrt(alpha_bar_prev) * x_0 + math.sqrt(1 - alpha_bar_prev) * eps
    kept = torch.tensor([step is None for step in own], device=y.device).view(shape)
    return torch.where(kept, y, x_t)
