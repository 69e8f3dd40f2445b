"""Is the time that ``dfuse fuse`` announces for a folder the time that it takes?

    python benchmarks/preflight.py [--model base …] [--size 96x80 …] [--data DIR] [--seconds 6] [--processor]

Of each model and size, as many pairs are fused as take about --seconds by the announcement (3 to 60), into a temporary
folder, as ``dfuse fuse`` does it. The processor's time, user and system, beside the wall clock says how much of a busy
machine the run got. With --processor all is done on one core and by its clock, which others on the machine do not hold
up: then both numbers are processor seconds.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from folder import _make

from diffuse_fuse import batch
from diffuse_fuse.batch.network import choose

_FEWEST, _MOST = 3, 60


def main(
    model: Annotated[list[str] | None, typer.Option(help="As for dfuse fuse.")] = None,
    size: Annotated[list[str] | None, typer.Option(metavar="WxH")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder with ir/ and vi/; synthetic pairs otherwise.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="About how long each run takes.")] = 6.0,
    processor: Annotated[bool, typer.Option("--processor", help="One core, and its own clock.")] = False,
    no_metrics: Annotated[bool, typer.Option("--no-metrics")] = False,
) -> None:
    """Prints a table: model, size, pairs, announced and taken seconds, their quotient, and the share of the cores."""
    if processor:
        _by_processor()
    print("| model | size | pairs | announced, s | taken, s | taken / announced | processor / wall | load |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name in model or ("base", "fast", "tiny"):
        for each in size or ("96x80", "640x480", "2000x1500"):
            width, height = map(int, each.split("x"))
            print(_row(name, (width, height), data, seconds, not no_metrics))
            sys.stdout.flush()


def _by_processor() -> None:
    """One core for this process, and the seconds that it gets as the clock of the run and of its announcement."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    time.perf_counter = time.process_time


def _row(model: str, size: tuple[int, int], data: Path | None, seconds: float, measure: bool) -> str:
    count = _FEWEST
    with tempfile.TemporaryDirectory() as name:
        first = _announced(Path(name), model, size, data, count, measure)[0] / count
        count = min(_MOST, max(_FEWEST, round(seconds / first)))
    with tempfile.TemporaryDirectory() as name:
        said, (plan, fuser, recipe) = _announced(Path(name), model, size, data, count, measure)
        start, before = time.perf_counter(), sum(os.times()[:2])
        results = batch.run_folder(plan, fuser, Path(name) / "out", recipe=recipe)
        taken, busy = time.perf_counter() - start, sum(os.times()[:2]) - before
    assert all(result.status == "ok" for result in results)
    return (
        f"| {model} | {size[0]}×{size[1]} | {count} | {said:.2f} | {taken:.2f} | {taken / said:.2f} "
        f"| {busy / taken:.2f} | {os.getloadavg()[0]:.1f} |"
    )


def _announced(
    folder: Path, model: str, size: tuple[int, int], data: Path | None, count: int, measure: bool
) -> tuple[float, tuple[batch.Plan, batch.FusesArrays, batch.Recipe]]:
    """The seconds that are announced for ``count`` pairs, and what to run."""
    _make(folder, count, size, data)
    plan = batch.plan_folders(folder / "ir", folder / "vi", folder / "out")
    chosen = choose(model, "auto", None, None, jobs=plan.jobs)
    recipe = batch.Recipe(measure=measure, model=chosen.name, weights=chosen.weights, more=chosen.more)
    expected = batch.look_ahead(plan, chosen.fuser, folder / "out", recipe=recipe)
    assert expected.seconds is not None
    return expected.seconds, (plan, chosen.fuser, recipe)


if __name__ == "__main__":
    typer.run(main)
