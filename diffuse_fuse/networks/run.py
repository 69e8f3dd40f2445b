"""How a network is run: on the whole picture, or row by row without ever holding the whole picture.

A forward pass names its layers once and hands each to an executor. ``Whole`` calls it. ``Rows`` gets a picture in bands
of rows; each layer remembers the few rows that its next ones need, and returns those that are complete by now, maybe
none. Overlapping tiles would have to overlap by the receptive field, 250 pixels and more on each side, and compute most
of it twice; here nothing is computed twice, time is linear, and memory grows with the width of the picture only. What
is outside the picture is padded as in the modules. A picture that comes in one band takes the same way as the whole.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import nn

State = TypeVar("State")


class Run(Protocol):
    """What a forward pass is written with. All tensors are (N, C, rows, W)."""

    def conv(self, conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        """A convolution: 3×3 with one pixel of padding, or one whose stride is its size, without."""
        ...

    def enlarge(self, x: torch.Tensor) -> torch.Tensor:
        """Twice as many rows and columns, bilinear."""
        ...

    def repeat(self, x: torch.Tensor) -> torch.Tensor:
        """Twice as many rows and columns, each twice."""
        ...

    def halve(self, x: torch.Tensor) -> torch.Tensor:
        """Means of cells of 2×2."""
        ...

    def multiples(self, x: torch.Tensor, rows: int) -> torch.Tensor:
        """``x`` in multiples of so many rows, for a layer that takes so many at a time."""
        ...

    def align(self, *xs: torch.Tensor) -> list[torch.Tensor]:
        """Those rows of several tensors that are there in all of them: one may be behind another."""
        ...

    def portions(self, step: Callable[..., torch.Tensor], *xs: torch.Tensor, scale: int) -> torch.Tensor:
        """``step(*xs, run)`` on as many rows at a time as a band has: at the end of a picture, all rows that waited
        come at once. ``scale``: rows of the picture to a row here. ``step`` uses the executor that it gets."""
        ...


class Whole:
    """Runs a network on whole pictures, as a module does."""

    def conv(self, conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = conv(x)
        return found

    def enlarge(self, x: torch.Tensor) -> torch.Tensor:
        return double(x, "bilinear")

    def repeat(self, x: torch.Tensor) -> torch.Tensor:
        return double(x, "nearest")

    def halve(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, 2)

    def multiples(self, x: torch.Tensor, rows: int) -> torch.Tensor:
        return x

    def align(self, *xs: torch.Tensor) -> list[torch.Tensor]:
        return list(xs)

    def portions(self, step: Callable[..., torch.Tensor], *xs: torch.Tensor, scale: int) -> torch.Tensor:
        return step(*xs, self)


WHOLE = Whole()


class Rows:
    """Runs a network on one picture in bands; for the next picture, make another.

    Before each band, ``band`` is called. What a layer remembers is found by the order of the calls, which is the same
    for every band.
    """

    def __init__(self) -> None:
        self._states: list[Any] = []
        self._at = 0
        self._rows, self._last = 0, False

    def band(self, rows: int, last: bool) -> Rows:
        """The next band has so many ``rows`` of the picture and is the ``last`` one, or not."""
        self._at, self._rows, self._last = 0, rows, last
        return self

    def conv(self, conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        if conv.padding == (0, 0):
            return convolve(conv, x)
        return self._state(lambda: Conv(conv))(x, self._last)

    def enlarge(self, x: torch.Tensor) -> torch.Tensor:
        return self._state(Enlarge)(x, self._last)

    def repeat(self, x: torch.Tensor) -> torch.Tensor:
        return double(x, "nearest")

    def halve(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, 2) if x.shape[2] else x[..., : x.shape[3] // 2]

    def multiples(self, x: torch.Tensor, rows: int) -> torch.Tensor:
        waiting = self._state(Queue)
        waiting.put(x)
        return waiting.take(waiting.rows // rows * rows)

    def align(self, *xs: torch.Tensor) -> list[torch.Tensor]:
        waiting = self._state(lambda: [Queue() for _ in xs])
        for queue, x in zip(waiting, xs, strict=True):
            queue.put(x)
        ready = min(queue.rows for queue in waiting)
        return [queue.take(ready) for queue in waiting]

    def portions(self, step: Callable[..., torch.Tensor], *xs: torch.Tensor, scale: int) -> torch.Tensor:
        run = self._state(Rows)
        parts = list(zip(*(torch.split(x, max(1, self._rows // scale), dim=2) for x in xs), strict=True))
        return stack(
            [
                step(*part, run.band(self._rows, self._last and number == len(parts)))
                for number, part in enumerate(parts, 1)
            ]
        )

    def _state(self, make: Callable[[], State]) -> State:
        if self._at == len(self._states):
            self._states.append(make())
        self._at += 1
        state: State = self._states[self._at - 1]
        return state


class Conv:
    """A 3×3 convolution with zeros around the picture: one row behind, two rows kept."""

    def __init__(self, conv: nn.Conv2d) -> None:
        self._conv = conv
        self._kept: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        if self._kept is None and not x.shape[2]:
            return convolve(self._conv, x)
        if self._kept is None and last:
            return convolve(self._conv, x, (1, 1))
        border = torch.zeros_like((x if self._kept is None else self._kept)[:, :, :1])
        x = stack([border if self._kept is None else self._kept, x, *([border] if last else [])])
        # a copy: a view would keep all rows of the band in memory
        self._kept = x[:, :, -2:].clone()
        return convolve(self._conv, x, (0, 1))


class Enlarge:
    """Bilinear interpolation to twice the size: one row behind, two rows kept."""

    def __init__(self) -> None:
        self._kept: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        if self._kept is None and not x.shape[2]:
            return double(x, "bilinear")
        is_top = self._kept is None or self._kept.shape[2] < 2
        x = x if self._kept is None else stack([self._kept, x])
        doubled = double(x, "bilinear")
        self._kept = x[:, :, -2:].clone()
        # A row next to the edge of these rows lacks a neighbour, unless it is at the edge of the picture.
        return doubled[:, :, 0 if is_top else 2 : None if last else max(0, doubled.shape[2] - 2)]


class Queue:
    """Rows, first in, first out."""

    def __init__(self) -> None:
        self._parts: deque[torch.Tensor] = deque()
        self._empty: torch.Tensor | None = None
        self.rows = 0

    def put(self, x: torch.Tensor) -> None:
        self._empty = x[:, :, :0]
        self.rows += x.shape[2]
        if x.shape[2]:
            self._parts.append(x)

    def take(self, rows: int) -> torch.Tensor:
        """The next ``rows`` rows, of which there must be so many."""
        self.rows -= rows
        taken = []
        while rows:
            part = self._parts.popleft()
            if part.shape[2] > rows:
                self._parts.appendleft(part[:, :, rows:])
                part = part[:, :, :rows]
            taken.append(part)
            rows -= part.shape[2]
        if taken:
            return stack(taken)
        assert self._empty is not None, "nothing was put in"
        return self._empty


def in_portions(
    step: Callable[[torch.Tensor, bool], torch.Tensor], h: torch.Tensor, rows: int, last: bool
) -> torch.Tensor:
    """``step`` on so many rows at a time: at the end of the picture, all rows that waited come at once."""
    portions = torch.split(h, rows, dim=2)
    return stack([step(portion, last and number == len(portions)) for number, portion in enumerate(portions, 1)])


@contextmanager
def counted(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Adds what the block takes to ``seconds`` under the name ``part``."""
    start = time.perf_counter()
    yield
    seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - start


def stack(parts: list[torch.Tensor]) -> torch.Tensor:
    """Rows below each other. Parts without rows have no say in the memory order, on which rounding depends."""
    filled = [part for part in parts if part.shape[2]] or parts[:1]
    return filled[0] if len(filled) == 1 else torch.cat(filled, dim=2)


def convolve(conv: nn.Conv2d, x: torch.Tensor, padding: tuple[int, int] = (0, 0)) -> torch.Tensor:
    """The convolution of the rows that are there, or no rows if they are too few."""
    if x.shape[2] + 2 * padding[0] < conv.kernel_size[0]:
        return x.new_empty(len(x), conv.out_channels, 0, x.shape[3] // conv.stride[1])
    return F.conv2d(x, conv.weight, conv.bias, conv.stride, padding)


def double(x: torch.Tensor, mode: str) -> torch.Tensor:
    """Twice as many rows and columns."""
    if not x.shape[2]:
        return x.new_empty(*x.shape[:3], 2 * x.shape[3])
    return F.interpolate(x, scale_factor=2.0, mode=mode, align_corners=False if mode == "bilinear" else None)
