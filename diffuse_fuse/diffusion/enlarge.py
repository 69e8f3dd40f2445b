"""Enlarging a small infrared picture by what the diffusion model knows of pairs: the prior.

The visible picture is known as it is, and of the infrared one the means over its own pixels. From a first guess, the
enlarged picture with noise, DDIM leads back in agreement with both (``diffusion.consistent``). How much noise is given
decides how much the model may change: docs/cameras.md says what it is worth.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch

from diffuse_fuse import models
from diffuse_fuse.arguments import text, whole
from diffuse_fuse.arrays import Array
from diffuse_fuse.diffusion.consistent import channels_known, consistent_sample, means_known, noised
from diffuse_fuse.diffusion.pictures import COLOUR, INFRARED, PairModel, seeded
from diffuse_fuse.diffusion.samplers import time_steps
from diffuse_fuse.errors import UsageError
from diffuse_fuse.files import sha256
from diffuse_fuse.images.enlarging import METHODS, Enlarger, Lies, cubic, limited

PRIOR = "prior"
TAU = 50  # the time step of the first guess, noise of 22 levels of 255: with more, it makes up more than it finds
STEPS = 1  # from there; more draw detail that is plausible instead of likely


class PriorEnlarger:
    """An ``images.enlarging.Enlarger`` by diffusion weights, loaded with the first pair.

    ``seed`` is of the noise: the same gives the same picture. ``model`` and ``device`` are those of ``PairModel``.
    """

    def __init__(
        self, seed: int = 0, tau: int = TAU, steps: int = STEPS, model: str = "diffusion", device: str = "cpu"
    ) -> None:
        self.seed, self.tau = whole(seed, "The seed", least=0), whole(tau, "The first time step", least=0)
        self.steps = whole(steps, "The number of sampling steps", least=1, most=self.tau + 1)
        self._given = (model, device)

    @cached_property
    def name(self) -> str:
        """What a picture notes of it: all that changes the picture."""
        weights = sha256(models.locate(self._given[0]))
        return f"{PRIOR}, {weights[:12]}, tau={self.tau}, S={self.steps}, seed={self.seed}"

    @cached_property
    def model(self) -> PairModel:
        """The weights."""
        return PairModel(*self._given)

    def __call__(self, ir: Array, vis: Array, lies: Lies) -> Array:
        """ir float32 h×w and vis float32 H×W×3, both in [0, 1] -> float32 H×W, as ``Enlarger`` has it."""
        kept, schedule = lies.kept(), self.model.schedule
        x = self.model.encode(np.clip(cubic(ir, lies), 0, 1), vis)
        y = torch.from_numpy(np.ascontiguousarray(ir[lies.inside])).to(x)[None, None] * 2 - 1
        measured = [
            means_known(y, kept.large, INFRARED, start=kept.start, step=kept.steps),
            channels_known(x, COLOUR),
        ]
        taus = time_steps(self.tau + 1, self.steps) if self.steps > 1 else [self.tau]
        x_t = noised(x, schedule, self.tau, seeded(self.seed))
        x_0 = consistent_sample(self.model.eps_theta, schedule, x_t, taus, measured, clip=True)
        large: Array = ((x_0[0, 3] + 1) / 2).cpu().numpy()
        return limited(large, ir, lies)

    def __getstate__(self) -> dict[str, object]:
        """Without the weights: another process loads its own."""
        return {name: value for name, value in self.__dict__.items() if name != "model"}


def enlarger(name: str, device: str = "cpu") -> str | Enlarger:
    """What ``LoadOptions.enlarge`` takes for a name: "auto", "cubic", "guided", or "prior". Raises UsageError."""
    if text(name, "The way of enlarging") == PRIOR:
        return PriorEnlarger(device=device)
    if name not in METHODS:
        raise UsageError(f"Unknown way of enlarging '{name}': use one of {', '.join((*METHODS, PRIOR))}.")
    return name
