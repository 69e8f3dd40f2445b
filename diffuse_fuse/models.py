"""The weights that come with dfuse: which there are, where they lie, what their cards say."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import UnknownModelError, WeightsError, meant

DEFAULT = "base"
DATA_TERMS = (
    "Trained on M3SVD (MIT licence), RoadScene and MSRS. The repositories of RoadScene and MSRS state no terms; "
    "this field uses them for research. For commercial use, ask their owners, or train on pairs of your own."
)
LARGEST = 2_000_000_000  # bytes of a weights file or graph; base has 20 million
FUSES = ("fusion", "student")  # the kinds of weights that a ``Fuser`` takes, the best first


@dataclass(frozen=True)
class ModelCard:
    """One weights file. ``card`` is free-form: data, training, scores; ``parameters`` counts all tensors."""

    name: str
    path: Path
    kind: str
    parameters: int
    bytes: int
    sha256: str
    card: dict[str, Any]
    is_default: bool


def folder() -> Path:
    """The folder of the shipped weights: inside the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parent
    inside = here / "weights"
    return inside if inside.is_dir() else here.parent / "weights"


def available() -> list[ModelCard]:
    """The cards of all shipped weights, fusion models first, then students; the default one at the top."""
    cards = [_card(path) for path in sorted(folder().glob("*.safetensors"))]
    return sorted(cards, key=lambda c: ((*FUSES, c.kind).index(c.kind), not c.is_default, c.name))


def locate(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of shipped weights by name ("default", "base", …), or of one's own by path.

    Raises UnknownModelError when there is neither, naming the shipped ones, UsageError for what is no name.
    """
    path = path_of(name_or_path, "The model")
    name = DEFAULT if str(name_or_path) == "default" else str(name_or_path)
    shipped = folder() / f"{name}.safetensors"
    for found in (shipped, path) if Path(name).name == name else (path,):
        try:
            if found.is_file():
                if (size := found.stat().st_size) > LARGEST:
                    raise WeightsError(f"{found} has {size / 1e9:.1f} GB, and no weights are larger than 2 GB.")
                return found
        except (OSError, ValueError):  # a name that is too long for the file system, or with a NUL
            continue
    names = [p.stem for p in sorted(folder().glob("*.safetensors"))]
    there = ", ".join(names) or "none"
    raise UnknownModelError(
        f"There is no model '{name_or_path}': give one of the shipped ones ({there}) or a .safetensors file."
        + meant(str(name_or_path), names)
    )


def name_of(path: Path) -> str:
    """What a weights file is called in messages: shipped ones by name, others by path."""
    return path.stem if path.parent == folder() else str(path)


def require_same(loaded: str, expected: str, what: str) -> None:
    """Raise WeightsError where the SHA-256 of ``what`` was ``expected`` before, and that of what was loaded differs.

    Everything that a run notes names the weights as they were when it was planned.
    """
    if loaded != expected:
        raise WeightsError(f"The weights {what} changed while the run started: start it again.")


def find(name_or_path: str | os.PathLike[str]) -> ModelCard:
    """The card of shipped weights by name, or of a file by path. Raises WeightsError as ``locate`` does."""
    return _card(locate(name_or_path))


def _card(path: Path) -> ModelCard:
    from safetensors import safe_open

    from diffuse_fuse.checkpoint import read_header, sha256

    header, keys = read_header(path)
    with safe_open(path, framework="np") as file:
        parameters = sum(math.prod(file.get_slice(key).get_shape()) for key in keys)
    return ModelCard(
        name=path.stem,
        path=path,
        kind=header["kind"],
        parameters=parameters,
        bytes=path.stat().st_size,
        sha256=sha256(path),
        card=header["card"],
        is_default=path == folder() / f"{DEFAULT}.safetensors",
    )
