"""The fusion model fed row by row, up to the picture: its networks by ``networks.run.Rows``, then noise and colour."""

from __future__ import annotations

import torch

from diffuse_fuse.diffusion.features import feature_input
from diffuse_fuse.fusion.model import FusionModel
from diffuse_fuse.fusion.quiet import CELL, REACH, quieted
from diffuse_fuse.networks.colour import luma, recolour
from diffuse_fuse.networks.run import Queue, Rows, counted, in_portions

PORTION_PIXELS = 1 << 16  # coloured at a time, so that all the steps find them in the caches
_QUIET_ROWS, _QUIET_COLUMNS = 5 * REACH, 1024  # in a portion at least, and in a strip of it


def portion_rows(x: torch.Tensor) -> int:
    """How many rows of (N, C, rows, W) make a portion: all of them on a GPU, which has no use for caches."""
    return max(1, PORTION_PIXELS // (len(x) * x.shape[3]) if x.device.type == "cpu" else x.shape[2])


class ModelRows:
    """One picture's way through a ``FusionModel``, or that of several of one size; for the next, make another.

    What each part takes is added to ``seconds``, by name, where it is given.
    """

    def __init__(self, model: FusionModel, seconds: dict[str, float] | None = None) -> None:
        self._seconds = {} if seconds is None else seconds
        self._model, self._head = model, Rows()
        self._passes = [Rows() for _ in model.features.steps]
        self._quiet = None if model.noise_limit is None else _QuietRows(model.noise_limit)
        self._row = 0

    def __call__(self, ir: torch.Tensor, vis: torch.Tensor, last: bool) -> torch.Tensor:
        """The next rows of ``ir`` (N, 1, rows, W) and ``vis`` (N, 3, rows, W) in [0, 1] -> fused rows (N, 3, ·, W).

        Rows and W are multiples of ``model.multiple``.
        """
        features, height = self._model.features, ir.shape[2]
        x_0 = torch.cat([vis, ir], dim=1) * 2 - 1
        levels = []
        with counted(self._seconds, "UNet"):
            for step, run in zip(features.steps, self._passes, strict=True):
                x_t = feature_input(x_0, step, self._model.schedule, features.noise, (self._row, 0))
                t = torch.full((1,), step, device=x_t.device)
                levels.append(self._model.unet.decode(x_t, t, run.band(height, last)))
        self._row += height
        seen = [torch.cat(level, dim=1) if len(level) > 1 else level[0] for level in zip(*levels, strict=True)]
        with counted(self._seconds, "head and colour"):
            fused = self._model.head.with_pair(seen, ir, vis, self._head.band(height, last))
            if self._quiet:
                fused = in_portions(self._quiet, fused, max(1, ir.shape[2]), last)
            return in_portions(_coloured, fused, portion_rows(fused), last)


def _coloured(fused: torch.Tensor, last: bool) -> torch.Tensor:
    """Visible picture, infrared and raw luma, (N, 5, rows, W) -> fused rows (N, 3, rows, W)."""
    return recolour(fused[:, 4:].clamp(0, 1), fused[:, :3])


class _QuietRows:
    """``quieted``, on portions of rows with as many around them as it looks at: these are computed twice. A portion is
    high for that, and taken in strips of columns so that it needs little memory."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._rows = Queue()
        self._seen = 0  # rows at the top of those that wait, which are done but seen by the next ones

    def __call__(self, fused: torch.Tensor, last: bool) -> torch.Tensor:
        """Visible picture, infrared and raw luma, (N, 5, rows, W) -> the same with the luma quieted, (N, 5, ·, W)."""
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
        """The quieted luma of some of the rows, (N, 1, ·, W)."""
        strips, width = [], fused.shape[3]
        for left in range(0, width, _QUIET_COLUMNS):
            start, stop = max(0, left - REACH), min(width, left + _QUIET_COLUMNS + REACH)
            vis, ir, raw = torch.split(fused[..., start:stop], [3, 1, 1], dim=1)
            quiet = quieted(raw, ir, luma(vis), self._limit)[:, :, rows]
            strips.append(quiet[..., left - start : left - start + _QUIET_COLUMNS])
        return torch.cat(strips, dim=3)
