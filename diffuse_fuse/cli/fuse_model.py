"""Which network fuses: the one place where ``dfuse fuse`` makes its fuser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from diffuse_fuse.batch import FusesArrays
    from diffuse_fuse.onnx.graphs import OnExport


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
    """A fuser that is made when the first pair needs it: where all is up to date, nobody waits for PyTorch."""

    def __init__(self, make: Callable[[], FusesArrays]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> FusesArrays:
        return self._make()

    @property
    def device(self) -> str:
        """Where the network runs."""
        return getattr(self._made, "device", "cpu")

    def fuse(self, ir: np.ndarray, vis: np.ndarray, **depth: int) -> np.ndarray:
        """As ``Fuser.fuse``."""
        return self._made.fuse(ir, vis, **depth)


def choose(
    model: str,
    device: str,
    threads: int | None,
    denoise: str | None,
    backend: str = "torch",
    on_export: OnExport | None = None,
) -> Chosen:
    """What the options ask for. Raises WeightsError for a name that does not exist, UsageError for a wrong --denoise.

    What is wrong with the weights themselves or the device is raised when the fuser is needed. ``on_export`` is told
    when the backend "onnx" has to make a graph of the weights first.
    """
    from diffuse_fuse import backends, models
    from diffuse_fuse.files import sha256

    if backend == "auto":
        backend = "torch" if denoise is not None else backends.choose(model, device)
    if backend == "onnx" and denoise is not None:
        raise UsageError("--denoise is PyTorch's: leave it out, or take --backend torch.")
    sigma = None if denoise in (None, "auto") else _sigma(denoise)
    path = models.locate(model)
    # the backends agree to 1 of 255, not to the byte
    more: dict[str, Any] = {"denoise": "auto" if denoise == "auto" else sigma, "backend": backend}
    if denoise is not None:
        more["denoise_weights"] = sha256(models.locate("diffusion"))

    def make() -> FusesArrays:
        fuser = backends.load_fuser(model, device, threads, backend, on_export)
        if denoise is None:
            return fuser
        from diffuse_fuse.diffusion.denoise import DenoisingFuser
        from diffuse_fuse.diffusion.pictures import PairModel

        return DenoisingFuser(fuser, PairModel(device=fuser.device), sigma)

    return Chosen(models.name_of(path), sha256(path), Lazy(make), more)


def say_export(name: str, graph: Path) -> None:
    """On stderr: why the first run with onnxruntime takes longer."""
    from diffuse_fuse.images.names import shown

    typer.echo(f"Exporting {name} for onnxruntime, once: {shown(graph)}", err=True)


def _sigma(text: str) -> float:
    from diffuse_fuse.diffusion.denoise import checked_sigma

    try:
        return checked_sigma(float(text))
    except ValueError:
        raise UsageError(f"--denoise takes auto or the noise in 8-bit levels, such as 10; not '{text}'.") from None
