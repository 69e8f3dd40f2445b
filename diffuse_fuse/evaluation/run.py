"""The evaluation itself: fuse what has to be fused, score every picture, remember what was done."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import datetime, timezone
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from diffuse_fuse import __version__
from diffuse_fuse.arguments import path_of, whole
from diffuse_fuse.errors import DataError, ImageError, ImageWriteError
from diffuse_fuse.evaluation.cache import Cache, code_version, make_key
from diffuse_fuse.evaluation.fusing import Fused, Fusing
from diffuse_fuse.evaluation.inspection import Case
from diffuse_fuse.evaluation.layouts import Dataset
from diffuse_fuse.evaluation.methods import Method, Row
from diffuse_fuse.evaluation.output import require_output, write_all
from diffuse_fuse.evaluation.plan import Plan, Sample, prepare, report_folder
from diffuse_fuse.evaluation.result import Evaluation, Views
from diffuse_fuse.evaluation.score import Item, OneThreadEach, Scores, Task, score, start_worker
from diffuse_fuse.remote.urls import told
from diffuse_fuse.threads import require

# Whatever decides about a value besides the pictures; a change there makes old cache lines useless.
_SCORING_CODE = ("diffuse_fuse.metrics", "diffuse_fuse.evaluation.baselines", "diffuse_fuse.images")


def evaluate(
    dataset: Dataset | str | os.PathLike[str],
    methods: Mapping[str, Row] | Sequence[Method] | None = None,
    metrics: str | Sequence[str] | None = None,
    convention: str = "plain",
    *,
    baselines: bool = False,
    limit: int | None = None,
    seed: int = 0,
    workers: int = 1,
    device: str = "auto",
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Evaluation:
    """Score methods on a data set.

    >>> evaluate("tno", {"mine": lambda ir, vis: vis}, metrics="EN,SD").means.mean  # doctest: +SKIP

    dataset: a folder in any layout of ``layouts``. methods: name → a function (ir uint8 H×W, vis uint8 H×W×3) → uint8
    H×W or H×W×3, an object with such a ``fuse``, a folder of results, or weights (name or file); the default model
    when None. metrics: names, "all", or None for the default set. limit: so many pairs, drawn with ``seed``, which
    also makes the bootstrap repeatable. workers: processes; a script that asks for more than one needs the usual
    ``if __name__ == "__main__"``. out: a folder for tables, report, fused pictures and the cache that lets a stopped
    evaluation go on; nothing is written when None. overwrite: replace files in it that an evaluation did not write.

    Files that cannot be scored are sentences in ``problems``. Raises DataError when none can, UsageError, MetricError
    or WeightsError for wrong arguments, ImageWriteError for the output.
    """
    workers = whole(workers, "The number of workers", least=1)
    folder = None if out is None else path_of(out, "The output folder")
    sample = Sample(limit, seed)
    plan = prepare(dataset, methods, metrics, convention, baselines=baselines, sample=sample, threads=workers)
    evaluation = run(plan, folder, workers=workers, device=device, overwrite=overwrite)
    if folder:
        write_all(evaluation, folder, overwrite)
    return evaluation


def run(
    plan: Plan,
    out: Path | None = None,
    *,
    workers: int = 1,
    device: str = "auto",
    on_pair: Callable[[], None] | None = None,
    overwrite: bool = False,
) -> Evaluation:
    """Carry out a plan; ``on_pair`` is called after each pair. Interrupted, the cache keeps what is done.

    Raises UsageError for an output folder of the data set itself, ImageWriteError where ``out`` holds files under the
    names of its own that an evaluation did not write, unless ``overwrite``.
    """
    cache = Cache(out, part=plan.shard is not None)
    if out is not None:
        require_output(plan, out, cache, overwrite)
    work = _Work(plan, out, cache, Fusing(out, device, plan.dataset.read_file))
    with _scorer(workers) as submit:
        waiting: set[Future[Scores]] = set()
        for case in plan.cases:
            task = work.task(case)
            if task is None:
                _call(on_pair)
                continue
            waiting.add(submit(task))
            if len(waiting) >= 2 * workers:  # arrays on their way take memory
                waiting = _collect(waiting, FIRST_COMPLETED, work, on_pair)
        _collect(waiting, "ALL_COMPLETED", work, on_pair)
    return work.evaluation()


def work_off(plan: Plan, out: Path | None, cache: Cache, fusing: Fusing, cases: Sequence[Case]) -> int:
    """Fuse and score some of the plan's pairs in this process, for ``cache`` and ``out`` alone; returns how many."""
    work = _Work(plan, out, cache, fusing)
    for case in cases:
        task = work.task(case)
        if task is not None:
            work.take(score(task))
    return len(cases)


