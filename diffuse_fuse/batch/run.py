"""Every job of a plan through the pipeline."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from diffuse_fuse.batch.job import Existing, FusesArrays, Job, Plan, Recipe, Result
from diffuse_fuse.batch.pipeline import default_workers, overlapped
from diffuse_fuse.batch.plan import with_own_gifs
from diffuse_fuse.batch.resume import clear_away
from diffuse_fuse.batch.steps import Scores, Steps
from diffuse_fuse.batch.tuning import Tuning
from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.metrics_file import MetricsFile

OnResult = Callable[[Result], None]
MakeSteps = Callable[[FusesArrays | None, Existing, Recipe, Scores | None], Steps]


def never() -> bool:
    """A run that nobody stops."""
    return False


@dataclass(frozen=True)
class Watch:
    """Who looks on. on_result: called after each job, for progress. stop: asked after each job; when it says so, the
    pictures that the network has made are still written, and the results so far returned."""

    on_result: OnResult | None = None
    stop: Callable[[], bool] = never

    def done(self, result: Result) -> None:
        """Tells of a result."""
        if self.on_result:
            self.on_result(result)


UNSEEN = Watch()


def run(
    jobs: Sequence[Job],
    fuser: FusesArrays | None,
    *,
    existing: Existing = "refuse",
    recipe: Recipe = Recipe(),  # noqa: B008 (it is frozen)
    workers: int | Tuning | None = None,
    scores: Scores | None = None,
    watch: Watch = UNSEEN,
    make_steps: MakeSteps = Steps,
) -> list[Result]:
    """Fuse every job and write its picture; one result each, in order. Never raises for a bad pair.

    Pairs are read ahead, and pictures measured and written, by ``workers`` threads while ``fuser`` is called in this
    one, so that the results, and the bytes of the pictures, do not depend on how many there are; a ``Tuning`` finds how
    many. A fuser that has an ``at_once`` above 1 is called by so many threads; one that says how many go ``together``
    gets neighbours of one size in one call of ``fuse_many``.

    fuser: may be None when nothing is to be fused.
    existing: what happens to an output that is there: "resume" keeps it when it is what would be made again, or when it
    does not say (see ``resume``); "refuse" makes it a failed result; "replace" makes it again; "measure" measures it,
    whoever made it, and nothing is fused.
    scores: told of each picture's metrics right before it is written, from any thread; of a picture that is up to date
    and has none, they are measured.
    make_steps: ``Steps``, or what adds to them.
    """
    results: list[Result] = []

    def emit(result: Result) -> None:
        results.append(result)
        watch.done(result)

    steps = make_steps(fuser, existing, recipe, scores)
    read = steps.measure if existing == "measure" else steps.read
    if isinstance(workers, Tuning):
        workers.run(jobs, steps, read, emit, watch.stop)
        return results
    overlapped(jobs, read, steps.work, steps.write, emit, workers or default_workers(), watch.stop, steps.at_once)
    return results


class Table(Scores, Protocol):
    """The scores of a folder; ``MetricsFile`` is one."""

    path: Path

    def record(self, picture: Path, values: Mapping[str, float]) -> None:
        """The picture has been written, with these metrics."""

    def save(self, whole: bool = True) -> None:
        """Brings all rows into the table; not ``whole``: threads still add some. Raises ImageWriteError."""


@dataclass(frozen=True)
class Ways:
    """What does the work where files or machines are elsewhere. make_steps: ``Steps``, or what adds to them.
    make_scores: ``MetricsFile``, or what stands for it. runner: ``run``, or what does the same on other machines."""

    make_steps: MakeSteps = Steps
    make_scores: Callable[[Path], Table] = MetricsFile
    runner: Callable[..., list[Result]] = run


HERE = Ways()


def run_folder(
    plan: Plan,
    fuser: FusesArrays | None,
    out_dir: Path,
    *,
    existing: Existing = "resume",
    recipe: Recipe = Recipe(),  # noqa: B008
    workers: int | Tuning | None = None,
    watch: Watch = UNSEEN,
    ways: Ways = HERE,
) -> list[Result]:
    """``run`` for a plan with an output folder: keeps ``out_dir/metrics.csv``, and adds what failed in planning.

    Interrupted or killed, it leaves complete pictures and their metrics; called again, it goes on from there, and
    measures what lacks a row. Several may run at once, also on several machines. Raises ImageWriteError when
    metrics.csv cannot be read or is none of dfuse's.
    """
    plan = with_own_gifs(plan) if recipe.gif else plan
    scores = ways.make_scores(out_dir) if recipe.measure or MetricsFile.is_in(out_dir) else None
    outputs = [job.out for job in plan.jobs]
    clear_away([*outputs, *(job.gif for job in plan.jobs if recipe.gif), *([scores.path] if scores else ())])

    def record(result: Result) -> None:
        if scores and (result.status == "ok" or result.metrics):
            scores.record(result.out, result.metrics)
        watch.done(result)

    try:
        results = ways.runner(
            plan.jobs,
            fuser,
            existing=existing,
            recipe=recipe,
            workers=workers,
            scores=scores,
            watch=Watch(record, watch.stop),
            make_steps=ways.make_steps,
        )
    except BaseException:
        if scores:  # what the threads still have in hand stays in the journal
            with contextlib.suppress(ImageWriteError):
                scores.save(whole=False)
        raise
    if scores:
        try:
            scores.save()
        except ImageWriteError as error:  # the rows are in the journal, or their pairs have failed
            if results:
                results[-1] = replace(results[-1], warnings=(*results[-1].warnings, str(error)))
    return results + list(plan.failed)
