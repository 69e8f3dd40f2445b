"""What the measuring commands share: pairs of a data set, what fuses them, Markdown tables, errors as sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer

from diffuse_fuse.errors import DfuseError, UsageError
from diffuse_fuse.evaluation.baselines import BASELINES
from diffuse_fuse.evaluation.layouts import find_dataset
from diffuse_fuse.evaluation.matching import match_results, pair_name
from diffuse_fuse.evaluation.methods import model_name, parse_fused
from diffuse_fuse.evaluation.plan import draw
from diffuse_fuse.evaluation.score import read_fused, read_pair
from diffuse_fuse.images.pairs import Pair
from diffuse_fuse.metrics.context import rgb

Fuse = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scene:
    """A pair in memory: ir uint8 H×W, vis uint8 H×W×3, and what it is called."""

    name: str
    ir: np.ndarray
    vis: np.ndarray


@dataclass(frozen=True)
class Folder:
    """Another method's pictures, by the name of the pair."""

    files: dict[str, Path]

    def picture(self, scene: Scene) -> np.ndarray | None:
        """Its uint8 H×W×3 picture of the scene, None where it has none."""
        file = self.files.get(scene.name)
        if file is None:
            return None
        picture = rgb(read_fused(file))
        if picture.shape != scene.vis.shape:
            raise UsageError(f"{file} has another size than its pair: give results at the visible picture's size.")
        return picture


def scenes(pairs: Iterable[Pair]) -> Iterator[Scene]:
    """The pairs, one in memory at a time."""
    for pair in pairs:
        yield Scene(pair_name(pair), *read_pair(pair.ir, pair.vis))


def drawn_pairs(dataset: Path, limit: int | None, seed: int) -> tuple[Pair, ...]:
    """The pairs of a data set, ``limit`` of them drawn by ``seed`` as ``dfuse eval`` draws them."""
    return draw(find_dataset(dataset).pairs, limit, seed)


def fusers(
    models: Sequence[str], threads: int | None, baselines: Sequence[str] = ("average", "max")
) -> dict[str, Fuse]:
    """What fuses any pair, by name: models (weights by name or file) first, then ``baselines``."""
    from diffuse_fuse import Fuser

    return {
        **{model_name(model): Fuser(model, threads=threads).fuse for model in models},
        **{name: BASELINES[name] for name in baselines},
    }


def folders(given: Sequence[str], pairs: Sequence[Pair]) -> dict[str, Folder]:
    """Folders of results, from texts NAME=DIR."""
    named = dict(parse_fused(text) for text in given)
    return {name: Folder(match_results(folder, pairs).files) for name, folder in named.items()}


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A table whose first ``texts`` columns are text and whose others are numbers."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * texts + "---:|" * (len(head) - texts)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def number(value: float, digits: int = 3, sign: bool = False) -> str:
    """The number as tables print it; a dash where it is not defined."""
    if math.isnan(value):
        return "–"
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def mean(values: Iterable[float]) -> float:
    """Mean of what is defined; NaN where nothing is."""
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


def run(main: Callable[..., None]) -> None:
    """``main`` as a command: errors on purpose become one sentence and an exit code."""
    try:
        typer.run(main)
    except DfuseError as error:
        typer.echo(f"Error: {error}", err=True)
        raise SystemExit(error.exit_code) from None
