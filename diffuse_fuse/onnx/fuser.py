"""``OnnxFuser``: as ``fusion.fuser.Fuser``, by onnxruntime and without PyTorch."""

from __future__ import annotations

import itertools
import math
import os
import warnings
from collections.abc import Iterator

import cv2
import numpy as np

from diffuse_fuse.arguments import path_of, whole
from diffuse_fuse.errors import ImageError
from diffuse_fuse.extras import need
from diffuse_fuse.fusion.levels import of_rgb
from diffuse_fuse.fusion.relight import AUTO, Balance, SceneLight, as_whole, checked_balance, relight
from diffuse_fuse.fusion.spans import OnRows, Span, spans
from diffuse_fuse.images.arrays import as_infrared, as_visible
from diffuse_fuse.images.given import Given, given_pair, require_depth
from diffuse_fuse.images.seam import over_holes
from diffuse_fuse.onnx.graphs import OnExport, locate
from diffuse_fuse.onnx.session import Session

# A graph holds a picture as a whole, so a large one goes through it in tiles, which overlap by the graph's reach and
# come out as the whole would. So many pixels at once bound the memory.
_MOST_PIXELS = 1 << 21


class OnnxFuser:
    """A fusion model, loaded once, for any number of pairs; on the CPU.

    ``model`` is an .onnx file of dfuse export, or the name or path of weights, whose graph is exported once into the
    user's cache (``on_export`` is told before); ``threads``: as many CPU threads, otherwise as many as there are cores;
    ``balance`` as ``Fuser`` takes it. Raises WeightsError for a model that is not there or a file that dfuse did not
    export or that is damaged, UsageError where the extra is not installed or for another balance. ``weights_sha256``:
    of the bytes of the .onnx file, or else of the weights that the graph was made of.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "default",
        threads: int | None = None,
        on_export: OnExport | None = None,
        balance: Balance = AUTO,
    ) -> None:
        self.balance = checked_balance(balance)
        if threads is not None:
            threads = whole(threads, "The number of threads", least=1)
        need("onnxruntime", "onnx")
        self._session = Session(locate(model, on_export), threads)
        self.facts = self._session.facts
        is_graph = path_of(model, "The model").suffix.lower() == ".onnx"
        self.weights_sha256: str = self._session.sha256 if is_graph else self.facts.weights
        self.model_name: str = self.facts.model
        self.device = "cpu"
        self._overlap = self.facts.reach + -self.facts.reach % self.facts.multiple

    def fuse(
        self,
        ir: Given,
        vis: Given | None = None,
        on_rows: OnRows | None = None,
        depth: int = 8,
        light: SceneLight | None = None,
    ) -> np.ndarray:
        """Fuses one registered pair, as ``fusion.fuser.Fuser.fuse`` does, to 1 of 255.

        Takes and returns the same. Raises what that raises, ImageError for a picture that a graph of one size is not
        for, and WeightsError where the graph cannot be computed or gives no picture.
        """
        require_depth(depth)
        ir, vis, holes, odd = given_pair(ir, vis)
        for text in odd:
            warnings.warn(text, stacklevel=2)
        shown = vis
        ir, vis = relight(*as_whole(ir, vis), self.balance, light)
        height, width = ir.shape
        fused = np.empty((height, width, 3), np.uint8 if depth == 8 else np.uint16)
        for rows, columns in self._tiles(height, width):
            picture = self._run(*(columns.of(rows.of(x, 0), 1) for x in (ir, vis)))
            fused[rows.out, columns.out] = _levels(picture[:, rows.inside, columns.inside], depth)
            if on_rows and columns.out.stop == width:
                on_rows(rows.out.stop, height)
        return over_holes(fused, shown, holes)

    def _run(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """A tile: H×W and H×W×3 (or H×W) of any accepted kind → (3, H, W) in [0, 1]."""
        return self._session.run(np.ascontiguousarray(as_infrared(ir)[None, None]), _planes(vis)[None])

    def _tiles(self, height: int, width: int) -> Iterator[tuple[Span, Span]]:
        cell, size = self.facts.multiple, self.facts.size
        padded = (height + -height % cell, width + -width % cell)
        if size is not None:
            if padded != size:
                raise ImageError(
                    f"the pictures have {width}×{height} pixels, and the graph is for {size[1]}×{size[0]}: "
                    "dfuse export --dynamic makes one for any size"
                )
            parts = (1, 1)
        else:
            parts = _parts(padded, self._overlap)
        for rows in spans(height, parts[0], self._overlap, cell):
            for columns in spans(width, parts[1], self._overlap, cell):
                yield rows, columns


def _planes(vis: np.ndarray) -> np.ndarray:
    """As ``as_visible``, with the channels first: (3, H, W)."""
    if vis.dtype != np.uint8 or vis.ndim != 3:
        return np.ascontiguousarray(as_visible(vis).transpose(2, 0, 1))
    planes = np.empty((3, *vis.shape[:2]), np.float32)
    for plane, channel in zip(planes, cv2.split(vis), strict=True):  # which parts them many times faster than NumPy
        np.divide(channel, np.float32(255), out=plane, dtype=np.float32)
    return planes


def _levels(unit: np.ndarray, depth: int) -> np.ndarray:
    """(3, H, W) in [0, 1] → H×W×3 in whole levels of ``depth`` bits."""
    dtype = np.uint8 if depth == 8 else np.uint16
    red, green, blue = unit
    return cv2.merge([channel.astype(dtype) for channel in of_rgb(red, green, blue, depth)])


def _parts(size: tuple[int, int], overlap: int) -> tuple[int, int]:
    """Into how many parts each side is cut: those tiles that are small enough and together the least to compute."""
    down, across = (range(1, 2 + side // 256) for side in size)
    choices = [
        (parts, [side / n + 2 * overlap * min(1, n - 1) for n, side in zip(parts, size, strict=True)])
        for parts in itertools.product(down, across)
    ]
    fitting = [(parts, tile) for parts, tile in choices if tile[0] * tile[1] <= _MOST_PIXELS] or choices[-1:]
    return min(fitting, key=lambda choice: math.prod(choice[0]) * math.prod(choice[1]))[0]
