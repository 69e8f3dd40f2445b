"""Which network fuses the pairs of a run: chosen by name, or the best that is fast enough; loaded when it is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffuse_fuse import backends, models
from diffuse_fuse.batch.job import FusesArrays, Job
from diffuse_fuse.errors import ImageReadError, UsageError
from diffuse_fuse.files import sha256
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.header import read_header

if TYPE_CHECKING:
    from diffuse_fuse.batch.tuning import Split
    from diffuse_fuse.fusion.auto import Pick
    from diffuse_fuse.fusion.spans import OnRows
    from diffuse_fuse.images.options import ThermalRange

# Students have several pictures at once, a core each. Larger networks, by the bytes of their weights, and larger
# pictures, by their pixels, have all cores for one after the other: each needs memory of its own.
_LIGHT, _SMALL = 8 << 20, 2_000_000
_LOOKED_AT = 16  # pictures of a folder, before the first is fused


class Listener:
    """What is told while a run is prepared and under way; here, nothing comes of it. It travels to other machines."""

    def picked(self, pick: Pick, size: tuple[int, int]) -> None:
        """The model for a deadline, and the width and height of the pictures that it was picked for."""

    def exports(self, name: str, graph: Path) -> None:
        """Before a model's graph is made, which takes half a minute."""

    def loaded(self, device: str, precision: str) -> None:
        """The network runs elsewhere than on the CPU."""

    def ranged(self, found: ThermalRange | None, unit: str | None) -> None:
        """The one thermal range of a series; None where the pictures share a scale already."""

    def split(self, split: Split, tried: int) -> None:
        """How the cores are shared, the fastest of so many ways that were tried."""

    def worker_died(self) -> None:
        """A worker of the cluster; its pairs are done again."""


SILENT = Listener()


@dataclass(frozen=True)
class Chosen:
    """A network that has been chosen, not loaded.

    name: of the weights; weights: SHA-256 of their file. more: what of the choice changes the pixels besides, as JSON
    values: it is noted in the pictures, so that a later run with another choice makes them again.
    """

    name: str
    weights: str
    fuser: Lazy
    more: Mapping[str, Any] = field(default_factory=dict)


class Lazy:
    """A fuser that is made when the first pair needs it: where all is up to date, nobody waits for PyTorch.

    at_once: pictures, or batches of them, that it may be given at the same time. batch: pairs of one size at most that
    go through the network together; None: as many as the fuser says. on_rows: told how far it is with a picture, if
    there is one at a time.
    """

    def __init__(self, make: Callable[[], FusesArrays], at_once: int = 1, batch: int | None = None) -> None:
        self._make, self.at_once, self.batch = make, at_once, batch
        self._lock = threading.Lock()
        self.on_rows: OnRows | None = None

    def anew(self) -> Lazy:
        """One that has made nothing yet: for another process."""
        return Lazy(self._make, batch=self.batch)

    def __getstate__(self) -> dict[str, Any]:
        """Without what another process has no use for."""
        return {"_make": self._make, "at_once": self.at_once, "batch": self.batch, "on_rows": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    @property
    def _made(self) -> FusesArrays:
        with self._lock:  # several threads may need it first
            return self._made_once

    @cached_property
    def _made_once(self) -> FusesArrays:
        made = self._make()
        if hasattr(made, "sharers"):
            made.sharers = self.at_once
        return made

    @property
    def device(self) -> str:
        """Where the network runs."""
        return getattr(self._made, "device", "cpu")

    def memory(self, height: int, width: int) -> int | None:
        """Bytes that a pair of this size takes besides the pictures; None where threads are not to be shared out."""
        found = getattr(self._made, "memory", None)
        return found(height, width) if found else None

    def share(self, at_once: int, threads: int) -> None:
        """From now on it is given so many pictures at once, by threads that are started later, and each is computed by
        so many ``threads``, on a CPU."""
        self.at_once = at_once
        if self.memory(16, 16) is not None:
            import torch

            torch.set_num_threads(threads)

    def together(self, height: int, width: int) -> int:
        """How many pairs of this size ``fuse_many`` is to be given."""
        made: Any = self._made
        if self.batch == 1 or not hasattr(made, "fuse_many"):
            return 1
        found: int = self.batch or made.together(height, width)
        return found

    def fuse_many(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]], **depth: int) -> list[np.ndarray]:
        """As ``Fuser.fuse_many``."""
        made: Any = self._made
        pictures: list[np.ndarray] = made.fuse_many(pairs, **depth)
        return pictures

    def fuse(self, ir: np.ndarray, vis: np.ndarray, **depth: int) -> np.ndarray:
        """As ``Fuser.fuse``."""
        told: dict[str, Any] = {"on_rows": self.on_rows} if self.on_rows and self.at_once == 1 else {}
        return self._made.fuse(ir, vis, **depth, **told)


