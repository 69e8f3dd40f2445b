"""Every job of a plan through the pipeline."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from diffuse_fuse.batch.job import Existing, FusesArrays, Job, Plan, Recipe, Result
from diffuse_fuse.batch.pipeline import default_workers, overlapped
from diffuse_fuse.batch.plan import with_own_gifs
from diffuse_fuse.batch.resume import clear_away
from diffuse_fuse.batch.steps import Scores, Steps
from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.metrics_file import MetricsFile

OnResult = Callable[[Result], None]
Stop = Callable[[], bool]
MakeSteps = Callable[[FusesArrays | None, Existing, Recipe, Scores | None], Steps]
MakeScores = Callable[[Path], MetricsFile]


def never() -> bool:
    """A run that nobody stops."""
    return False


def run(
    jobs: Sequence[Job],
    fuser: FusesArrays | None,
    *,
    existing: Existing = "refuse",
    recipe: Recipe = Recipe(),  # noqa: B008 (it is frozen)
    workers: int | None = None,
    only_metrics: bool = False,
    scores: Scores | None = None,
    on_result: OnResult | None = None,
    stop: Stop = never,
    make_steps: MakeSteps = Steps,
) -> list[Result]:
    """Fuse every job and write its picture; one result each, in order. Never raises for a bad pair.

    Pairs are read ahead, and pictures measured and written, by ``workers`` threads while ``fuser`` is called in this
    one, so that the results, and the bytes of the pictures, do not depend on how many there are. A fuser that has an
    ``at_once`` above 1 is called by so many threads.

    fuser: may be None when nothing is to be fused.
    existing: what happens to an output that is there: "resume" keeps it when it is what would be made again, or when it
    does not say (see ``resume``); "refuse" makes it a failed result; "replace" makes it again.
    only_metrics: measure the outputs that are there, whoever made them, instead of fusing.
    scores: told of each picture's metrics right before it is written, from any thread; of a picture that is up to date
    and has none, they are measured.
    on_result: called after each job, for progress. stop: asked after each job; when it says so, the pictures that the
    network has made are still written, and the results so far returned. make_steps: ``Steps``, or what adds to them.
    """
    results: list[Result] = []

    def emit(result: Result) -> None:
        results.append(result)
        if on_result:
            on_result(result)

    steps = make_steps(fuser, existing, recipe, scores)
    read = steps.measure if only_metrics else steps.read
    overlapped(jobs, read, steps.fuse, steps.write, emit, workers or default_workers(), stop, steps.at_once)
    return results


def run_folder(
    plan: Plan,
    fuser: FusesArrays | None,
    out_dir: Path,
    *,
    existing: Existing = "resume",
    recipe: Recipe = Recipe(),  # noqa: B008
    workers: int | None = None,
    only_metrics: bool = False,
    on_result: OnResult | None = None,
    stop: Stop = never,
    make_steps: MakeSteps = Steps,
    make_scores: MakeScores = MetricsFile,
    runner: Callable[..., list[Result]] = run,
) -> list[Result]:
    """``run`` for a plan with an output folder: keeps ``out_dir/metrics.csv``, and adds what failed in planning.

    Interrupted or killed, it leaves complete pictures and their metrics; called again, it goes on from there, and
    measures what lacks a row. Several may run at once, also on several machines. Raises ImageWriteError when
    metrics.csv cannot be read or is none of dfuse's. make_scores: ``MetricsFile``, or what stands for it elsewhere.
    runner: ``run``, or what does the same on other machines.
    """
    plan = with_own_gifs(plan) if recipe.gif else plan
    scores = make_scores(out_dir) if recipe.measure or MetricsFile.is_in(out_dir) else None
    outputs = [job.out for job in plan.jobs]
    clear_away([*outputs, *(job.gif for job in plan.jobs if recipe.gif), *([scores.path] if scores else ())])

    def record(result: Result) -> None:
        if scores and (result.status == "ok" or result.metrics):
            scores.record(result.out, result.metrics)
        if on_result:
            on_result(result)

    try:
        results = runner(
            plan.jobs,
            fuser,
            existing=existing,
            recipe=recipe,
            workers=workers,
            only_metrics=only_metrics,
            scores=scores,
            on_result=record,
            stop=stop,
            make_steps=make_steps,
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
