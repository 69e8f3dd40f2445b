"""A student fed row by row, from bytes to bytes: its network by ``networks.run.Rows``, then colour.

Everything but the network is done value by value, so pixels are put into the order of the network's cells while they
still are bytes, and back into rows when they are bytes again.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from diffuse_fuse.arrays import Array
from diffuse_fuse.fusion.levels import most, rounded
from diffuse_fuse.fusion.student_colour import paint
from diffuse_fuse.images.arrays import as_infrared, as_visible
from diffuse_fuse.luma import LUMA
from diffuse_fuse.networks.run import Rows, counted
from diffuse_fuse.networks.student import CELL, StudentModel
from diffuse_fuse.networks.transfer import staging, to_device, to_host

# Common pictures in one band; few enough that the tensors of a band stay in the caches.
_BAND_PIXELS = 1 << 19
_BAND_CELLS = 2
_COLOUR_PIXELS = 1 << 17  # coloured at a time, so that all the steps find them in the caches
_VALUES = 40  # float32 values a pixel of a band, and of the rows that wait, that are alive at once

_IR, _Y, _RED, _BLUE = range(4)


class StudentRows:
    """One picture's way through a ``StudentModel``, or that of several of one size; for the next, make another.

    ``depth``: bits a channel of the result, 8 or 16. What each part takes is added to ``seconds``, by name, where it
    is given.
    """

    def __init__(
        self, model: StudentModel, device: str = "cpu", depth: int = 8, seconds: dict[str, float] | None = None
    ) -> None:
        self._model, self._device, self._depth = model, device, depth
        self._seconds = {} if seconds is None else seconds
        self._run = Rows()

    def __call__(self, ir: Array, vis: Array, last: bool) -> Array:
        """The next rows of ``ir`` (rows, W) and ``vis`` (rows, W) or (rows, W, 3) -> fused rows (·, W, 3).

        uint8, or what ``as_infrared`` and ``as_visible`` take; uint8 or uint16 come back. Rows and W are multiples of
        ``model.multiple``.
        """
        return self.together([ir], [vis], last)[0]

    def together(self, irs: Sequence[Array], viss: Sequence[Array], last: bool) -> list[Array]:
        """As a call, of several pictures: the same rows of each."""
        sources, count = self._cells(irs, viss), len(irs)
        with counted(self._seconds, "network"):
            run = self._run.band(len(irs[0]), last)
            ir, luma = (sources[which * count : (which + 1) * count] / 255 for which in (_IR, _Y))
            y = self._model.fuse_cells(ir, luma, run)
            y, sources = run.align(y, sources)
            if not y.shape[2]:
                shape = (0, irs[0].shape[1], 3)
                return [np.empty(shape, np.uint8 if self._depth == 8 else np.uint16) for _ in irs]
            y = y.mul_(255).clamp_(0, 255)
        with counted(self._seconds, "colour"):
            return self._painted(y, sources.reshape(4, count, *sources.shape[1:]))

    def _cells(self, irs: Sequence[Array], viss: Sequence[Array]) -> torch.Tensor:
        """Infrared, luma, R - G and B - G of N pictures, in levels of 0 to 255, as cells: (4 N, 16, rows/4, W/4),
        channels last."""
        irs = [ir if ir.dtype == np.uint8 else as_infrared(ir) * np.float32(255) for ir in irs]
        viss = [vis if vis.dtype == np.uint8 else as_visible(vis) * np.float32(255) for vis in viss]
        whole = all(array.dtype == np.uint8 for array in (*irs, *viss))
        host = staging((4, len(irs), *irs[0].shape), torch.uint8 if whole else torch.float32, self._device)
        planes: Array = host.numpy()
        for number, (ir, vis) in enumerate(zip(irs, viss, strict=True)):
            planes[0, number] = ir
            if vis.ndim == 3:  # into planes of its own type only
                cv2.split(vis.astype(planes.dtype, copy=False), list(planes[1:, number]))
            else:
                planes[1:, number] = vis
        host = host.flatten(0, 1)
        if self._device == "cuda":  # which moves pixels faster than it would wait for them
            host = to_device(host, self._device)
        given = to_cells(host).to(self._device).float()
        cells, r, g, b = given.view(4, len(irs), *given.shape[1:])
        sources = torch.empty(4, *cells.shape, device=cells.device)
        sources[_IR] = cells
        red = torch.sub(r, g, out=sources[_RED])
        blue = torch.sub(b, g, out=sources[_BLUE])
        torch.add(g, red, alpha=LUMA[0], out=sources[_Y]).add_(blue, alpha=LUMA[2])
        return sources.flatten(0, 1).permute(0, 3, 1, 2)

    def _painted(self, y: torch.Tensor, sources: torch.Tensor) -> list[Array]:
        """The fused rows of N pictures, of their luma (N, 16, ·, ·) and of what came in (4, N, 16, ·, ·)."""
        y, sources = y.permute(0, 2, 3, 1), sources.permute(0, 1, 3, 4, 2)
        count, rows, columns, _ = y.shape
        step = max(1, _COLOUR_PIXELS // (CELL**2 * columns * count)) if self._device == "cpu" else rows
        dtype = torch.uint8 if self._depth == 8 else torch.int32
        cells = torch.empty(3, count, rows, columns, CELL**2, dtype=dtype, device=y.device)
        for top in range(0, rows, step):
            part = slice(top, top + step)
            green, red, blue = paint(y[:, part], *(sources[which, :, part] for which in (_Y, _RED, _BLUE)))
            if self._depth != 8:
                green, red, blue = (colour * (most(self._depth) / 255) for colour in (green, red, blue))
            for channel, values in zip(cells, rounded(green, red, blue, self._depth), strict=True):
                channel[:, part] = values
        cells = to_host(cells).flatten(0, 1)
        planes: Array = from_cells(cells if self._depth == 8 else cells.to(torch.uint16)).numpy()
        return [cv2.merge(list(planes[number::count])) for number in range(count)]


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
