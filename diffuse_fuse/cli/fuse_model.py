"""Which network fuses: the one place where ``dfuse fuse`` makes its fuser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from diffuse_fuse.batch import FusesArrays


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


def choose(model: str, device: str, threads: int | None, denoise: str | None) -> Chosen:
    """What the options ask for. Raises WeightsError for a name that does not exist, UsageError for a wrong --denoise.

    What is wrong with the weights themselves or the device is raised when the fuser is needed.
    """
    from diffuse_fuse import models
    from diffuse_fuse.files import sha256

    sigma = None if denoise in (None, "auto") else _sigma(denoise)
    path = models.locate(model)
    more: dict[str, Any] = {"denoise": "auto" if denoise == "auto" else sigma}
    if denoise is not None:
        more["denoise_weights"] = sha256(models.locate("diffusion"))

    def make() -> FusesArrays:
        from diffuse_fuse.fusion.fuser import Fuser

        fuser = Fuser(model, device=device, threads=threads)
        if denoise is None:
            return fuser
        from diffuse_fuse.diffusion.denoise import DenoisingFuser
        from diffuse_fuse.diffusion.pictures import PairModel

        return DenoisingFuser(fuser, PairModel(device=fuser.device), sigma)

    return Chosen(models.name_of(path), sha256(path), Lazy(make), more)


def _sigma(text: str) -> float:
    from diffuse_fuse.diffusion.denoise import checked_sigma

    try:
        return checked_sigma(float(text))
    except ValueError:
        raise UsageError(f"--denoise takes auto or the noise in 8-bit levels, such as 10; not '{text}'.") from None
