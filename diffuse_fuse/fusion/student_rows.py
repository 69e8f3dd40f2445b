"""A student fed row by row: bands that overlap by what a pixel sees, with the picture of the whole network.

A student sees little of a picture at once and is cheap, so some rows are computed twice instead of each layer keeping
its own, as ``rows`` does.
"""

from __future__ import annotations

import torch

from diffuse_fuse.fusion.colour import luma
from diffuse_fuse.fusion.streams import counted
from diffuse_fuse.fusion.student import StudentModel
from diffuse_fuse.fusion.student_colour import tint, to_bytes

# Common pictures in one band: rows computed twice cost more than caches that are too small.
_BAND_PIXELS = 1 << 21
_COLOUR_ROWS = 64  # coloured at a time, so that all the steps find them in the caches
_VALUES = 60  # float32 values a pixel of a band that are alive at once; measured on 12 megapixels: 51


class StudentRows:
    """One picture's way through a ``StudentModel``: as ``rows.ModelRows``."""

    memory_format = torch.contiguous_format
    to_bytes = staticmethod(to_bytes)

    def __init__(self, model: StudentModel, seconds: dict[str, float] | None = None) -> None:
        self._model = model
        self._seconds = {} if seconds is None else seconds
        self._overlap = overlap(model)
        self._kept: tuple[torch.Tensor, torch.Tensor] | None = None
        self._above = 0  # rows that are kept but done already

    def __call__(self, ir: torch.Tensor, vis: torch.Tensor, last: bool) -> torch.Tensor:
        """The next rows of ``ir`` (1, 1, rows, W) and ``vis`` (1, 3, rows, W) in [0, 1] -> fused rows (1, 3, ·, W).

        Rows and W are multiples of ``model.multiple``.
        """
        if self._kept is not None:
            ir, vis = (torch.cat(both, dim=2) for both in zip(self._kept, (ir, vis), strict=True))
        complete = ir.shape[2] - (0 if last else self._overlap)
        if complete <= self._above:
            self._kept = ir, vis
            return vis[:, :, :0]
        with counted(self._seconds, "network"):
            y = luma(vis)
            raw = self._model.fuse_luma(ir, y)
        with counted(self._seconds, "colour"):
            done = slice(self._above, complete)
            sources = (x[:, :, done].split(_COLOUR_ROWS, dim=2) for x in (raw.clamp(0, 1), vis, y))
            fused = torch.cat([tint(*rows) for rows in zip(*sources, strict=True)], dim=2)
        if not last:
            start = max(0, complete - self._overlap)
            # copies: views would keep all rows of the band in memory
            self._kept = ir[:, :, start:].clone(), vis[:, :, start:].clone()
            self._above = complete - start
        return fused


def overlap(model: StudentModel) -> int:
    """Rows that a band needs on either side: the reach, in whole cells of the coarsest level."""
    return -(-model.hyper.reach // model.multiple) * model.multiple


def usual_rows(model: StudentModel, width: int) -> int:
    """How many rows a band has where memory is no matter: so many that no more than half of the work is done twice."""
    return max(2 * overlap(model), _BAND_PIXELS // width // model.multiple * model.multiple)


def working_memory(model: StudentModel, width: int, rows: int) -> int:
    """About how many bytes a band of so many rows needs besides weights and pictures."""
    return 4 * _VALUES * width * (rows + 2 * overlap(model))
