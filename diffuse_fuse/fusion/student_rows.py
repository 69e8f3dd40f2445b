"""A student fed row by row: the picture of the whole network, in memory that does not grow with height.

As in ``rows`` every layer keeps the few rows that its next ones need, so no row is computed twice. Everything but the
network is done value by value, so pixels are put into the order of the network's cells while they still are bytes,
and back into rows when they are bytes again.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from diffuse_fuse.fusion.colour import LUMA
from diffuse_fuse.fusion.levels import most, rounded
from diffuse_fuse.fusion.streams import Conv, Enlarge, Queue, convolve, counted
from diffuse_fuse.fusion.student import CELL, FINE, StudentModel, to_fine
from diffuse_fuse.fusion.student_colour import paint
from diffuse_fuse.images.arrays import as_infrared, as_visible

# Common pictures in one band; few enough that the tensors of a band stay in the caches.
_BAND_PIXELS = 1 << 19
_BAND_CELLS = 2
_COLOUR_PIXELS = 1 << 17  # coloured at a time, so that all the steps find them in the caches
_VALUES = 40  # float32 values a pixel of a band, and of the rows that wait, that are alive at once

_IR, _Y, _RED, _BLUE = range(4)


class StudentRows:
    """One picture's way through a ``StudentModel``; for the next picture, make another.

    ``depth``: bits a channel of the result, 8 or 16. What each part takes is added to ``seconds``, by name, where it
    is given.
    """

    def __init__(
        self, model: StudentModel, device: str = "cpu", depth: int = 8, seconds: dict[str, float] | None = None
    ) -> None:
        self._model, self._device, self._depth = model, device, depth
        self._seconds = {} if seconds is None else seconds
        self._levels = _Level(model, 0)
        self._sources = Queue()
        self._outputs = _Fine(model) if model.hyper.fine else _Outputs(model)
        self._octaves = _Octaves() if model.hyper.octaves else None

    def __call__(self, ir: np.ndarray, vis: np.ndarray, last: bool) -> np.ndarray:
        """The next rows of ``ir`` (rows, W) and ``vis`` (rows, W) or (rows, W, 3) -> fused rows (·, W, 3).

        uint8, or what ``as_infrared`` and ``as_visible`` take; uint8 or uint16 come back. Rows and W are multiples of
        ``model.multiple``.
        """
        sources = self._cells(ir, vis)
        self._sources.put(sources)
        with counted(self._seconds, "network"):
            means = sources[[_Y, _IR]].mean(dim=1)[None] / 255 if self._octaves else None
            seen = _network_input(sources, self._model.stem.weight.dtype)
            h, added = self._levels(self._model.stem(seen).relu_(), means, last)
            outputs = self._outputs(h, seen, last)
            sources = self._sources.take(outputs[0].shape[2])
            y = _luma(outputs, sources)
            if self._octaves:
                y, sources = self._octaves(y, sources, added, last)
            if not y.shape[2]:
                return np.empty((0, ir.shape[1], 3), np.uint8 if self._depth == 8 else np.uint16)
            y.clamp_(0, 255)
        with counted(self._seconds, "colour"):
            return self._painted(y, sources)

    def _cells(self, ir: np.ndarray, vis: np.ndarray) -> torch.Tensor:
        """Infrared, luma, R - G and B - G, in levels of 0 to 255, as cells: (4, 16, rows/4, W/4), channels last."""
        if ir.dtype != np.uint8:
            ir = as_infrared(ir) * np.float32(255)
        if vis.dtype != np.uint8:
            vis = as_visible(vis) * np.float32(255)
        planes = np.empty((4, *ir.shape), np.result_type(ir, vis))
        planes[0] = ir
        if vis.ndim == 3:
            cv2.split(vis.astype(planes.dtype, copy=False), list(planes[1:]))  # into planes of its own type only
        else:
            planes[1:] = vis
        ir, r, g, b = to_cells(torch.from_numpy(planes)).to(self._device).float()
        sources = torch.empty(4, *ir.shape, device=ir.device)
        sources[_IR] = ir
        red = torch.sub(r, g, out=sources[_RED])
        blue = torch.sub(b, g, out=sources[_BLUE])
        torch.add(g, red, alpha=LUMA[0], out=sources[_Y]).add_(blue, alpha=LUMA[2])
        return sources.permute(0, 3, 1, 2)

    def _painted(self, y: torch.Tensor, sources: torch.Tensor) -> np.ndarray:
        """The fused rows, of their luma and of what came in."""
        rows, columns = y.shape[2:]
        step = max(1, _COLOUR_PIXELS // (CELL**2 * columns))
        cells = torch.empty(3, rows, columns, CELL**2, dtype=torch.uint8 if self._depth == 8 else torch.int32)
        for top in range(0, rows, step):
            y_strip, strip = (x[:, :, top : top + step].permute(0, 2, 3, 1) for x in (y, sources))
            colours = paint(y_strip[0], *(strip[which] for which in (_Y, _RED, _BLUE)))
            if self._depth != 8:
                colours = [colour * (most(self._depth) / 255) for colour in colours]
            for channel, values in zip(cells, rounded(*colours, self._depth), strict=True):
                channel[top : top + step] = values
        planes = from_cells(cells if self._depth == 8 else cells.to(torch.uint16))
        return cv2.merge([plane.numpy() for plane in planes])


class _Level:
    """A level of the student with all that lies below it."""

    def __init__(self, model: StudentModel, level: int) -> None:
        self._blocks = [_Block(*block.children()) for block in model.blocks[level]]
        self._is_lowest = level + 1 == len(model.blocks)
        if not self._is_lowest:
            self._down, self._up, self._skip, self._enlarge = model.down[level], model.up[level], Queue(), Enlarge()
            self._below = _Level(model, level + 1)
        self._octave = None
        if level < model.hyper.octaves:
            self._octave = _Octave(model.octave_gains[level], has_more=level + 1 < model.hyper.octaves)

    def __call__(
        self, h: torch.Tensor, means: torch.Tensor | None, last: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Features of the encoder -> those of the decoder, and what the octaves from here on add to the ``means`` of
        this level's cells; None where there are no octaves."""
        coarser = self._octave.part(means, last) if self._octave else None
        if not self._is_lowest:
            self._skip.put(h)
            below, added = self._below(convolve(self._down, h).relu_(), coarser, last)
            up = self._enlarge(convolve(self._up, below), last)
            h = self._skip.take(up.shape[2]) + up
        for block in self._blocks:
            h = block(h, last)
        return h, self._octave.add(h, added, last) if self._octave else None


