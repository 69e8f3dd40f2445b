"""``dfuse fuse``: two files or two folders in, colour pictures out."""

from __future__ import annotations

import json
import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffuse_fuse.cli import report
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from diffuse_fuse.batch import Existing, Job, Plan, Result
    from diffuse_fuse.fusion.fuser import Fuser


class Device(str, Enum):
    """Where the network runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


def fuse(
    ir: Annotated[Path, typer.Argument(metavar="IR", help="Infrared picture, or a folder of them.")],
    vis: Annotated[Path, typer.Argument(metavar="VIS", help="Visible picture, or a folder of them.")],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT", help="Picture to write (its suffix sets the format), or a folder."),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("-r", "--recursive", help="Search subfolders too, and keep them in OUT.")
    ] = False,
    model: Annotated[str, typer.Option(metavar="NAME|FILE", help="Weights; dfuse models lists them.")] = "default",
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads to use.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that are there already.")] = False,
    picture_format: Annotated[
        str | None,
        typer.Option("--format", metavar="png|jpg|tif|webp|bmp", help="Format of the outputs; PNG unless given."),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    no_metrics: Annotated[bool, typer.Option("--no-metrics", help="Do not compute the fidelity metrics.")] = False,
) -> None:
    """Fuse infrared and visible pictures, two files or two folders.

    Folders are paired by name, whatever the suffix and the case; outputs that exist are skipped. The metrics of a
    pair are printed, those of a folder are written to OUT/metrics.csv.
    """
    out = _check_paths(ir, vis, out)
    from diffuse_fuse import batch

    suffix = batch.format_suffix(picture_format) if picture_format else None
    if ir.is_dir():
        plan = batch.plan_folders(ir, vis, out, recursive, suffix)
        existing: Existing = "replace" if overwrite else "skip"
    else:
        plan = batch.Plan((batch.plan_pair(ir, vis, out, suffix),), (), (), ())
        existing = "replace" if overwrite else "refuse"
    fuser, model_name = _load(plan.jobs, existing, model, device, threads)
    if ir.is_dir():
        results = _run_folders(plan, fuser, out, existing, not no_metrics, quiet)
        _say_about_folders(results, plan, out, quiet)
    else:
        results = batch.run(plan.jobs, fuser, existing=existing, measure=not no_metrics)
        _say_about_pair(results[0], quiet)
    if as_json:
        _print_json(results, model_name)
    elif not quiet:
        _print_metrics(results)
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


def _check_paths(ir: Path, vis: Path, out: Path | None) -> Path:
    """Two files or two folders that exist, and an output; raises UsageError otherwise."""
    for path in (ir, vis):
        if not path.exists():
            raise UsageError(f"There is no file or folder {path}.")
    if ir.is_dir() != vis.is_dir():
        folder, file = (ir, vis) if ir.is_dir() else (vis, ir)
        raise UsageError(f"{folder} is a folder and {file} is a file: give two files or two folders.")
    if out is None:
        example = "-o FOLDER" if ir.is_dir() else "-o fused.png"
        raise UsageError(f"It is not said where the result goes: add {example}.")
    return out


def _load(
    jobs: tuple[Job, ...], existing: Existing, model: str, device: Device, threads: int | None
) -> tuple[Fuser | None, str]:
    """The fuser, unless there is nothing to do, and the model's name. A wrong name is an error in any case."""
    from diffuse_fuse import batch, models

    if not batch.count_work(jobs, existing):
        return None, models.name_of(models.locate(model))
    from diffuse_fuse.fusion.fuser import Fuser

    fuser = Fuser(model, device=device.value, threads=threads)
    return fuser, fuser.model_name


def _run_folders(
    plan: Plan, fuser: Fuser | None, out: Path, existing: Existing, measure: bool, quiet: bool
) -> list[Result]:
    from diffuse_fuse import batch
    from diffuse_fuse.cli.progress import progress_bar

    # what is skipped takes no time: counted, it would spoil the rate and the time left
    work, done = batch.count_work(plan.jobs, existing), 0
    try:
        with progress_bar("fusing", work, "pair", hidden=quiet or not work) as advance:

            def count(result: Result) -> None:
                nonlocal done
                if result.status != "skipped":
                    done += 1
                    advance()

            return batch.run_folders(plan, fuser, out, existing=existing, measure=measure, on_result=count)
    except KeyboardInterrupt:
        rest = "" if existing == "replace" else "; the same command again does the rest"
        _say(f"Interrupted: {done} of {work} pairs are done{rest}.")
        raise


def _say_about_folders(results: list[Result], plan: Plan, out: Path, quiet: bool) -> None:
    """On stderr: what was odd, how it went, and last, where it is seen, what failed."""
    if not quiet:
        for text in report.without_partner(plan.ir_only, plan.vis_only) + report.warnings(results):
            _say(f"Warning: {text}")
        _say(report.summary(results, out))
    for line in report.failures(results):
        _say(line)
    _show_tracebacks(results)


def _say_about_pair(result: Result, quiet: bool) -> None:
    if not quiet:
        for text in result.warnings:
            _say(f"Warning: {text}")
    if result.status == "failed":
        _say(f"Error: {result.error}")
    elif not quiet:
        _say(f"Wrote {result.out} ({result.seconds:.2f} s).")
    _show_tracebacks([result])


def _print_metrics(results: list[Result]) -> None:
    """On stdout: the metrics of a pair, or their means over a folder."""
    from diffuse_fuse import batch

    measured = [result for result in results if result.metrics]
    if measured:
        heading = "value" if len(results) == 1 else f"mean of {len(measured)}"
        typer.echo(report.metrics_table(batch.mean_metrics(measured), heading))


def _print_json(results: list[Result], model_name: str) -> None:
    import diffuse_fuse

    count = {status: sum(result.status == status for result in results) for status in ("ok", "skipped", "failed")}
    whole = {
        "results": [result.as_dict() for result in results],
        **count,
        "model": model_name,
        "version": diffuse_fuse.__version__,
    }
    typer.echo(json.dumps(whole, indent=2, allow_nan=False))


def _show_tracebacks(results: list[Result]) -> None:
    """With --debug, the tracebacks of errors that nobody expected."""
    traces = [result.traceback for result in results if result.traceback]
    if traces and not os.environ.get("DFUSE_DEBUG"):
        _say("Run again with --debug for the traceback.")
    elif traces:
        _say("\n".join(traces))


def _say(text: str) -> None:
    typer.echo(text, err=True)
