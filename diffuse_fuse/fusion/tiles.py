"""Pictures of any size in bounded memory: the tiles are bands of rows, over the whole width or a strip of columns.

The bands go through ``rows.ModelRows`` or ``student_rows.StudentRows`` one after the other. These remember what the
next band needs, so the result does not depend on where the picture is cut. Strips see enough of each other for that.

A student's wide picture is cut into strips, which are made side by side: cores with a strip each never wait for each
other. Its layers are so small that a core waits for the others, at the end of each, a tenth of the time.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np
import torch

from diffuse_fuse.arrays import Array
from diffuse_fuse.errors import ImageError
from diffuse_fuse.fusion import student_rows
from diffuse_fuse.fusion.levels import of_rgb
from diffuse_fuse.fusion.model import AnyModel, FusionModel
from diffuse_fuse.fusion.quiet import REACH
from diffuse_fuse.fusion.relight import as_whole
from diffuse_fuse.fusion.rows import ModelRows, portion_rows
from diffuse_fuse.fusion.spans import OnRows, Span, reflected, spans
from diffuse_fuse.images.arrays import as_infrared, as_visible
from diffuse_fuse.networks.run import in_portions
from diffuse_fuse.networks.student import StudentModel
from diffuse_fuse.networks.transfer import staging, to_device, to_host

# Enough rows that the overhead of a call does not count, few enough that a band's tensors stay near the caches.
_BAND_PIXELS = 1 << 16
_BAND_CELLS = 2
GPU_PIXELS = 1 << 22  # a GPU has no use for caches: four megapixels, of one picture or several, are one band
_MOST_MORE = 1 / 15  # of the picture's columns: what strips compute twice, as they see ``reach`` of their neighbours


def fuse_in_bands(
    model: AnyModel,
    ir: Array,
    vis: Array,
    device: str = "cpu",
    rows: int | None = None,
    on_rows: OnRows | None = None,
    seconds: dict[str, float] | None = None,
    depth: int = 8,
) -> Array:
    """The fused picture, H×W×3, uint8 or for a ``depth`` of 16 uint16, of ``ir`` and ``vis`` of one size.

    These are as ``Fuser.fuse`` takes them.

    ``rows``: height of a band, a multiple of ``model.multiple``; chosen by ``band_rows`` unless given. ``on_rows`` is
    called after each band with the rows that are done and the rows there are; to ``seconds`` is added what each part
    of the network takes, on average of the strips that run at once. Raises ImageError for arrays that are no pictures.
    """
    return fuse_together(model, [(ir, vis)], device, rows, on_rows, seconds, depth)[0]


def fuse_together(
    model: AnyModel,
    pairs: Sequence[tuple[Array, Array]],
    device: str = "cpu",
    rows: int | None = None,
    on_rows: OnRows | None = None,
    seconds: dict[str, float] | None = None,
    depth: int = 8,
) -> list[Array]:
    """As ``fuse_in_bands``, of some pairs of one size, which go through the network as one batch."""
    pairs = [as_whole(ir, vis) for ir, vis in pairs]  # before they are cut
    h, w = pairs[0][0].shape
    rows, done = rows or band_rows(model, w, device=device, count=len(pairs)), 0
    fused = [np.empty((h, w, 3), np.uint8 if depth == 8 else np.uint16) for _ in pairs]
    columns = strips(model, w, device)
    parts: list[dict[str, float]] = [{} for _ in columns]

    def bands(strip: Span, seconds: dict[str, float]) -> Iterator[int]:
        """Fills the strip of ``fused``; yields after each band how many pixels of each picture are new."""
        stream, top, fed = _stream(model, device, depth, seconds), 0, 0
        while top < h:
            start, fed = fed, min(fed + rows, h + -h % model.multiple)
            cut = [[strip.of(reflected(x, start, fed, axis=0), axis=1) for x in pair] for pair in pairs]
            with torch.inference_mode():
                made = stream.together([ir for ir, _ in cut], [vis for _, vis in cut], last=fed >= h)
            for whole, part in zip(fused, made, strict=True):
                whole[top : top + len(part), strip.out] = part[: h - top, strip.inside]
            new = min(len(made[0]), h - top)
            top += new
            yield new * (strip.out.stop - strip.out.start)

    for pixels in side_by_side([bands(*each) for each in zip(columns, parts, strict=True)]):
        done += pixels
        if on_rows:
            on_rows(done // w, h)
    if seconds is not None:
        for name in parts[0]:
            seconds[name] = seconds.get(name, 0.0) + sum(part[name] for part in parts) / at_once(len(parts))
    return fused


def _stream(
    model: AnyModel, device: str, depth: int, seconds: dict[str, float]
) -> student_rows.StudentRows | _BaseRows:
    """What takes pictures of one size through the ``model``, band by band."""
    if isinstance(model, StudentModel):
        return student_rows.StudentRows(model, device, depth, seconds)
    return _BaseRows(model, device, depth, seconds)


class _BaseRows:
    """``ModelRows`` from arrays to arrays, as ``StudentRows``."""

    def __init__(self, model: FusionModel, device: str, depth: int, seconds: dict[str, float] | None) -> None:
        self._stream, self._device, self._depth = ModelRows(model, seconds), device, depth

    def together(self, irs: Sequence[Array], viss: Sequence[Array], last: bool) -> list[Array]:
        both = to_device(_planes(irs, viss, self._device), self._device).contiguous(memory_format=torch.channels_last)
        part = self._stream(both[:, :1], both[:, 1:], last)
        if not part.shape[2]:
            shape = (0, irs[0].shape[1], 3)
            return [np.empty(shape, np.uint8 if self._depth == 8 else np.uint16) for _ in irs]
        levels: Array = to_host(in_portions(self._levels, part, portion_rows(part), last)).numpy()
        return [cv2.merge(list(planes)) for planes in levels]

    def _levels(self, part: torch.Tensor, last: bool) -> torch.Tensor:
        r, g, b = torch.split(part, 1, dim=1)
        whole = torch.cat(of_rgb(r, g, b, self._depth), dim=1)
        return whole.to(torch.uint8 if self._depth == 8 else torch.int32)


def _planes(irs: Sequence[Array], viss: Sequence[Array], device: str) -> torch.Tensor:
    """Infrared pictures H×W and visible ones H×W×3 as float32 -> (N, 4, H, W), the infrared first, for ``device``."""
    host = staging((len(irs), 4, *irs[0].shape), torch.float32, device)
    planes: Array = host.numpy()
    for own, ir, vis in zip(planes, irs, viss, strict=True):
        own[0] = as_infrared(ir)
        seen = as_visible(vis)
        for channel in range(3):
            # OpenCV takes every third value in a fifth of the time that PyTorch and NumPy take
            cv2.extractChannel(seen, channel, own[1 + channel])
    return host


def band_rows(model: AnyModel, width: int, available: int | None = None, device: str = "cpu", count: int = 1) -> int:
    """How many rows a band of ``count`` pictures has: few, and still fewer where less than its need is ``available``
    (in bytes on ``device``).

    Raises ImageError when not even the smallest band fits.
    """
    multiple = model.multiple
    if device != "cpu":
        rows = max(_BAND_CELLS * multiple, GPU_PIXELS // (width * count) // multiple * multiple)
    elif isinstance(model, StudentModel):  # of one picture, so that several are cut where each by itself would be
        rows = student_rows.usual_rows(model, max(s.stop - s.start for s in strips(model, width)))
    else:
        rows = max(_BAND_CELLS * multiple, _BAND_PIXELS // width // multiple * multiple)
    if available is None:
        return rows
    while rows > multiple and working_memory(model, width * count, rows) > available:
        rows = max(multiple, rows // 2 // multiple * multiple)
    needed = working_memory(model, width * count, rows)
    if needed > available:
        raise ImageError(
            f"there is not enough memory: a picture {width} pixels wide needs about {needed / 1e9:.1f} GB, "
            f"{available / 1e9:.1f} GB are free; close other programs or make the pictures smaller"
        )
    return rows


def working_memory(model: AnyModel, width: int, rows: int) -> int:
    """About how many bytes the network needs besides weights and pictures; it grows with width, not with height.

    Counted for a FusionModel: the tensors of a band at the finest level, the rows that wait for later ones, and the
    features of those rows at the end of the picture; twice, for what the allocator holds back (measured: 0.8 to 1.1).
    """
    if isinstance(model, StudentModel):
        return student_rows.working_memory(model, width, rows)
    config = model.unet.config
    cells = [config.unshuffle * (1 << level) for level in range(len(config.channels))]
    finest = config.channels[0] * len(model.features.steps) / cells[0] ** 2  # values a pixel
    waiting = sum(c / cell**2 for c, cell in zip(config.channels, cells, strict=True)) * len(model.features.steps) + 10
    values = rows * 12 * finest + reach(model) * (waiting + 3 * finest)
    return int(2 * 4 * width * values)


def reach(model: FusionModel) -> int:
    """How far, in pixels, a cell of ``model.multiple`` pixels sees beyond its border: the receptive field's overlap.

    A 3×3 convolution sees one more cell of its level, bilinear interpolation one of the coarser level, the rest
    nothing. The longest way is out of the head, down the decoder from some level on, and up the encoder; before that,
    what sees to noise looks around.
    """
    unet, head = model.unet.config, model.head.config
    cells = [unet.unshuffle * (1 << level) for level in range(len(unet.channels))]
    blocks = [2 * count * cell for count, cell in zip(unet.blocks, cells, strict=True)]
    to_middle = max(sum(cells[1 : level + 1]) + sum(blocks[level:]) for level in range(len(cells)))
    middle, stem = 2 * cells[-1], cells[0]
    head_cell = 2
    quiet = 0 if model.noise_limit is None else REACH
    return quiet + head_cell * (1 + 2 * head.blocks) + to_middle + middle + sum(blocks) + stem


def strips(model: AnyModel, width: int, device: str = "cpu") -> list[Span]:
    """The columns of a picture in 1, 2, 4, … strips: a power of two, which most numbers of cores share evenly.

    By the width alone and not by the cores, so that the picture does not depend on these. One strip for a FusionModel,
    whose layers are large and whose reach is long, and on a GPU.
    """
    parts, overlap = 1, 0
    if isinstance(model, StudentModel) and device == "cpu":
        overlap = model.hyper.reach + -model.hyper.reach % model.multiple
        while (2 * parts - 1) * 2 * overlap <= _MOST_MORE * width:
            parts *= 2
    return list(spans(width, parts, overlap, model.multiple))


def at_once(parts: int) -> int:
    """How many of so many works ``side_by_side`` does at once: as many as share PyTorch's threads evenly."""
    return math.gcd(parts, torch.get_num_threads())


def side_by_side(works: Sequence[Iterator[int]]) -> Iterator[int]:
    """What all the ``works`` yield, as it comes; ``at_once`` of them at a time, each by threads of its own.

    What one of them raises is raised; the others then end at their next step.
    """
    threads, workers = torch.get_num_threads(), at_once(len(works))
    if workers == 1:
        for work in works:
            yield from work
        return
    made: queue.SimpleQueue[int | Future[None]] = queue.SimpleQueue()
    ended = threading.Event()

    def run(work: Iterator[int]) -> None:
        for step in work:
            if ended.is_set():
                return
            made.put(step)

    pool = ThreadPoolExecutor(workers, "dfuse-strip", torch.set_num_threads, (threads // workers,))
    try:
        for work in works:
            pool.submit(run, work).add_done_callback(made.put)
        running = len(works)
        while running:
            step = made.get()
            if isinstance(step, Future):
                step.result()
                running -= 1
            else:
                yield step
    finally:
        ended.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # the workers' number has become that of every new thread
