"""``dfuse fuse``: two files or two folders in, colour pictures out."""

from __future__ import annotations

import json
import math
import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffuse_fuse.cli import report
from diffuse_fuse.cli.align import alignment_in_words, alignments_in_words
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from diffuse_fuse.alignment import Aligner
    from diffuse_fuse.batch import Existing, FusesArrays, Job, Plan, Result
    from diffuse_fuse.diffusion.denoise import DenoisingFuser
    from diffuse_fuse.fusion.fuser import Fuser
    from diffuse_fuse.images.options import LoadOptions


class Device(str, Enum):
    """Where the network runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Window(str, Enum):
    """What one thermal range is taken over."""

    picture = "picture"
    series = "series"


class Polarity(str, Enum):
    """What hot looks like in the infrared pictures."""

    white_hot = "white-hot"
    black_hot = "black-hot"
    auto = "auto"


class Size(str, Enum):
    """Whose size the fused picture gets."""

    vis = "vis"
    ir = "ir"


class Align(str, Enum):
    """How the infrared picture may be bent to lie on the visible one."""

    none = "none"
    auto = "auto"
    shift = "shift"
    similarity = "similarity"
    affine = "affine"
    homography = "homography"


def fuse(
    ir: Annotated[Path, typer.Argument(metavar="IR", help="Infrared picture, or a folder of them.")],
    vis: Annotated[
        Path | None,
        typer.Argument(
            metavar="[VIS]",
            help="Visible picture, or a folder of them; left out where IR is a radiometric JPEG that holds its own.",
            show_default=False,
        ),
    ] = None,
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
    size: Annotated[Size, typer.Option(help="Whose size the fused picture gets.")] = Size.vis,
    stretch: Annotated[
        bool, typer.Option("--stretch", help="Take pictures of other proportions too: they show the same field.")
    ] = False,
    thermal_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LO HI", help="Infrared values that become black and white; °C where the file is radiometric."
        ),
    ] = None,
    thermal_window: Annotated[
        Window, typer.Option(help="Without --thermal-range: a range for each picture, or one for the whole folder.")
    ] = Window.picture,
    polarity: Annotated[Polarity, typer.Option(help="What hot looks like in the infrared pictures.")] = (
        Polarity.white_hot
    ),
    align: Annotated[
        Align, typer.Option(help="Move the infrared picture onto the visible one; auto: shift, rotation and scale.")
    ] = Align.none,
    align_file: Annotated[
        Path | None, typer.Option(metavar="T.json", help="Move it as this file of dfuse align says.")
    ] = None,
    denoise: Annotated[
        str | None,
        typer.Option(
            metavar="auto|SIGMA",
            help="Take noise of this deviation (8-bit levels) out of the pair first. Experimental.",
        ),
    ] = None,
    page: Annotated[int, typer.Option(min=1, metavar="N", help="Page of multi-page infrared files.")] = 1,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Refuse larger pictures; 100 million unless given.")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    no_metrics: Annotated[bool, typer.Option("--no-metrics", help="Do not compute the fidelity metrics.")] = False,
) -> None:
    """Fuse infrared and visible pictures, two files or two folders.

    Folders are paired by name, whatever the suffix and the case; outputs that exist are skipped. The metrics of a
    pair are printed, those of a folder are written to OUT/metrics.csv. A FLIR radiometric JPEG with its own visible
    picture, or a folder of them, needs no VIS. dfuse inspect tells what a file holds.
    """
    out = _check_paths(ir, vis, out)
    _check_range(thermal_range, thermal_window)
    sigma = None if denoise in (None, "auto") else _sigma(denoise)
    from diffuse_fuse import batch
    from diffuse_fuse.images.options import MAX_PIXELS, LoadOptions

    load = LoadOptions(
        page=page,
        thermal_range=thermal_range,
        polarity=polarity.value,
        size=size.value,
        stretch=stretch,
        max_pixels=max_pixels or MAX_PIXELS,
    )
    aligner = _aligner(align, align_file)
    suffix = batch.format_suffix(picture_format) if picture_format else None
    plan = _plan(ir, vis, out, recursive, suffix)
    if ir.is_dir():
        existing: Existing = "replace" if overwrite else "skip"
    else:
        existing = "replace" if overwrite else "refuse"
    fuser: FusesArrays | None
    fuser, model_name = _load(plan.jobs, existing, model, device, threads)
    if fuser and denoise is not None:
        fuser = _denoising(fuser, sigma)
    if thermal_window is Window.series:
        load = _series(plan.jobs, load, quiet)
    if ir.is_dir():
        results = _run_folders(plan, fuser, out, existing, not no_metrics, load, aligner, quiet)
        _say_about_folders(results, plan, out, quiet)
    else:
        results = batch.run(plan.jobs, fuser, existing=existing, measure=not no_metrics, load=load, aligner=aligner)
        _say_about_pair(results[0], quiet)
    if as_json:
        _print_json(results, model_name)
    elif not quiet:
        _print_metrics(results)
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


def _check_paths(ir: Path, vis: Path | None, out: Path | None) -> Path:
    """Two files or two folders that exist (or one), and an output; raises UsageError otherwise."""
    for path in (ir, vis):
        if path is not None and not path.exists():
            raise UsageError(f"There is no file or folder {path}.")
    if vis is not None and ir.is_dir() != vis.is_dir():
        folder, file = (ir, vis) if ir.is_dir() else (vis, ir)
        raise UsageError(f"{folder} is a folder and {file} is a file: give two files or two folders.")
    if out is None:
        example = "-o FOLDER" if ir.is_dir() else "-o fused.png"
        also = "" if vis else ", and VIS, the visible picture, unless IR holds its own"
        raise UsageError(f"It is not said where the result goes: add {example}{also}.")
    return out


def _check_range(thermal_range: tuple[float, float] | None, window: Window) -> None:
    if thermal_range is None:
        return
    low, high = thermal_range
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"--thermal-range takes the lower value first, such as 10 40; not {low:g} {high:g}.")
    if window is Window.series:
        raise UsageError("--thermal-range sets the range and --thermal-window series looks for one: give one of them.")


def _aligner(align: Align, file: Path | None) -> Aligner | None:
    if align is Align.none and file is None:
        return None
    if align is not Align.none and file is not None:
        raise UsageError("--align looks for an alignment and --align-file brings one: give one of them.")
    from diffuse_fuse import alignment

    if file is not None:
        return alignment.Aligner(calibration=alignment.load_calibration(file))
    return alignment.Aligner(alignment.Kind.similarity if align is Align.auto else alignment.Kind(align.value))


def _plan(ir: Path, vis: Path | None, out: Path, recursive: bool, suffix: str | None) -> Plan:
    from diffuse_fuse import batch

    if not ir.is_dir():
        return batch.Plan((batch.plan_pair(ir, vis or ir, out, suffix),), (), (), ())
    if vis is None:
        return batch.plan_single_folder(ir, out, recursive, suffix)
    return batch.plan_folders(ir, vis, out, recursive, suffix)


def _series(jobs: tuple[Job, ...], load: LoadOptions, quiet: bool) -> LoadOptions:
    """One thermal range for all pictures, said on stderr so that it can be given the next time."""
    from diffuse_fuse import batch

    load, unit = batch.with_series_range(jobs, load)
    if load.thermal_range is None:
        if not quiet:
            _say("Warning: --thermal-window series changes nothing: 8-bit pictures share one scale already.")
    elif not quiet:
        low, high = load.thermal_range
        _say(f"One range for the series: --thermal-range {low:.6g} {high:.6g} ({unit}).")
    return load


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


def _sigma(text: str) -> float:
    from diffuse_fuse.diffusion.denoise import checked_sigma

    try:
        return checked_sigma(float(text))
    except ValueError:
        raise UsageError(f"--denoise takes auto or the noise in 8-bit levels, such as 10; not '{text}'.") from None


def _denoising(fuser: Fuser, sigma: float | None) -> DenoisingFuser:
    from diffuse_fuse.diffusion.denoise import DenoisingFuser
    from diffuse_fuse.diffusion.pictures import PairModel

    return DenoisingFuser(fuser, PairModel(device=fuser.device), sigma)


def _run_folders(
    plan: Plan,
    fuser: FusesArrays | None,
    out: Path,
    existing: Existing,
    measure: bool,
    load: LoadOptions,
    aligner: Aligner | None,
    quiet: bool,
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

            return batch.run_folders(
                plan, fuser, out, existing=existing, measure=measure, load=load, aligner=aligner, on_result=count
            )
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
        if text := alignments_in_words(results):
            _say(text)
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
        if text := alignment_in_words(result):
            _say(text)
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
    for trace in traces if os.environ.get("DFUSE_DEBUG") else ():
        typer.echo(trace, err=True)


def _say(text: str) -> None:
    """One line on stderr, also where a file's name holds line breaks or bytes that are no text."""
    from diffuse_fuse.images.names import shown

    typer.echo(shown(text), err=True)
