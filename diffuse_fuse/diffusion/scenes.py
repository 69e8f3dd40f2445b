"""Scenes from noise: by the pair model alone, or coarse to fine.

``Cascade`` (Ho et al. 2022) has two models that were trained apart. The model of layouts, a UNet with attention trained
on whole scenes made small, decides what stands where; the pair model, trained on crops at the pixels, knows edges and
textures. It needs no training of its own to enlarge: its way back begins at a middle time step, from the enlarged
small scene with noise on it (the cascade's conditioning noise), and each predicted x_0 is given the means that the
small scene has (DDNM, see ``consistent``). Where one half of a pair is known, it is put in at both stages. ``Alone``
does the same with the pair model only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from diffuse_fuse.diffusion.channels import fill_channels
from diffuse_fuse.diffusion.consistent import Project, channels_known, consistent_sample, means_known, noised
from diffuse_fuse.diffusion.pictures import PairModel, counting
from diffuse_fuse.diffusion.samplers import OnStep, alpha_bar_at, ddim_encode, ddim_sample, slerp, time_steps
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.area import mean_matrix

LAYOUT_SIZE = (64, 48)  # pixels: width and height of the scenes that the model of layouts learns
ENLARGING_STEPS = 15
ENLARGING_FROM = 0.3  # of all time steps: noise enough to make edges, and too little to lose the layout


@dataclass(frozen=True)
class Way:
    """How scenes are made: ``steps`` time steps of the model that decides on the layout, spread by ``spacing``; ``eta``
    and ``clip`` as in ``samplers``; ``advance`` is called after each evaluation of a network."""

    steps: int
    spacing: str = "linear"
    eta: float = 0.0
    clip: bool = False
    advance: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Ends:
    """A pair as noise: its layout's, at T - 1, and that of its details, where enlarging begins (None: all in one)."""

    layout: torch.Tensor
    details: torch.Tensor | None = None


class Scenes(Protocol):
    """What makes scenes of one size; x_0 are (1, 4, height, width) in about [-1, 1]."""

    names: str  # of the weights

    def evaluations(self, steps: int) -> int:
        """How often networks are evaluated for a scene whose layout takes so many."""

    def sample(self, way: Way, generator: torch.Generator, on_step: OnStep | None = None) -> torch.Tensor:
        """A scene that never was."""

    def fill(
        self, x_0: torch.Tensor, known: torch.Tensor, way: Way, generator: torch.Generator, repeats: int
    ) -> torch.Tensor:
        """``x_0`` with the channels that are not ``known`` (4,) replaced by what fits the others: see ``channels``."""

    def encode(self, x_0: torch.Tensor, way: Way) -> Ends:
        """What ``decode`` leads back from, by DDIM's ODE."""

    def decode(self, a: Ends, b: Ends, part: float, way: Way) -> torch.Tensor:
        """The scene between two ends, by slerp of their noises: ``part`` 0 is ``a``, 1 is ``b``."""


class Alone:
    """Scenes of ``width``×``height`` pixels by one pair model."""

    def __init__(self, model: PairModel, width: int, height: int) -> None:
        self.names, self._model, self._size = model.name, model, (width, height)
        self._schedule = model.schedule

    def evaluations(self, steps: int) -> int:
        return steps

    def sample(self, way: Way, generator: torch.Generator, on_step: OnStep | None = None) -> torch.Tensor:
        start = self._model.noise(*self._size, generator)
        eps_theta, taus = counting(self._model.eps_theta, way.advance), self._taus(way)
        return ddim_sample(eps_theta, self._schedule, start, taus, way.eta, generator, way.clip, on_step)

    def fill(
        self, x_0: torch.Tensor, known: torch.Tensor, way: Way, generator: torch.Generator, repeats: int
    ) -> torch.Tensor:
        eps_theta, taus = counting(self._model.eps_theta, way.advance), self._taus(way)
        return fill_channels(
            eps_theta, self._schedule, x_0, known, taus, generator, way.eta, repeats=repeats, clip=way.clip
        )

    def encode(self, x_0: torch.Tensor, way: Way) -> Ends:
        eps_theta = counting(self._model.eps_theta, way.advance)
        return Ends(ddim_encode(eps_theta, self._schedule, x_0, self._taus(way)))

    def decode(self, a: Ends, b: Ends, part: float, way: Way) -> torch.Tensor:
        eps_theta = counting(self._model.eps_theta, way.advance)
        return ddim_sample(eps_theta, self._schedule, slerp(a.layout, b.layout, part), self._taus(way))

    def _taus(self, way: Way) -> list[int]:
        return time_steps(self._schedule.steps, way.steps, way.spacing)


