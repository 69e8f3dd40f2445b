"""What can be scored: a model, a folder of results, a baseline, or any function."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from diffuse_fuse.arguments import path_of, text
from diffuse_fuse.errors import DataError, UsageError, WeightsError
from diffuse_fuse.evaluation.baselines import BASELINES
from diffuse_fuse.images.pairs import Pair
from diffuse_fuse.images.read import is_picture_name

Kind = Literal["model", "folder", "baseline", "function"]
Fuse = Callable[[np.ndarray, np.ndarray], np.ndarray]

# A name becomes a folder and a column: what no file system or table takes is refused.
_NAME = re.compile(r"[^/\\:*?\"<>|\x00-\x1f]+")


class Balanced(NamedTuple):
    """Weights, by name or file, and the balance that they fuse with, see ``Fuser``."""

    weights: str
    balance: float | str


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
    given: Mapping[str, Fuse | FusesArrays | str | os.PathLike[str] | Balanced] | None, baselines: bool = False
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


def parse_fused(text: str) -> tuple[str, Path]:
    """NAME=DIR of the command line. Raises UsageError when it is something else, or DIR is no folder."""
    name, equals, folder = text.partition("=")
    if not equals or not name.strip() or not folder:
        raise UsageError(f"--fused {text}: give a name and a folder, as in --fused SeAFusion=results/SeAFusion.")
    if not Path(folder).is_dir():
        raise UsageError(f"--fused {text}: there is no folder {folder}.")
    return name.strip(), Path(folder)


@dataclass(frozen=True)
class Results:
    """A folder of results against the pairs: files by pair name, pairs without a file, files without a pair."""

    files: dict[str, Path]
    missing: tuple[str, ...]
    extra: tuple[Path, ...]
    affix: tuple[str, str] = ("", "")


def match_results(folder: Path, pairs: Sequence[Pair]) -> Results:
    """Find each pair's result by name: the path below the folder, or the stem of either source; case plays no part.

    When none fits, names that all carry one prefix or suffix (00020N_SeAFusion) are tried without it. Raises
    DataError when the folder holds no picture or two for one pair.
    """
    files = [path for path in sorted(folder.rglob("*")) if is_picture_name(path.name) and path.is_file()]
    if not files:
        raise DataError(f"There are no pictures in {folder}.")
    keys = {path: path.relative_to(folder).with_suffix("").as_posix().lower() for path in files}
    found = _assign(keys, pairs)
    affix = ("", "")
    if not found:
        affix = _common_affix(list(keys.values()), pairs)
        prefix, suffix = affix
        stripped = {
            path: key[len(prefix) : len(key) - len(suffix)]
            for path, key in keys.items()
            if key.startswith(prefix) and key.endswith(suffix)
        }
        found = _assign(stripped, pairs) if any(affix) else {}
    used = set(found.values())
    missing = tuple(name for pair in pairs if (name := pair_name(pair)) not in found)
    return Results(found, missing, tuple(path for path in files if path not in used), affix)


def pair_name(pair: Pair) -> str:
    """How a pair is called everywhere: the path below its folder, with forward slashes."""
    return pair.relative.as_posix()


def _aliases(pair: Pair) -> list[str]:
    whole = pair_name(pair).lower()
    flat = whole.replace("/", "_")
    return list(dict.fromkeys([whole, flat, pair.relative.name.lower(), pair.vis.stem.lower(), pair.ir.stem.lower()]))


def _assign(keys: Mapping[Path, str], pairs: Sequence[Pair]) -> dict[str, Path]:
    by_key: dict[str, list[Path]] = {}
    for path, key in keys.items():
        by_key.setdefault(key, []).append(path)
    shared: dict[str, int] = {}
    for pair in pairs:
        for alias in _aliases(pair):
            shared[alias] = shared.get(alias, 0) + 1
    found = {}
    for pair in pairs:
        # an alias that several pairs share (I00019 of each video) says nothing
        usable = [alias for alias in _aliases(pair) if shared[alias] == 1 and alias in by_key]
        if not usable:
            continue
        paths = by_key[usable[0]]
        if len(paths) > 1:
            several = ", ".join(str(path) for path in paths)
            raise DataError(f"{len(paths)} pictures are named like {pair_name(pair)} ({several}): keep one.")
        found[pair_name(pair)] = paths[0]
    return found


def _common_affix(keys: Sequence[str], pairs: Sequence[Pair]) -> tuple[str, str]:
    """The prefix and suffix around the pairs' names that most files share; ("", "") when there is none."""
    votes: dict[tuple[str, str], int] = {}
    names = [alias for pair in pairs for alias in _aliases(pair)]
    for key in keys:
        inside = [name for name in names if name in key]
        if inside:
            prefix, _, suffix = key.partition(max(inside, key=len))
            votes[prefix, suffix] = votes.get((prefix, suffix), 0) + 1
    return max(votes, key=lambda affix: votes[affix]) if votes else ("", "")


def _one(name: str, value: Any) -> Method:
    if not _NAME.fullmatch(text(name, "The name of a method")) or name.strip() != name or name in (".", ".."):
        raise UsageError(f"'{name}' cannot be the name of a method: use letters, digits, '-', '_' and spaces.")
    if hasattr(value, "fuse"):
        return Method(name, "function", value.fuse)
    if callable(value):
        return Method(name, "function", value)
    value, balance = value if isinstance(value, Balanced) else (value, "auto")
    if os.path.isdir(path_of(value, f"What {name} fuses with")):
        return Method(name, "folder", Path(value), facts={"folder": str(value)})
    from diffuse_fuse import models

    card = models.find(value)
    if card.kind not in models.FUSES:
        raise WeightsError(f"{card.path} holds {card.kind} weights: fusing needs fusion weights.")
    facts = {"weights": card.name, "sha256": card.sha256, "balance": balance}
    return Method(name, "model", card.path, f"model:{card.sha256} balance:{balance}", facts, balance)
