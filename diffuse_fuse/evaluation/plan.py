"""Before anything is computed: which pairs, which methods, which metrics, and what is wrong with the files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diffuse_fuse.arguments import several, text, whole
from diffuse_fuse.errors import DataError, UnknownMetricError, UsageError, meant
from diffuse_fuse.evaluation.inspection import Case, inspect
from diffuse_fuse.evaluation.layouts import Dataset, find_dataset
from diffuse_fuse.evaluation.matching import Results, match_results, pair_name
from diffuse_fuse.evaluation.methods import Method, Row, make_methods
from diffuse_fuse.evaluation.reading import Reading
from diffuse_fuse.images.pairs import Pair
from diffuse_fuse.shard import Shard


@dataclass(frozen=True)
class Plan:
    """What an evaluation will do. ``problems`` and ``notes`` are known before it does. ``shard``: the part of the data
    set that the cases are, see ``shard``; None: all of it."""

    dataset: Dataset
    cases: tuple[Case, ...]
    methods: tuple[Method, ...]
    metrics: tuple[str, ...]
    convention: str
    seed: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    shard: Shard | None = None


@dataclass(frozen=True)
class Sample:
    """Which pairs of a data set are scored. limit: so many, drawn by ``seed``. shard: only this part of them."""

    limit: int | None = None
    seed: int = 0
    shard: Shard | None = None

    def of(self, pairs: Sequence[Pair]) -> tuple[Pair, ...]:
        """Those of ``pairs``, in their order."""
        drawn = draw(pairs, self.limit, self.seed)
        return tuple(pair for pair in drawn if self.shard is None or self.shard.holds(pair_name(pair)))


ALL_PAIRS = Sample()


def prepare(
    dataset: Dataset | str | os.PathLike[str],
    methods: Mapping[str, Row] | Sequence[Method] | None = None,
    metrics: str | Sequence[str] | None = None,
    convention: str = "plain",
    *,
    baselines: bool = False,
    sample: Sample = ALL_PAIRS,
    threads: int = 1,
    reading: Reading | None = None,
) -> Plan:
    """Find the pairs, match the results and look at every file; see ``evaluate`` for the arguments.

    reading: how pairs are brought to one size whose visible pictures show more; without, they must have one.

    Raises DataError when there is nothing to score, UsageError, MetricError or WeightsError for wrong arguments.
    """
    from diffuse_fuse.metrics.registry import check_convention

    names = metric_names(metrics)
    check_convention(convention)
    if not (isinstance(methods, (list, tuple)) and all(isinstance(method, Method) for method in methods)):
        if not (methods is None or isinstance(methods, Mapping)):
            raise UsageError('The methods are a dictionary, such as {"mine": a function, "dfuse": "default"}.')
        methods = make_methods(methods, baselines)
    found = dataset if isinstance(dataset, Dataset) else find_dataset(dataset)
    pairs, shard = sample.of(found.pairs), sample.shard
    kept = {pair_name(pair) for pair in pairs}
    folders = {}
    for method in methods:
        if method.kind == "folder":
            results = match_results(method.source, found.pairs, method.name, method.facts.get("pattern"))
            files = {name: path for name, path in results.files.items() if name in kept}
            missing = tuple(name for name in results.missing if name in kept)
            folders[method.name] = (method, Results(files, missing, results.extra, results.affix))
    if found.border:
        reading = replace(reading or Reading(), border=found.border)
    inspection = inspect(pairs, folders, threads, reading, found.read_file)
    problems = found.problems + inspection.problems
    if not inspection.cases and (pairs or not shard):
        first = f" ({problems[0]})" if problems else ""
        raise DataError(f"No pair of {found.root} can be scored{first}.")
    notes = found.notes + inspection.notes
    return Plan(found, inspection.cases, tuple(methods), names, convention, sample.seed, problems, notes, shard)


def draw(pairs: Sequence[Pair], limit: int | None, seed: int) -> tuple[Pair, ...]:
    """``limit`` of the pairs, in their order, drawn by ``seed``; a larger limit keeps what a smaller one drew.

    Neighbours in a data set are alike, so the first few would say little of the whole.
    """
    seed = whole(seed, "The seed", least=0)
    if limit is None or whole(limit, "The limit", least=1) >= len(pairs):
        return tuple(pairs)
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:limit]
    return tuple(pairs[index] for index in sorted(chosen))


def metric_names(asked: str | Sequence[str] | None) -> tuple[str, ...]:
    """Names of metrics: None for the default set, "all", or names (a text has commas).

    Raises UnknownMetricError.
    """
    from diffuse_fuse import metrics

    if asked is None:
        return tuple(metrics.DEFAULT)
    if isinstance(asked, str):
        asked = [part.strip() for part in asked.split(",") if part.strip()]
    asked = several(asked, "The metrics", lambda name: text(name, "The name of a metric"))
    if asked == ["all"]:
        return tuple(metrics.REGISTRY)
    by_lower = {name.lower(): name for name in metrics.REGISTRY}
    unknown = [name for name in asked if name.lower() not in by_lower]
    if unknown or not asked:
        what = f"There is no metric '{unknown[0]}'" if unknown else "No metric is named"
        sentence = f"{what}: use all, or some of {', '.join(metrics.REGISTRY)}."
        raise UnknownMetricError(sentence + meant(unknown[0] if unknown else "", metrics.REGISTRY))
    return tuple(dict.fromkeys(by_lower[name.lower()] for name in asked))


def describe(plan: Plan) -> str:
    """The first line of a run: what was found, and how much of it is scored."""
    total, scored = len(plan.dataset.pairs), len(plan.cases)
    pairs = f"{total} pair" if total == 1 else f"{total} pairs"
    text = f"{plan.dataset.name}: {pairs} in {plan.dataset.root} ({plan.dataset.layout})"
    if plan.shard:
        return f"{text}, {scored} of them in part {plan.shard}"
    return text if scored == total else f"{text}, {scored} of them scored (seed {plan.seed})"


def report_folder(out: Path) -> Path:
    """Where the report's pictures lie below an output folder."""
    return out / "report_files"
