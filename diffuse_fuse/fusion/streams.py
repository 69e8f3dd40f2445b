"""Layers that are fed row by row and remember the few rows that their next ones need: nothing is computed twice.

A stream is called with the next rows (N, C, rows, W) and ``last`` for the final ones; it returns the rows that are
complete by now, maybe none. What is outside the picture is padded as in the modules. A picture that comes in one band
takes the same way as through the module itself, without a copy.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn


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
        return stack(taken) if taken else self._empty


def in_portions(
    step: Callable[[torch.Tensor, bool], torch.Tensor], h: torch.Tensor, rows: int, last: bool
) -> torch.Tensor:
    """``step`` on so many rows at a time: at the end of the picture, all rows that waited come at once."""
    portions = h.split(rows, dim=2)
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