class Cascade:
    """Scenes of ``width``×``height`` pixels: ``layouts`` draws them with about 64×48, ``enlarger`` enlarges them.

    Raises UsageError for scenes that are smaller than their layout.
    """

    def __init__(self, layouts: PairModel, enlarger: PairModel, width: int, height: int) -> None:
        small = layout_size(width, height)
        if width < small[0] or height < small[1]:
            raise UsageError(
                f"A scene of {width}×{height} pixels is smaller than its layout of {small[0]}×{small[1]}: "
                "give a larger size, or no model of layouts (none)."
            )
        self.names = f"{layouts.name} and {enlarger.name}"
        self._layouts, self._enlarger, self._size = Alone(layouts, *small), enlarger, (height, width)
        self._to_layout = [mean_matrix(a, b) for a, b in zip(self._size, small[::-1], strict=True)]
        self._schedule = enlarger.schedule
        start = round(ENLARGING_FROM * (self._schedule.steps - 1))
        self._taus = time_steps(start + 1, min(ENLARGING_STEPS, start + 1))

    def evaluations(self, steps: int) -> int:
        return steps + len(self._taus)

    def sample(self, way: Way, generator: torch.Generator, on_step: OnStep | None = None) -> torch.Tensor:
        def enlarged(t: int, x_0: torch.Tensor) -> None:
            if on_step:
                on_step(t, self._smooth(x_0))

        small = self._layouts.sample(way, generator, enlarged).clamp(-1, 1)
        return self._enlarge(small, [self._means(small)], way, generator, on_step)

    def fill(
        self, x_0: torch.Tensor, known: torch.Tensor, way: Way, generator: torch.Generator, repeats: int
    ) -> torch.Tensor:
        small = self._layouts.fill(self._reduced(x_0), known, way, generator, repeats).clamp(-1, 1)
        measured = [means_known(small[:, ~known], self._size, ~known), channels_known(x_0, known)]
        return self._enlarge(small, measured, way, generator)

    def encode(self, x_0: torch.Tensor, way: Way) -> Ends:
        small = self._reduced(x_0)
        eps_theta = counting(self._enlarger.eps_theta, way.advance)
        x_t = ddim_encode(eps_theta, self._schedule, x_0, self._taus)
        signal, noise = self._start()
        return Ends(self._layouts.encode(small, way).layout, (x_t - signal * self._smooth(small)) / noise)

    def decode(self, a: Ends, b: Ends, part: float, way: Way) -> torch.Tensor:
        assert a.details is not None and b.details is not None  # they come from ``encode``
        small = self._layouts.decode(a, b, part, way)
        signal, noise = self._start()
        x_t = signal * self._smooth(small) + noise * slerp(a.details, b.details, part)
        eps_theta = counting(self._enlarger.eps_theta, way.advance)
        return consistent_sample(eps_theta, self._schedule, x_t, self._taus, [self._means(small)])

    def _enlarge(
        self,
        small: torch.Tensor,
        measured: Sequence[Project],
        way: Way,
        generator: torch.Generator,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        guess = self._smooth(small)
        for project in measured:
            guess = project(guess)
        x_t = noised(guess, self._schedule, self._taus[-1], generator)
        eps_theta = counting(self._enlarger.eps_theta, way.advance)
        return consistent_sample(eps_theta, self._schedule, x_t, self._taus, measured, clip=way.clip, on_step=on_step)

    def _start(self) -> tuple[float, float]:
        """The roots of alpha_bar and of 1 - alpha_bar where enlarging begins."""
        alpha_bar = alpha_bar_at(self._schedule, self._taus[-1])
        return math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)

    def _means(self, small: torch.Tensor) -> Project:
        return means_known(small, self._size)

    def _smooth(self, small: torch.Tensor) -> torch.Tensor:
        """``small`` enlarged, with its means."""
        return self._means(small)(small.new_zeros(*small.shape[:2], *self._size))

    def _reduced(self, x_0: torch.Tensor) -> torch.Tensor:
        """``x_0`` at the size of layouts, by area means."""
        rows, columns = (torch.tensor(m, dtype=x_0.dtype, device=x_0.device) for m in self._to_layout)
        return rows @ x_0 @ columns.T


def layout_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the layout of a scene: of its shape, with about as many pixels as the model learnt, in whole
    cells of 8."""
    learnt = LAYOUT_SIZE[0] * LAYOUT_SIZE[1]
    wide, high = (8 * max(1, round(math.sqrt(learnt * a / b) / 8)) for a, b in ((width, height), (height, width)))
    return wide, high
