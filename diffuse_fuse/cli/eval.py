"""``dfuse eval``: scores of models and of folders of results on a data set, in one table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffuse_fuse.cli.options import (
    BALANCE_HELP,
    NODATA_HELP,
    Align,
    ByOrder,
    Device,
    GivenPalette,
    IrBand,
    IrField,
    IrPattern,
    MapFile,
    OnRay,
    RawNumbers,
    RawSize,
    RawType,
    RayGpus,
    Shard,
    Unit,
    VisBands,
    VisPage,
    VisPattern,
    check_balance,
    file_options,
    given_field,
    make_aligner,
    parse_cluster,
    parse_shard,
    rules,
)
from diffuse_fuse.cli.report import print_json, say
from diffuse_fuse.errors import MetricError, UsageError, one_line

if TYPE_CHECKING:
    from diffuse_fuse.cluster import Cluster
    from diffuse_fuse.evaluation import Evaluation, Plan
    from diffuse_fuse.evaluation.afar import Found
    from diffuse_fuse.evaluation.methods import Balanced, Matching
    from diffuse_fuse.evaluation.reading import Reading
    from diffuse_fuse.images.options import LoadOptions


_NAMED = 40  # problems printed one by one; the rest is in summary.json


def eval_(
    dataset: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATASET", help="Folder of a data set, as downloaded, or with ir/ and vi/; or its address."
        ),
    ] = None,
    ir: Annotated[
        Path | None, typer.Option("--ir", metavar="DIR", help="Instead of DATASET: the folder of infrared pictures.")
    ] = None,
    vis: Annotated[
        Path | None, typer.Option("--vis", metavar="DIR", help="With --ir: the folder of visible pictures.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Instead of DATASET: a table with the columns ir, vis.")
    ] = None,
    ir_pattern: IrPattern = None,
    vis_pattern: VisPattern = None,
    map_file: MapFile = None,
    by_order: ByOrder = False,
    ir_field: IrField = None,
    align_file: Annotated[
        Path | None, typer.Option(metavar="T.json", help="Register with this alignment file, written by dfuse align.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE", help="Weights to fuse with; may be repeated. Default: the shipped ones."),
    ] = None,
    balance: Annotated[
        list[str] | None,
        typer.Option(metavar="auto|0..1", help=f"{BALANCE_HELP} May be repeated: each model gets a row for each."),
    ] = None,
    fused: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR[:PATTERN]",
            help="Results of another method, named like the pairs, with PATTERN such as '*_NAME.png'; may be repeated.",
        ),
    ] = None,
    baselines: Annotated[bool, typer.Option("--baselines", help="Add the rows visible, average and max.")] = False,
    metrics: Annotated[
        str | None, typer.Option(metavar="NAME,…|all", help="Metrics; dfuse metrics lists them.")
    ] = None,
    convention: Annotated[
        str,
        typer.Option(metavar="NAME", help="Convention of the metrics: plain, tang, tang-sheets, cddfuse; or guess."),
    ] = "plain",
    paper: Annotated[
        str | None, typer.Option(metavar="EN=6.69,…", help="A row of a paper's table, for --convention guess.")
    ] = None,
    page: Annotated[int, typer.Option(min=1, metavar="N", help="Page of multi-page infrared files.")] = 1,
    nodata: Annotated[float | None, typer.Option(metavar="V", help=NODATA_HELP)] = None,
    ir_band: IrBand = None,
    vis_bands: VisBands = None,
    vis_page: VisPage = None,
    palette: GivenPalette = None,
    thermal_unit: Unit = None,
    raw_size: RawSize = None,
    raw_type: RawNumbers = RawType.uint16,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Score only N pairs, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of --limit and of the confidence intervals.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes that compute metrics; by default one per core.")
    ] = None,
    shard: Shard = None,
    ray: OnRay = None,
    ray_gpus: RayGpus = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT", help="Folder for tables, report and the state to resume from."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files in OUT that an evaluation did not write.")
    ] = False,
    device: Annotated[Device, typer.Option(help="Where networks run.")] = Device.auto,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print the table and errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of the table.")] = False,
) -> None:
    """Score fused pictures of a data set: those of models, and those that other methods wrote.

    Without --model and --fused, the command scores the shipped model; with --fused alone, it runs no model. It writes
    per_image.csv, summary.csv, summary.json, table.md, table.tex, report.html and the fused pictures into OUT. The
    same command resumes a run that was stopped.

    dfuse eval MSRS --model default --fused SeAFusion=results/SeAFusion --baselines -o out
    """
    if convention == "guess" or paper is not None:
        convention = _guess(paper, convention, alone=not (dataset or ir or vis or manifest))
    if not (dataset or ir or vis or manifest):
        if paper is not None:
            return
        raise UsageError("Missing data set: give its folder, or --ir and --vis, or --manifest.")
    from diffuse_fuse import evaluation
    from diffuse_fuse.evaluation.afar import Named, find

    part = parse_shard(shard)
    if part and out is None:
        raise UsageError("--shard writes its part into a folder: add -o OUT, the same for all parts.")
    cluster = parse_cluster(ray, ray_gpus, None)
    if cluster and out is None:
        raise UsageError("The workers of --ray write into a shared folder: add -o OUT, which all of them can reach.")
    if cluster and part:
        raise UsageError("--ray spreads the pairs over a cluster and --shard takes a part of them: use only one.")
    from diffuse_fuse.images.options import LoadOptions

    load = LoadOptions(
        page=page,
        nodata=nodata,
        field=given_field(ir_field),
        **file_options(ir_band, vis_bands, vis_page, palette, thermal_unit, raw_size, raw_type),
    )
    workers = workers or _cores()
    named = Named(dataset, ir, vis, manifest, tuple(fused or ()), out)
    found = find(named, rules(ir_pattern, vis_pattern, map_file, by_order))
    try:
        plan = evaluation.prepare(
            found.dataset,
            _rows(model, found.fused, balance),
            metrics,
            convention,
            baselines=baselines,
            sample=evaluation.Sample(limit, seed, part),
            threads=workers,
            reading=_reading(load, align_file, ir_field),
        )
    except MetricError as error:  # nothing is measured yet: a name in the call is wrong
        raise UsageError(str(error)) from None
    _say_before(plan, quiet)
    out = found.out
    with found.mirror.kept() if found.mirror else nullcontext():
        result = _run(plan, found, workers, device, quiet, overwrite, cluster)
        _say_after(plan, result)
        if out and not part:  # before anything is printed: whatever becomes of the terminal, the work is not lost
            evaluation.write_all(result, out, overwrite)
    if part:
        if not quiet:
            say(f"Part {part} is done. When all parts are, the same command without --shard writes tables and report.")
        raise typer.Exit(0 if result.ok else 1)
    if as_json:
        print_json(result.as_dict())
    else:
        _print_table(result)
    if out and not quiet:
        say(f"Wrote {out / 'report.html'}, and tables and scores beside it.")
    if not result.ok:
        raise typer.Exit(1)


def _reading(load: LoadOptions, align_file: Path | None, ir_field: str | None) -> Reading | None:
    """How pairs are read; None where that needs no saying. Raises UsageError, or AlignmentError."""
    from diffuse_fuse.evaluation.reading import Reading
    from diffuse_fuse.images.options import DEFAULT

    if load == DEFAULT and ir_field is None and align_file is None:
        return None
    return Reading(load, make_aligner(Align.none, align_file, ir_field))


def _rows(
    models: list[str] | None, fused: Sequence[str] | None, balances: list[str] | None = None
) -> dict[str, Balanced | Path | Matching]:
    """Name → weights with their balance, or a folder; models first. Raises UsageError when two rows have one name."""
    from diffuse_fuse.evaluation.methods import Balanced, model_name, parse_fused

    if not models and not fused:
        models = ["default"]
    given: list[tuple[str, Balanced | Path | Matching]] = []
    for model in models or ():
        for balance in map(check_balance, balances or ["auto"]):
            name = model_name(model) if balance == "auto" else f"{model_name(model)} balance {balance:g}"
            given.append((name, Balanced(model, balance)))
    given += [parse_fused(text) for text in fused or ()]
    rows: dict[str, Balanced | Path | Matching] = {}
    for name, value in given:
        if name in rows:
            raise UsageError(f"Two rows have the name '{name}': rename one.")
        rows[name] = value
    return rows


def _run(
    plan: Plan, found: Found, workers: int, device: Device, quiet: bool, overwrite: bool, cluster: Cluster | None
) -> Evaluation:
    from diffuse_fuse import evaluation
    from diffuse_fuse.cli.progress import progress_bar

    how: dict[str, Any] = {"workers": workers, "device": device.value, "overwrite": overwrite}
    out, mirror = found.out, found.mirror
    try:
        with progress_bar("scoring", len(plan.cases), "pair", hidden=quiet) as advance:
            if cluster and out:
                from diffuse_fuse.evaluation.on_ray import run_on_ray

                return run_on_ray(plan, out, cluster, on_pair=advance, mirror=mirror, **how)
            return evaluation.run(plan, out, on_pair=mirror.after(advance) if mirror else advance, **how)
    except KeyboardInterrupt:
        rest = "the same command resumes it" if out else "with -o OUT, the same command could resume it"
        say(f"Interrupted; {rest}.")
        raise


def _say_before(plan: Plan, quiet: bool) -> None:
    from diffuse_fuse.evaluation.plan import describe

    if not quiet:
        say(describe(plan))
        for note in plan.notes:
            say(f"Note: {note}.")
    _say_problems(plan.problems)


def _say_after(plan: Plan, result: Evaluation) -> None:
    _say_problems(result.problems[len(plan.problems) :])


def _say_problems(problems: tuple[str, ...]) -> None:
    for problem in problems[:_NAMED]:
        say(f"Problem: {problem.rstrip('.')}.")
    if len(problems) > _NAMED:
        say(f"Problem: … and {len(problems) - _NAMED} more, all in summary.json with -o OUT.")


def _print_table(result: Evaluation) -> None:
    from rich.console import Console

    from diffuse_fuse.evaluation import tables

    console = Console(highlight=False)
    # a pipe has no width: the table stays in one piece
    width = console.width if console.is_terminal else 10_000
    console = Console(highlight=False, width=width)
    console.print(one_line(tables.heading(result)), soft_wrap=True, markup=False)
    for table in tables.terminal(result, width):
        console.print()
        console.print(table)
    for note in tables.footnotes(result):
        console.print(one_line(note), soft_wrap=True, markup=False, style="dim")


def _guess(paper: str | None, convention: str, alone: bool) -> str:
    """The convention of a paper's row, said with its reasons."""
    from diffuse_fuse.metrics import guess_convention

    if convention != "guess" or paper is None:
        raise UsageError("--convention guess and --paper NAME=VALUE,… belong together: give both.")
    try:
        guess = guess_convention(_parse_paper(paper))
    except MetricError as error:
        raise UsageError(f"--paper: {error}") from None
    for reason in guess.reasons:
        say(reason)
    verdict = f"{guess.convention} ({guess.confidence:.0%})" if guess.decided else f"{guess.convention}, not certain"
    text = f"The row most likely has the convention {verdict}."
    if alone:
        typer.echo(text)
    else:
        say(text)
    return guess.convention


def _parse_paper(text: str) -> dict[str, float]:
    values = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            raise UsageError(f"--paper: '{part}' is not NAME=VALUE, as in EN=6.69.") from None
    return values


def _cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