def choose(
    model: str,
    device: str,
    threads: int | None,
    denoise: str | None,
    backend: str = "torch",
    listener: Listener = SILENT,
    jobs: Sequence[Job] = (),
    balance: float | str = "auto",
) -> Chosen:
    """What the options ask for. Raises WeightsError for a name that does not exist, UsageError for a wrong --denoise.

    What is wrong with the weights themselves or the device is raised when the fuser is needed. ``jobs``: what will be
    fused, by which a student may have several at once. ``balance``: as ``Fuser`` takes it, checked.
    """
    if backend == "auto":
        backend = "torch" if denoise is not None else backends.choose(model, device)
    if backend == "onnx" and denoise is not None:
        raise UsageError("--denoise needs PyTorch: use --backend torch, or leave --denoise out.")
    sigma = None if denoise in (None, "auto") else _sigma(denoise)
    path = models.locate(model)
    weights = sha256(path)
    # the backends agree to 1 of 255, not to the byte
    more: dict[str, Any] = {
        "denoise": "auto" if denoise == "auto" else sigma,
        "backend": backend,
        "balance": balance,
    }
    if denoise is not None:
        more["denoise_weights"] = sha256(models.locate("diffusion"))

    at_once, light = 1, path.stat().st_size < _LIGHT
    on_gpu = backends.batches_at_once(device, light) if backend == "torch" else 1
    if denoise is None and len(jobs) > 1 and (light or on_gpu > 1) and _are_small(jobs):
        at_once, threads = (on_gpu, threads) if on_gpu > 1 else backends.frames_at_once(device, threads)

    def make() -> FusesArrays:
        fuser = backends.load_fuser(model, device, threads, backend, listener.exports, balance)
        models.require_same(fuser.weights_sha256, weights, models.name_of(path))
        if getattr(fuser, "device", "cpu") != "cpu":
            listener.loaded(fuser.device, str(getattr(fuser, "precision", "float32")))
        if denoise is None:
            return fuser
        from diffuse_fuse.diffusion.denoise import DenoisingFuser
        from diffuse_fuse.diffusion.pictures import PairModel

        denoiser = PairModel(device=fuser.device)
        models.require_same(denoiser.weights_sha256, more["denoise_weights"], "of --denoise")
        return DenoisingFuser(fuser, denoiser, sigma)

    return Chosen(models.name_of(path), weights, Lazy(make, at_once), more)


def model_in_time(
    model: str,
    deadline_ms: float | None,
    jobs: Sequence[Job],
    device: str = "auto",
    threads: int | None = None,
    listener: Listener = SILENT,
) -> str:
    """``model`` itself, or for "auto" the best shipped one that fuses a pair like the first within the deadline.

    Raises UsageError where only one of --model auto and --deadline-ms is given.
    """
    if model != "auto":
        if deadline_ms is not None:
            raise UsageError("--deadline-ms chooses the model: it needs --model auto.")
        return model
    if deadline_ms is None:
        raise UsageError("--model auto needs a time limit: add --deadline-ms, such as --deadline-ms 100.")
    size = next(_sizes(jobs), None)
    if size is None:  # nothing to fuse, or it will be said why it cannot be
        return "default"
    from diffuse_fuse.fusion.auto import pick

    picked = pick(deadline_ms, *size, device=device, threads=threads)
    listener.picked(picked, size)
    return picked.name


def _sizes(jobs: Iterable[Job]) -> Iterator[tuple[int, int]]:
    """Width and height of each visible picture that says them."""
    for job in jobs:
        try:
            header = read_header(read_bytes(job.vis))
        except ImageReadError:
            continue
        if header:
            yield header.width, header.height


def _are_small(jobs: Sequence[Job]) -> bool:
    """By a few from all over the folder; a large one among those that were not looked at has one core."""
    some = list(_sizes(jobs[:: -(-len(jobs) // _LOOKED_AT)]))
    return bool(some) and all(width * height <= _SMALL for width, height in some)


def _sigma(text: str) -> float:
    from diffuse_fuse.diffusion.denoise import checked_sigma

    try:
        return checked_sigma(float(text))
    except ValueError:
        raise UsageError(f"--denoise takes auto or the noise in 8-bit levels, such as 10, not '{text}'.") from None
