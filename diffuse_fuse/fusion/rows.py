"""The fusion model fed row by row: what it computes for the whole picture, without ever holding the whole picture.

Overlapping tiles would have to overlap by the receptive field, 250 pixels and more on each side, and compute most of
it twice. Here every layer remembers the few rows that its next ones need instead: nothing is computed twice, time is
linear, and memory grows with the width of the picture only. The arithmetic of each layer is that of its module in
``diffusion.unet`` and ``fusion.head``.

A stream is called with the next rows (N, C, rows, W) and ``last`` for the final ones; it returns the rows that are
complete by now, maybe none. What is outside the picture is padded as in the modules.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn

from diffuse_fuse.diffusion.features import feature_input
from diffuse_fuse.diffusion.unet import ResBlock, UNet, time_embedding
from diffuse_fuse.fusion.colour import luma, recolour, to_bytes
from diffuse_fuse.fusion.head import FusionHead
from diffuse_fuse.fusion.model import FusionModel


class ModelRows:
    """One picture's way through a ``FusionModel``; for the next picture, make another.

    What each part takes is added to ``seconds``, by name, where it is given.
    """

    memory_format = torch.channels_last
    to_bytes = staticmethod(to_bytes)

    def __init__(self, model: FusionModel, seconds: dict[str, float] | None = None) -> None:
        self._seconds = {} if seconds is None else seconds
        self._schedule, self._features = model.schedule, model.features
        self._passes = [_UNetRows(model.unet, step) for step in model.features.steps]
        self._head = _HeadRows(model.head, len(model.unet.config.channels))
        self._row = 0

    def __call__(self, ir: torch.Tensor, vis: torch.Tensor, last: bool) -> torch.Tensor:
        """The next rows of ``ir`` (1, 1, rows, W) and ``vis`` (1, 3, rows, W) in [0, 1] -> fused rows (1, 3, ·, W).

        Rows and W are multiples of ``model.multiple``.
        """
        x_0 = torch.cat([vis, ir], dim=1) * 2 - 1
        levels = []
        with counted(self._seconds, "UNet"):
            for step, stream in zip(self._features.steps, self._passes, strict=True):
                x_t = feature_input(x_0, step, self._schedule, self._features.noise, (self._row, 0))
                levels.append(stream(x_t, last))
        self._row += ir.shape[2]
        features = [torch.cat(level, dim=1) if len(level) > 1 else level[0] for level in zip(*levels, strict=True)]
        with counted(self._seconds, "head and colour"):
            return self._head(features, ir, vis, last)


class _UNetRows:
    """``UNet.decode`` at one time step."""

    def __init__(self, unet: UNet, step: int) -> None:
        t = torch.full((1,), step, device=unet.stem.weight.device)
        emb = unet.time(time_embedding(t, unet.config.channels[0] * 2))
        self._unshuffle = unet.config.unshuffle
        self._stem = _Conv(unet.stem)
        self._top = _Level(unet, 0, emb)

    def __call__(self, x_t: torch.Tensor, last: bool) -> list[torch.Tensor]:
        return self._top(self._stem(F.pixel_unshuffle(x_t, self._unshuffle), last), last)


class _Level:
    """A level of the UNet with all that lies below it: encoder input -> decoder features, finest first."""

    def __init__(self, unet: UNet, level: int, emb: torch.Tensor) -> None:
        self._encoder = [_Block(block, emb) for block in unet.encoder[level]]
        self._decoder = [_Block(block, emb) for block in unet.decoder[level]]
        self._skip = _Queue()
        self._is_lowest = level + 1 == len(unet.encoder)
        if self._is_lowest:
            self._middle = _Block(unet.middle, emb)
        else:
            self._down, self._up, self._unpaired = unet.down[level], unet.up[level], _Queue()
            self._below = _Level(unet, level + 1, emb)

    def __call__(self, h: torch.Tensor, last: bool) -> list[torch.Tensor]:
        band = max(1, h.shape[2])
        for block in self._encoder:
            h = block(h, last)
        self._skip.put(h)
        if self._is_lowest:
            deeper, h = [], self._middle(h, last)
        else:
            self._unpaired.put(h)
            pairs = self._unpaired.take(self._unpaired.rows // 2 * 2)
            deeper = self._below(_convolve(self._down, pairs), last)
            h = _double(_convolve(self._up, deeper[0]), "nearest")
        return [_in_portions(self._decode, h, band, last), *deeper]

    def _decode(self, h: torch.Tensor, last: bool) -> torch.Tensor:
        h = h + self._skip.take(h.shape[2])
        for block in self._decoder:
            h = block(h, last)
        return h


class _HeadRows:
    """``FusionHead``."""

    def __init__(self, head: FusionHead, levels: int) -> None:
        self._head = head
        self._enlarge = [_Enlarge() for _ in range(levels - 1)]
        self._laterals = [(_Queue(), _Queue()) for _ in range(levels - 1)]
        self._stem, self._fine, self._out = _Conv(head.stem), _Conv(head.fine), _Conv(head.out)
        self._blocks = [_Block(block) for block in head.blocks]
        # the pair waits for the features, these for its stem, and the pair again for what comes of both
        self._folded, self._features, self._pair, self._colour = _Queue(), _Queue(), _Queue(), _Queue()

    def __call__(self, features: list[torch.Tensor], ir: torch.Tensor, vis: torch.Tensor, last: bool) -> torch.Tensor:
        base = torch.maximum(luma(vis), ir)
        self._folded.put(F.pixel_unshuffle(torch.cat([vis, ir, base], dim=1), 2))
        h = _convolve(self._head.lateral[-1], features[-1])
        for level in reversed(range(len(features) - 1)):
            lateral, coarse = self._laterals[level]
            lateral.put(_convolve(self._head.lateral[level], features[level]))
            coarse.put(self._enlarge[level](h, last))
            ready = min(lateral.rows, coarse.rows)
            h = lateral.take(ready) + coarse.take(ready)
        return _in_portions(self._refine, h, max(1, ir.shape[2] // 2), last)

    def _refine(self, h: torch.Tensor, last: bool) -> torch.Tensor:
        folded = self._folded.take(h.shape[2])
        self._pair.put(F.pixel_shuffle(folded, 2))
        self._features.put(h)
        stem = self._stem(folded * 2 - 1, last)
        h = self._features.take(stem.shape[2]) + stem
        for block in self._blocks:
            h = block(h, last)
        h = F.pixel_shuffle(_convolve(self._head.unfold, h), 2)
        pair = self._pair.take(h.shape[2])
        self._colour.put(pair)
        h = self._out(F.silu(self._fine(torch.cat([h, pair * 2 - 1], dim=1), last)), last)
        pair = self._colour.take(h.shape[2])
        return recolour((pair[:, 4:] + h.float()).clamp(0, 1), pair[:, :3])


class _Block:
    """``ResBlock``."""

    def __init__(self, block: ResBlock, emb: torch.Tensor | None = None) -> None:
        self._block = block
        self._conv1, self._conv2 = _Conv(block.conv1), _Conv(block.conv2)
        self._input = _Queue()
        self._time = None if block.time is None else block.time(emb)[:, :, None, None].chunk(2, dim=1)

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        self._input.put(x)
        h = self._conv1(F.silu(self._block.norm1(x)), last)
        h = self._block.norm2(h)
        if self._time is not None:
            scale, shift = self._time
            h = torch.addcmul(h + shift, h, scale)
        h = self._conv2(F.silu(h), last)
        return self._input.take(h.shape[2]) + h


class _Conv:
    """A 3×3 convolution with zeros around the picture: one row behind, two rows kept."""

    def __init__(self, conv: nn.Conv2d) -> None:
        self._conv = conv
        self._kept: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        if self._kept is None and not x.shape[2]:
            return _convolve(self._conv, x)
        border = torch.zeros_like((x if self._kept is None else self._kept)[:, :, :1])
        x = _stack([border if self._kept is None else self._kept, x, *([border] if last else [])])
        # a copy: a view would keep all rows of the band in memory
        self._kept = x[:, :, -2:].clone()
        return _convolve(self._conv, x, (0, 1))


class _Enlarge:
    """Bilinear interpolation to twice the size: one row behind, two rows kept."""

    def __init__(self) -> None:
        self._kept: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        if self._kept is None and not x.shape[2]:
            return _double(x, "bilinear")
        is_top = self._kept is None or self._kept.shape[2] < 2
        x = x if self._kept is None else _stack([self._kept, x])
        doubled = _double(x, "bilinear")
        self._kept = x[:, :, -2:].clone()
        # A row next to the edge of these rows lacks a neighbour, unless it is at the edge of the picture.
        return doubled[:, :, 0 if is_top else 2 : None if last else max(0, doubled.shape[2] - 2)]


class _Queue:
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
        return _stack(taken) if taken else self._empty


def _in_portions(
    step: Callable[[torch.Tensor, bool], torch.Tensor], h: torch.Tensor, rows: int, last: bool
) -> torch.Tensor:
    """``step`` on so many rows at a time: at the end of the picture, all rows that waited come at once."""
    portions = h.split(rows, dim=2)
    return _stack([step(portion, last and number == len(portions)) for number, portion in enumerate(portions, 1)])


@contextmanager
def counted(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Adds what the block takes to ``seconds`` under the name ``part``."""
    start = time.perf_counter()
    yield
    seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - start


def _stack(parts: list[torch.Tensor]) -> torch.Tensor:
    """Rows below each other. Parts without rows have no say in the memory order, on which rounding depends."""
    filled = [part for part in parts if part.shape[2]] or parts[:1]
    return filled[0] if len(filled) == 1 else torch.cat(filled, dim=2)


def _convolve(conv: nn.Conv2d, x: torch.Tensor, padding: tuple[int, int] = (0, 0)) -> torch.Tensor:
    """The convolution of the rows that are there, or no rows if they are too few."""
    if x.shape[2] < conv.kernel_size[0]:
        return x.new_empty(len(x), conv.out_channels, 0, x.shape[3] // conv.stride[1])
    return F.conv2d(x, conv.weight, conv.bias, conv.stride, padding)


def _double(x: torch.Tensor, mode: str) -> torch.Tensor:
    """Twice as many rows and columns."""
    if not x.shape[2]:
        return x.new_empty(*x.shape[:3], 2 * x.shape[3])
    return F.interpolate(x, scale_factor=2.0, mode=mode, align_corners=False if mode == "bilinear" else None)
