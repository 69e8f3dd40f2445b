"""What can be scored: a model, a folder of results, a baseline, or any function."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

from diffuse_fuse.arguments import path_of, text
from diffuse_fuse.errors import UsageError, WeightsError
from diffuse_fuse.evaluation.baselines import BASELINES
from diffuse_fuse.remote.urls import told

Kind = Literal["model", "folder", "baseline", "function"]
Fuse = Callable[[np.ndarray, np.ndarray], np.ndarray]
Row: TypeAlias = "Fuse | FusesArrays | str | os.PathLike[str] | Balanced | Matching"

# A name becomes a folder and a column: what no file system or table takes is refused.
_NAME = re.compile(r"[^/\\:*?\"<>|\x00-\x1f]+")


class Balanced(NamedTuple):
    """Weights, by name or file, and the balance that they fuse with, see ``Fuser``."""

    weights: str
    balance: float | str


class Matching(NamedTuple):
    """A folder of results of several methods, and the names of one: what * stands for is the pair's name."""

    folder: Path
    pattern: str


class FusesArrays(Protocol):
    """What has a ``fuse`` for a pair; ``diffuse_fuse.Fuser`` is one."""

    def fuse(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Method:
    """One row of the table.

    kind: "model" (weights, loaded when first needed), "folder" (files that are there), "baseline" or "function".
    source: the weights file, the folder, or the function (ir uint8 H×W, vis uint8 H×W×3) → uint8 picture.
    identity: what its pictures depend on besides the pair, for the cache; "" when that is not known.
    balance: that of a model, see ``Fuser``.
    facts: what summary.json says of it.
    """

    name: str
    kind: Kind
    source: Any
    identity: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    balance: float | str = "auto"


def make_methods(
    given: Mapping[str, Row] | None,
    baselines: bool = False,
) -> tuple[Method, ...]:
    """The rows of a table, in the order given, baselines last.

    given: name → a function, an object with ``fuse``, a folder of results, weights (name or file), or weights with
    their balance; None stands for the default model. Raises UsageError for names that cannot be used, WeightsError for
    unknown weights.
    """
    given = {"dfuse": "default"} if given is None else given
    methods = [_one(name, value) for name, value in given.items()]
    if baselines:
        clash = sorted({method.name for method in methods} & BASELINES.keys())
        if clash:
            raise UsageError(f"'{clash[0]}' is the name of a baseline: call the method something else.")
        methods += [Method(name, "baseline", name, identity=f"baseline:{name}") for name in BASELINES]
    if not methods:
        raise UsageError("There is nothing to score: give a model, a folder of results, or ask for the baselines.")
    return tuple(methods)


def model_name(weights: str) -> str:
    """The row's name for weights by name or by file: "dfuse" for the default ones, else the file's stem."""
    return "dfuse" if weights == "default" else Path(weights).stem


def parse_fused(text: str) -> tuple[str, Path | Matching]:
    """NAME=DIR or NAME=DIR:PATTERN of the command line. Raises UsageError for something else, or a DIR that is none."""
    name, equals, folder = text.partition("=")
    if not equals or not name.strip() or not folder:
        raise UsageError(f"--fused {text}: give a name and a folder, as in --fused SeAFusion=results/SeAFusion.")
    path, colon, pattern = folder.rpartition(":")
    if not Path(folder).is_dir() and colon and path and "*" in pattern:
        if not Path(path).is_dir():
            raise UsageError(f"--fused {text}: there is no folder {path}.")
        return name.strip(), Matching(Path(path), pattern)
    if not Path(folder).is_dir():
        raise UsageError(f"--fused {text}: there is no folder {folder}.")
    return name.strip(), Path(folder)


def _one(name: str, value: Any) -> Method:
    if not _NAME.fullmatch(text(name, "The name of a method")) or name.strip() != name or name in (".", ".."):
        raise UsageError(f"'{name}' cannot be the name of a method: use letters, digits, '-', '_' and spaces.")
    if hasattr(value, "fuse"):
        return Method(name, "function", value.fuse)
    if callable(value):
        return Method(name, "function", value)
    value, balance = value if isinstance(value, Balanced) else (value, "auto")
    if isinstance(value, Matching):
        return Method(name, "folder", value.folder, facts={"folder": told(str(value.folder)), "pattern": value.pattern})
    if os.path.isdir(path_of(value, f"What {name} fuses with")):
        return Method(name, "folder", Path(value), facts={"folder": told(str(value))})
    from diffuse_fuse import models

    card = models.find(value)
    if card.kind not in models.FUSES:
        raise WeightsError(f"{card.path} holds {card.kind} weights: fusing needs fusion weights.")
    facts = {"weights": card.name, "sha256": card.sha256, "balance": balance}
    return Method(name, "model", card.path, f"model:{card.sha256} balance:{balance}", facts, balance)