@dataclass
class _Work:
    """The state of a run: what is known of every picture so far."""

    plan: Plan
    out: Path | None
    cache: Cache
    fusing: Fusing
    values: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    views: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    with_holes: list[float] = field(default_factory=list)

    def task(self, case: Case) -> Task | None:
        """What is left to do for a pair; fuses what has to be fused. None if all is known."""
        items: list[Item] = []
        hashes: dict[Path, str] = {}
        stems = self.views.setdefault(case.name, {})
        for method in self.plan.methods:
            try:
                fused = self.fusing.picture(method, case, self.cache)
            except ImageWriteError:
                raise
            except ImageError as error:  # weights that cannot be loaded concern every pair, and are raised
                self.problems.append(f"{method.name}, {case.name}: {error}")
                continue
            if fused is None:
                continue
            stems[method.name] = fused.identity[:16]
            if isinstance(fused.picture, Path):
                hashes[fused.picture] = fused.identity
            item = self._item(method, case, fused)
            if item.names or item.views:
                items.append(item)
        ir_views, vis_views = self._views(case.ir.sha256), self._views(case.vis.sha256)
        if not items and not ir_views and not vis_views:
            return None
        hashes |= {case.ir.path: case.ir.of_file, case.vis.path: case.vis.of_file}
        return Task(
            case.name,
            case.ir.path,
            case.vis.path,
            tuple(items),
            self.plan.convention,
            hashes,
            ir_views,
            vis_views,
            case.reading,
            self.plan.dataset.read_file,
        )

    def _item(self, method: Method, case: Case, fused: Fused) -> Item:
        from diffuse_fuse.metrics import registry

        code = code_version(*_SCORING_CODE) + registry.code_of(self.plan.metrics)
        key = make_key(self.plan.convention, code, case.ir.sha256, case.vis.sha256, fused.identity)
        known = self.cache.values(key, self.plan.metrics)
        if known is None:
            self.keys[method.name, case.name] = key
        else:
            self.values[method.name, case.name] = known
        return Item(method.name, fused.picture, () if known else self.plan.metrics, self._views(fused.identity))

    def _views(self, identity: str) -> tuple[Path, Path] | None:
        """The two files that the report shows of a picture, or None if they are there or not wanted."""
        if self.out is None:
            return None
        stem = report_folder(self.out) / identity[:16]
        pair = (stem.with_name(stem.name + ".webp"), stem.with_name(stem.name + "_s.webp"))
        return None if all(path.exists() for path in pair) else pair

    def take(self, scores: Scores) -> None:
        """Remember what a task brought."""
        for method, values in scores.values.items():
            self.values[method, scores.case] = values
            self.cache.add_values(self.keys[method, scores.case], values)
        self.problems += [f"{method}, {scores.case}: {error}" for method, error in scores.errors.items()]
        if scores.holes:
            self.with_holes.append(scores.holes)

    def notes(self) -> tuple[str, ...]:
        """What is to be known when reading the table."""
        if not self.with_holes:
            return self.plan.notes
        count, largest = len(self.with_holes), max(self.with_holes)
        text = (
            f"{count} infrared picture{'s have' if count > 1 else ' has'} pixels without a measurement (up to "
            f"{largest:.1%}): of these pairs the largest rectangle without any is scored"
        )
        return (*self.plan.notes, text)

    def evaluation(self) -> Evaluation:
        """Everything in arrays."""
        from diffuse_fuse import metrics

        plan = self.plan
        values = np.full((len(plan.methods), len(plan.cases), len(plan.metrics)), np.nan)
        scored = np.zeros(values.shape[:2], bool)
        for row, method in enumerate(plan.methods):
            for column, case in enumerate(plan.cases):
                found = self.values.get((method.name, case.name))
                if found is not None:
                    values[row, column] = [found[name] for name in plan.metrics]
                    scored[row, column] = True
        return Evaluation(
            dataset=plan.dataset.name,
            root=plan.dataset.root,
            layout=plan.dataset.layout,
            fingerprint=_fingerprint(plan.cases),
            pairs=tuple(case.name for case in plan.cases),
            pairs_in_set=len(plan.dataset.pairs),
            methods=plan.methods,
            metrics=plan.metrics,
            directions={name: metrics.REGISTRY[name].direction for name in plan.metrics},
            convention=plan.convention,
            values=values,
            scored=scored,
            seed=plan.seed,
            version=__version__,
            metric_code=code_version(*_SCORING_CODE),
            date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            problems=tuple(map(told, (*plan.problems, *self.problems))),
            notes=tuple(map(told, self.notes())),
            views=tuple(
                Views(case.ir.sha256[:16], case.vis.sha256[:16], self.views.get(case.name, {}), case.vis.size)
                for case in plan.cases
            )
            if self.out
            else (),
        )


def _fingerprint(cases: Sequence[Case]) -> str:
    """A checksum of the sources' contents and names: equal for equal data, wherever it lies."""
    lines = sorted(f"{case.name} {case.ir.sha256} {case.vis.sha256}" for case in cases)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


class _scorer:
    """A function that scores a task and returns a Future: in this process, or in workers of their own."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Callable[[Task], Future[Scores]]:
        if self._workers <= 1:
            return self._here
        require(2 * self._workers)  # a pool that cannot start its own waits for ever
        # spawn: a fork of a process in which PyTorch runs threads may hang
        context = get_context("spawn")
        self._pool = ProcessPoolExecutor(self._workers, mp_context=context, initializer=start_worker)
        return self._elsewhere

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def _here(self, task: Task) -> Future[Scores]:
        done: Future[Scores] = Future()
        done.set_result(score(task))
        return done

    def _elsewhere(self, task: Task) -> Future[Scores]:
        assert self._pool is not None
        with OneThreadEach():  # the pool starts processes as tasks come
            return self._pool.submit(score, task)


def _collect(
    waiting: set[Future[Scores]], until: str, work: _Work, on_pair: Callable[[], None] | None
) -> set[Future[Scores]]:
    done, rest = wait(waiting, return_when=until)
    for future in done:
        try:
            work.take(future.result())
        except BrokenProcessPool:
            raise DataError(
                "A worker process died, probably out of memory: the same command with fewer --workers continues."
            ) from None
        _call(on_pair)
    return rest


def _call(on_pair: Callable[[], None] | None) -> None:
    if on_pair:
        on_pair()
