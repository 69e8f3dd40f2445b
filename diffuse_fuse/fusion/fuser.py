"""``Fuser``: what users call. A pair in, a colour picture out, the same bytes every time."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Sequence
from functools import cached_property

import torch

from diffuse_fuse import models
from diffuse_fuse.arguments import whole
from diffuse_fuse.arrays import Array
from diffuse_fuse.checkpoint import load_weights
from diffuse_fuse.errors import PairError
from diffuse_fuse.fusion.model import AnyModel, model_of
from diffuse_fuse.fusion.precision import Precision, choose_precision
from diffuse_fuse.fusion.relight import AUTO, Balance, SceneLight, as_whole, checked_balance, relight
from diffuse_fuse.fusion.spans import OnRows
from diffuse_fuse.fusion.tiles import GPU_PIXELS, band_rows, fuse_in_bands, fuse_together, working_memory
from diffuse_fuse.images.enlarging import METHODS, Enlarger
from diffuse_fuse.images.given import Given, given_pair, require_depth
from diffuse_fuse.images.seam import over_holes
from diffuse_fuse.machine import available_cores, available_memory
from diffuse_fuse.networks.device import choose_device, free_memory, placed
from diffuse_fuse.networks.transfer import own_stream

# bytes: just below the 32 MiB up to which glibc learns what a large block is
_LARGE_BLOCK = 31 << 20
_MOST_TOGETHER = 16  # pairs; more of them have pixels enough for a GPU only where they are very small
_NO_MATTER = 150_000_000  # bytes: for less, it takes longer to ask how much memory there is than it is worth


class Fuser:
    """A fusion model, loaded once, for any number of pairs.

    ``model`` is the name of shipped weights ("default") or the path of a weights file; ``device`` is "auto"
    (a GPU where there is one), "cpu", "cuda" or "mps"; ``threads`` sets the CPU threads of PyTorch for the
    whole process, which otherwise are no more than the cores that it may use; ``balance`` is how much of the infrared
    picture's light the result has, from 0 (the scene as the eye saw it, hot targets added) to 1 (all of it), or "auto"
    by the light of each scene, see ``fusion.relight``; ``enlarge`` is how a small infrared picture gets a large
    visible one's size: "auto", "cubic", "guided" or "prior", see ``images.enlarging``. Raises WeightsError for weights
    that cannot be used, UsageError for a device that is not there or another balance or way of enlarging.
    ``weights_sha256``: of the bytes that were loaded. ``sharers``: threads that fuse with it at once, which share a
    GPU's memory.
    """

    sharers = 1

    def __init__(
        self,
        model: str | os.PathLike[str] = "default",
        device: str = "auto",
        threads: int | None = None,
        balance: Balance = AUTO,
        enlarge: str = "auto",
    ) -> None:
        self.balance, self._enlarge = checked_balance(balance), _enlarging(enlarge)
        if threads is not None:
            torch.set_num_threads(whole(threads, "The number of threads", least=1))
        elif torch.get_num_threads() > available_cores():
            # PyTorch counts the machine's cores; more threads than a container may use wait for each other
            torch.set_num_threads(available_cores())
        path = models.locate(model)
        self.model_name: str = models.name_of(path)
        self.device: str = choose_device(device)
        weights = load_weights(path, models.FUSES)
        self.weights_sha256: str = weights.sha256
        loaded = model_of(weights, path)
        self.precision: Precision = choose_precision(loaded, self.device)
        self.model: AnyModel = placed(loaded, self.device, self.precision.dtype)
        _keep_freed_memory()

    def with_balance(self, balance: Balance) -> Fuser:
        """The same fuser with another balance; the weights are shared. Raises UsageError."""
        other = copy.copy(self)
        other.balance = checked_balance(balance)
        return other

    def fuse(
        self,
        ir: Given,
        vis: Given | None = None,
        on_rows: OnRows | None = None,
        depth: int = 8,
        light: SceneLight | None = None,
    ) -> Array:
        """Fuses one registered pair.

        ``ir`` H×W (or H×W×3, of which the luma is taken) and ``vis`` H×W×3 RGB or H×W, as arrays (uint8, uint16,
        or float in [0, 1]; NumPy's masked arrays mask infrared pixels without a measurement, where the visible picture
        shows) or as paths; at least 16×16. Paths are read as ``dfuse fuse`` reads them, and what is odd about them is
        warned of: of a radiometric JPEG the thermal data are the infrared picture and the photograph inside is the
        visible one; alone, or given twice, it is the pair. Returns H×W×3 RGB of the visible picture's size, uint8 or,
        for a ``depth`` of 16 bits, uint16. An infrared picture of another resolution but the same field of view is
        resized, with a warning. ``on_rows`` is called now and then with the rows that are done and the rows there are:
        a picture of any height needs the memory of a few bands of it, besides its own. ``light`` is that of the scene,
        from ``fusion.relight.scene_light``, where another than the pair's own decides, as in a video; then the balance
        is not asked.
        Raises UsageError for another depth, ImageError (or one of its kinds) for what is no picture, PairError for
        sizes that do not belong together.
        """
        require_depth(depth)
        ir_array, vis_array, holes, odd = given_pair(ir, vis, self._enlarge)
        for sentence in odd:
            warnings.warn(sentence, stacklevel=2)
        rows = self._rows(*vis_array.shape[:2])
        seen = relight(*as_whole(ir_array, vis_array), self.balance, light)
        with own_stream(self.device):
            fused = fuse_in_bands(self.model, *seen, self.device, rows, on_rows, depth=depth)
        return over_holes(fused, vis_array, holes)

    def fuse_many(self, pairs: Sequence[tuple[Given, Given]], depth: int = 8) -> list[Array]:
        """Fuses some pairs whose visible pictures have one size, which go through the network together: one batch.

        ``pairs`` of infrared and visible pictures and ``depth`` are as ``fuse`` takes them; each pair is re-lit and
        rounded by itself. Returns a picture for each. On a GPU that takes less time than one pair after the other;
        ``together`` says how many it has memory for. A network rounds a batch otherwise than a single pair: a
        few values differ by a level from those of ``fuse``. Raises what ``fuse`` raises, for the first pair that is
        wrong, and PairError for pairs of different sizes.
        """
        require_depth(depth)
        seen, own = [], []
        for ir, vis in pairs:
            ir_array, vis_array, holes, odd = given_pair(ir, vis, self._enlarge)
            for sentence in odd:
                warnings.warn(sentence, stacklevel=2)
            own.append((vis_array, holes))
            if vis_array.shape[:2] != own[0][0].shape[:2]:
                first, other = (f"{a.shape[1]}×{a.shape[0]}" for a in (own[0][0], vis_array))
                raise PairError(f"pairs that are fused together have one size, not {first} and {other}")
            seen.append(relight(*as_whole(ir_array, vis_array), self.balance))
        if not seen:
            return []
        height, width = own[0][0].shape[:2]
        rows = self._rows(height, width, len(seen))
        with own_stream(self.device):
            fused = fuse_together(self.model, seen, self.device, rows, depth=depth)
        return [over_holes(picture, vis, holes) for picture, (vis, holes) in zip(fused, own, strict=True)]

    def together(self, height: int, width: int) -> int:
        """How many pairs of this size ``fuse_many`` had best be given: several on a GPU of NVIDIA, by the pixels and
        the memory that was free at first; one elsewhere."""
        if self.device != "cuda":
            return 1
        most = max(1, min(_MOST_TOGETHER, GPU_PIXELS // (height * width)))
        while most > 1 and working_memory(self.model, most * width, height) > self._room:
            most -= 1
        return most

    def memory(self, height: int, width: int) -> int | None:
        """About how many bytes a pair of this size takes on the CPU besides the pictures; None where the network is
        on a GPU."""
        return (
            working_memory(self.model, width, min(height, band_rows(self.model, width)))
            if self.device == "cpu"
            else None
        )

    @cached_property
    def _room(self) -> int:
        """Bytes of the device for one thread's pictures."""
        return (free_memory(self.device) or 0) // self.sharers

    def _rows(self, height: int, width: int, count: int = 1) -> int:
        """Rows of a band of so many pictures. Raises ImageError where there is too little memory."""
        rows = band_rows(self.model, width, None, self.device, count)
        if working_memory(self.model, width * count, min(rows, height)) <= _NO_MATTER:
            return rows
        on_device = self.device != "cpu"
        free = free_memory(self.device) if on_device else available_memory()
        if free is not None and on_device:
            free //= self.sharers
        return band_rows(self.model, width, free, self.device, count)


def fuse(
    ir: Given, vis: Given | None = None, model: str | os.PathLike[str] = "default", balance: Balance = AUTO
) -> Array:
    """Fuses one pair with the weights ``model``; see ``Fuser`` for several. Returns uint8 H×W×3 RGB."""
    return Fuser(model, balance=balance).fuse(ir, vis)


def _keep_freed_memory() -> None:
    """Lets the process keep what a picture has used for the next one.

    glibc hands larger blocks back to the system when they are freed, and the pages of the next one are made anew:
    up to a quarter of a student's time, more or less by which sizes came first. It keeps blocks as large as the
    largest that it has seen freed, up to 32 MiB; one that is never written to costs nothing.
    """
    torch.empty(_LARGE_BLOCK, dtype=torch.uint8)


def _enlarging(name: str) -> str | Enlarger:
    """What ``given_pair`` takes for a way of enlarging. Raises UsageError for an unknown one."""
    if isinstance(name, str) and name in METHODS:
        return name
    from diffuse_fuse.diffusion.enlarge import enlarger  # which brings SciPy's transforms: a tenth of a second

    return enlarger(name)
