"""The fusion model fed row by row: what it computes for the whole picture, without ever holding the whole picture.

Overlapping tiles would have to overlap by the receptive field, 250 pixels and more on each side, and compute most of
it twice. Here every layer remembers the few rows that its next ones need instead: nothing is computed twice, time is
linear, and memory grows with the width of the picture only. The arithmetic of each layer is that of its module in
``diffusion.unet`` and ``fusion.head``; the streams they are made of are in ``streams``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from diffuse_fuse.diffusion.features import feature_input
from diffuse_fuse.diffusion.unet import ResBlock, UNet, time_embedding
from diffuse_fuse.fusion.colour import luma, recolour
from diffuse_fuse.fusion.head import FusionHead
from diffuse_fuse.fusion.model import FusionModel
from diffuse_fuse.fusion.quiet import CELL, REACH, quieted
from diffuse_fuse.fusion.streams import Conv, Enlarge, Queue, convolve, counted, double, in_portions

PORTION_PIXELS = 1 << 16  # coloured at a time, so that all the steps find them in the caches
_QUIET_ROWS, _QUIET_COLUMNS = 5 * REACH, 1024  # in a portion at least, and in a strip of it


class ModelRows:
    """One picture's way through a ``FusionModel``; for the next picture, make another.

    What each part takes is added to ``seconds``, by name, where it is given.
    """

    def __init__(self, model: FusionModel, seconds: dict[str, float] | None = None) -> None:
        self._seconds = {} if seconds is None else seconds
        self._schedule, self._features = model.schedule, model.features
        self._passes = [_UNetRows(model.unet, step) for step in model.features.steps]
        self._head = _HeadRows(model.head, len(model.unet.config.channels))
        self._quiet = None if model.noise_limit is None else _QuietRows(model.noise_limit)
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
            fused = self._head(features, ir, vis, last)
            if self._quiet:
                fused = in_portions(self._quiet, fused, max(1, ir.shape[2]), last)
            return in_portions(_coloured, fused, max(1, PORTION_PIXELS // fused.shape[3]), last)


def _coloured(fused: torch.Tensor, last: bool) -> torch.Tensor:
    """Visible picture, infrared and raw luma, (1, 5, rows, W) -> fused rows (1, 3, rows, W)."""
    return recolour(fused[:, 4:].clamp(0, 1), fused[:, :3])


class _UNetRows:
    """``UNet.decode`` at one time step."""

    def __init__(self, unet: UNet, step: int) -> None:
        t = torch.full((1,), step, device=unet.stem.weight.device)
        emb = unet.time(time_embedding(t, unet.config.channels[0] * 2))
        self._unshuffle = unet.config.unshuffle
        self._stem = Conv(unet.stem)
        self._top = _Level(unet, 0, emb)

    def __call__(self, x_t: torch.Tensor, last: bool) -> list[torch.Tensor]:
        return self._top(self._stem(F.pixel_unshuffle(x_t, self._unshuffle), last), last)


class _Level:
    """A level of the UNet with all that lies below it: encoder input -> decoder features, finest first."""

    def __init__(self, unet: UNet, level: int, emb: torch.Tensor) -> None:
        self._encoder = [_Block(block, emb) for block in unet.encoder[level]]
        self._decoder = [_Block(block, emb) for block in unet.decoder[level]]
        self._skip = Queue()
        self._is_lowest = level + 1 == len(unet.encoder)
        if self._is_lowest:
            self._middle = _Block(unet.middle, emb)
        else:
            self._down, self._up, self._unpaired = unet.down[level], unet.up[level], Queue()
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
            deeper = self._below(convolve(self._down, pairs), last)
            h = double(convolve(self._up, deeper[0]), "nearest")
        return [in_portions(self._decode, h, band, last), *deeper]

    def _decode(self, h: torch.Tensor, last: bool) -> torch.Tensor:
        h = h + self._skip.take(h.shape[2])
        for block in self._decoder:
            h = block(h, last)
        return h


class _HeadRows:
    """``FusionHead``."""

    def __init__(self, head: FusionHead, levels: int) -> None:
        self._head = head
        self._enlarge = [Enlarge() for _ in range(levels - 1)]
        self._laterals = [(Queue(), Queue()) for _ in range(levels - 1)]
        self._stem, self._fine, self._out = Conv(head.stem), Conv(head.fine), Conv(head.out)
        self._blocks = [_Block(block) for block in head.blocks]
        # the pair waits for the features, these for its stem, and the pair again for what comes of both
        self._folded, self._features, self._pair, self._waiting = Queue(), Queue(), Queue(), Queue()

    def __call__(self, features: list[torch.Tensor], ir: torch.Tensor, vis: torch.Tensor, last: bool) -> torch.Tensor:
        base = torch.maximum(luma(vis), ir)
        self._folded.put(F.pixel_unshuffle(torch.cat([vis, ir, base], dim=1), 2))
        h = convolve(self._head.lateral[-1], features[-1])
        for level in reversed(range(len(features) - 1)):
            lateral, coarse = self._laterals[level]
            lateral.put(convolve(self._head.lateral[level], features[level]))
            coarse.put(self._enlarge[level](h, last))
            ready = min(lateral.rows, coarse.rows)
            h = lateral.take(ready) + coarse.take(ready)
        return in_portions(self._refine, h, max(1, ir.shape[2] // 2), last)

    def _refine(self, h: torch.Tensor, last: bool) -> torch.Tensor:
        folded = self._folded.take(h.shape[2])
        self._pair.put(F.pixel_shuffle(folded, 2))
        self._features.put(h)
        stem = self._stem(folded * 2 - 1, last)
        h = self._features.take(stem.shape[2]) + stem
        for block in self._blocks:
            h = block(h, last)
        h = F.pixel_shuffle(convolve(self._head.unfold, h), 2)
        pair = self._pair.take(h.shape[2])
        self._waiting.put(pair)
        h = self._out(F.silu(self._fine(torch.cat([h, pair * 2 - 1], dim=1), last)), last)
        pair = self._waiting.take(h.shape[2])
        return torch.cat([pair[:, :4], pair[:, 4:] + h.float()], dim=1)


class _QuietRows:
    """``quieted``, on portions of rows with as many around them as it looks at: these are computed twice. A portion is
    high for that, and taken in strips of columns so that it needs little memory."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._rows = Queue()
        self._seen = 0  # rows at the top of those that wait, which are done but seen by the next ones

    def __call__(self, fused: torch.Tensor, last: bool) -> torch.Tensor:
        """Visible picture, infrared and raw luma, (1, 5, rows, W) -> the same with the luma quieted, (1, 5, ·, W)."""
        self._rows.put(fused)
        ready = self._rows.rows if last else max(0, self._rows.rows - REACH) // CELL * CELL
        if not last and ready - self._seen < _QUIET_ROWS:
            return fused[:, :, :0]
        fused = self._rows.take(self._rows.rows)
        raw = self._in_strips(fused, slice(self._seen, ready))
        top = max(0, ready - REACH)
        self._rows.put(fused[:, :, top:].clone())  # as it came: what is around the next ones
        done, self._seen = fused[:, :, self._seen : ready], ready - top
        return torch.cat([done[:, :4], raw], dim=1)

    def _in_strips(self, fused: torch.Tensor, rows: slice) -> torch.Tensor:
        """The quieted luma of some of the rows, (1, 1, ·, W)."""
        strips, width = [], fused.shape[3]
        for left in range(0, width, _QUIET_COLUMNS):
            start, stop = max(0, left - REACH), min(width, left + _QUIET_COLUMNS + REACH)
            vis, ir, raw = fused[..., start:stop].split((3, 1, 1), dim=1)
            quiet = quieted(raw, ir, luma(vis), self._limit)[:, :, rows]
            strips.append(quiet[..., left - start : left - start + _QUIET_COLUMNS])
        return torch.cat(strips, dim=3)


class _Block:
    """``ResBlock``."""

    def __init__(self, block: ResBlock, emb: torch.Tensor | None = None) -> None:
        self._block = block
        self._conv1, self._conv2 = Conv(block.conv1), Conv(block.conv2)
        self._input = Queue()
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