class _Outputs:
    """Offset and gains of each pixel, (1, 16, rows, W/4) each, from the features of its cell."""

    def __init__(self, model: StudentModel) -> None:
        self._layers = (model.offset, model.vis_gain, model.ir_gain)

    def __call__(self, h: torch.Tensor, seen: torch.Tensor, last: bool) -> list[torch.Tensor]:
        """Of all rows of ``h``."""
        return [layer(h) if h.shape[2] else convolve(layer, h) for layer in self._layers]


class _Fine:
    """What ``FineLevel`` does: the same, from what cells of 2×2 pixels add; a few rows later."""

    def __init__(self, model: StudentModel) -> None:
        self._level, self._seen, self._ready = model.fine, Queue(), Queue()
        self._blocks = [_Block(block.conv1, block.conv2) for block in model.fine.blocks]

    def __call__(self, h: torch.Tensor, seen: torch.Tensor, last: bool) -> list[torch.Tensor]:
        """Features and what the network sees of the cells -> the rows that are complete."""
        self._seen.put(seen)
        level = self._level
        fine = to_fine(convolve(level.spread, h) + convolve(level.sources, self._seen.take(h.shape[2])))
        for block in self._blocks:
            fine = block(fine, last)
        self._ready.put(fine)
        side = CELL // FINE
        fine = self._ready.take(self._ready.rows // side * side)
        return [convolve(layer, fine) for layer in level.outputs]


class _Octave:
    """What ``StudentModel._of_octaves`` does at one level: an octave of the means, times its gains."""

    def __init__(self, gain: nn.Conv2d, has_more: bool) -> None:
        self._gain, self._means, self._octave, self._enlarge = gain, Queue(), Queue(), Enlarge()
        self._enlarge_more, self._more = (Enlarge(), Queue()) if has_more else (None, None)

    def part(self, means: torch.Tensor, last: bool) -> torch.Tensor:
        """Keeps the octave of the ``means`` for ``add``; returns the means of the next coarser cells."""
        coarser = F.avg_pool2d(means, 2) if means.shape[2] else means[..., : means.shape[3] // 2]
        self._means.put(means)
        up = self._enlarge(coarser, last)
        self._octave.put(self._means.take(up.shape[2]) - up)
        return coarser

    def add(self, h: torch.Tensor, more: torch.Tensor | None, last: bool) -> torch.Tensor:
        """The octave times the gains that ``h`` gives it, and ``more`` from the coarser level: as many rows as h."""
        added = (convolve(self._gain, h).float() * self._octave.take(h.shape[2])).sum(dim=1, keepdim=True)
        if self._more is None:
            return added
        self._more.put(self._enlarge_more(more, last))
        return added + self._more.take(h.shape[2])


class _Octaves:
    """What the octaves add to a luma in cells, once it is known at its pixels: a few rows later."""

    def __init__(self) -> None:
        self._to_halves, self._to_pixels, self._added = Enlarge(), Enlarge(), Queue()
        self._luma, self._sources = Queue(), Queue()

    def __call__(
        self, y: torch.Tensor, sources: torch.Tensor, added: torch.Tensor, last: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Luma, in levels, and ``sources`` in cells, and what is ``added`` to the cells' means -> the luma with it, and
        its sources: the rows that are complete."""
        self._luma.put(y)
        self._sources.put(sources)
        self._added.put(self._to_pixels(self._to_halves(added, last), last))
        rows = min(self._luma.rows, self._added.rows // CELL)
        if not rows:
            return y[:, :, :0], sources[:, :, :0]
        cells = to_cells(self._added.take(rows * CELL)[0].contiguous()).permute(0, 3, 1, 2)
        return torch.add(self._luma.take(rows), cells, alpha=255), self._sources.take(rows)


class _Block:
    """Two 3×3 convolutions past which the input goes."""

    def __init__(self, conv1: nn.Conv2d, conv2: nn.Conv2d) -> None:
        self._conv1, self._conv2, self._input = Conv(conv1), Conv(conv2), Queue()

    def __call__(self, x: torch.Tensor, last: bool) -> torch.Tensor:
        self._input.put(x)
        h = self._conv2(self._conv1(x, last).relu_(), last)
        return h.add_(self._input.take(h.shape[2]))


def _luma(outputs: list[torch.Tensor], sources: torch.Tensor) -> torch.Tensor:
    """The fused luma in levels but for octaves, as ``StudentModel.fuse_luma`` computes it."""
    ir, y = sources[_IR][None], sources[_Y][None]
    offset, vis_gain, ir_gain = (output.float() for output in outputs)
    raw = torch.maximum(y, ir).add_(offset, alpha=255)
    raw.addcmul_(vis_gain, y - y.mean(dim=1, keepdim=True))
    return raw.addcmul_(ir_gain, ir - ir.mean(dim=1, keepdim=True))


def _network_input(sources: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Luma, infrared and the larger of the two, in [-1, 1]: (1, 48, rows/4, W/4), channels last."""
    y, ir = (sources[which].permute(1, 2, 0) / 255 for which in (_Y, _IR))
    # rounded twice, as in the module: the network has learned from such values, and finer ones shift its picture
    y, ir = (x.to(dtype).mul_(2).sub_(1) for x in (y, ir))
    return torch.cat([y, ir, torch.maximum(y, ir)], dim=-1).permute(2, 0, 1)[None]


# four neighbours of a row are moved as one value
_FOUR = {1: torch.int32, 2: torch.int64, 4: torch.complex128}


def to_cells(planes: torch.Tensor) -> torch.Tensor:
    """(N, H, W) of values of 1, 2 or 4 bytes -> cells of 4×4 pixels, (N, H/4, W/4, 16)."""
    n, h, w = planes.shape
    fours = planes.view(_FOUR[planes.element_size()]).view(n, h // CELL, CELL, w // CELL)
    return fours.permute(0, 1, 3, 2).contiguous().view(planes.dtype)


def from_cells(cells: torch.Tensor) -> torch.Tensor:
    """(N, H/4, W/4, 16) -> (N, H, W): back from ``to_cells``."""
    n, h, w, _ = cells.shape
    fours = cells.view(_FOUR[cells.element_size()]).permute(0, 1, 3, 2).contiguous()
    return fours.view(cells.dtype).view(n, h * CELL, w * CELL)


def usual_rows(model: StudentModel, width: int) -> int:
    """How many rows a band has where memory is no matter."""
    multiple = model.multiple
    return max(_BAND_CELLS * multiple, _BAND_PIXELS // width // multiple * multiple)


def working_memory(model: StudentModel, width: int, rows: int) -> int:
    """About how many bytes a band of so many rows needs besides weights and pictures."""
    return 4 * _VALUES * width * (rows + model.hyper.reach)
