"""``dfuse fuse``: pairs of files in, colour pictures out."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from diffuse_fuse.cli.options import (
    BALANCE_HELP,
    ENLARGE_HELP,
    NODATA_HELP,
    Align,
    Backend,
    ByOrder,
    Device,
    Enlarge,
    GivenPalette,
    GivenRange,
    IrBand,
    IrField,
    IrPattern,
    MapFile,
    OnRay,
    Polarity,
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
    enlarging,
    file_options,
    given_field,
    make_aligner,
    parse_cluster,
    parse_count,
    parse_range,
    parse_shard,
    rules,
)
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from diffuse_fuse.batch import Result
    from diffuse_fuse.batch.session import Ran, Session


class Window(str, Enum):
    """What one thermal range is taken over."""

    picture = "picture"
    series = "series"


class Size(str, Enum):
    """Whose size the fused picture gets."""

    vis = "vis"
    ir = "ir"


class Depth(str, Enum):
    """Bits a channel of the fused picture."""

    eight = "8"
    sixteen = "16"


def fuse(
    ir: Annotated[
        Path | None,
        typer.Argument(metavar="IR", help="Infrared picture, or a folder of them.", show_default=False),
    ] = None,
    vis: Annotated[
        Path | None,
        typer.Argument(
            metavar="VIS",
            help="Visible picture, or a folder of them; omit it where IR holds both kinds.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT", help="Picture to write (its suffix sets the format), or a folder."),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("-r", "--recursive", help="Search subfolders too, and recreate them in OUT.")
    ] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Take the pairs from a table with the columns ir, vis, out."),
    ] = None,
    ir_pattern: IrPattern = None,
    vis_pattern: VisPattern = None,
    map_file: MapFile = None,
    by_order: ByOrder = False,
    model: Annotated[
        str, typer.Option(metavar="NAME|FILE|auto", help="Weights; dfuse models lists them. auto: see --deadline-ms.")
    ] = "default",
    deadline_ms: Annotated[
        float | None,
        typer.Option(
            min=0.1, metavar="MS", help="With --model auto: use the best model that fuses a pair in this time."
        ),
    ] = None,
    balance: Annotated[str, typer.Option(metavar="auto|0..1", help=BALANCE_HELP)] = "auto",
    backend: Annotated[
        Backend, typer.Option(help="What runs the network; auto: onnx on a CPU if its extra is installed.")
    ] = Backend.torch,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads to use.")] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help="Threads that read and write files; by default one per core, up to 4. auto: a long run tries it out.",
        ),
    ] = None,
    batch: Annotated[
        str,
        typer.Option(metavar="N|auto", help="Pairs of one size in one pass of the network; auto: several on a GPU."),
    ] = "auto",
    shard: Shard = None,
    ray: OnRay = None,
    ray_gpus: RayGpus = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    picture_format: Annotated[
        str | None,
        typer.Option("--format", metavar="png|jpg|tif|webp|bmp", help="Format of the outputs; PNG by default."),
    ] = None,
    depth: Annotated[
        Depth, typer.Option(help="Bits per channel of the outputs; 16 only in PNG and TIFF.")
    ] = Depth.eight,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Write infrared, visible and fused side by side.")
    ] = False,
    gif: Annotated[
        bool, typer.Option("--gif", help="Also write OUT.gif: visible, infrared and fused in turn.")
    ] = False,
    size: Annotated[
        Size, typer.Option(help="Give the fused picture the size of the visible or the infrared one.")
    ] = Size.vis,
    stretch: Annotated[
        bool,
        typer.Option("--stretch", help="Accept different aspect ratios: the pictures show the same field of view."),
    ] = False,
    enlarge: Annotated[Enlarge, typer.Option(help=ENLARGE_HELP)] = Enlarge.auto,
    thermal_range: GivenRange = None,
    thermal_window: Annotated[
        Window,
        typer.Option(help="Without --thermal-range: one range per picture, or one for the whole folder (series)."),
    ] = Window.picture,
    nodata: Annotated[float | None, typer.Option(metavar="V", help=NODATA_HELP)] = None,
    polarity: Annotated[Polarity, typer.Option(help="Whether hot is white or black in the infrared pictures.")] = (
        Polarity.white_hot
    ),
    ir_field: IrField = None,
    align: Annotated[
        Align,
        typer.Option(
            help="Register the infrared picture to the visible one. auto: by shift, rotation and scale, and by its "
            "field where the visible camera sees more."
        ),
    ] = Align.none,
    align_file: Annotated[
        Path | None, typer.Option(metavar="T.json", help="Register with this alignment file, written by dfuse align.")
    ] = None,
    denoise: Annotated[
        str | None,
        typer.Option(
            metavar="auto|SIGMA",
            help="Remove noise of this standard deviation (in 8-bit levels) from the pair first. Experimental.",
        ),
    ] = None,
    page: Annotated[int, typer.Option(min=1, metavar="N", help="Page of multi-page infrared files.")] = 1,
    ir_band: IrBand = None,
    vis_bands: VisBands = None,
    vis_page: VisPage = None,
    palette: GivenPalette = None,
    thermal_unit: Unit = None,
    raw_size: RawSize = None,
    raw_type: RawNumbers = RawType.uint16,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Refuse larger pictures; 100 million by default.")
    ] = None,
    no_gps: Annotated[
        bool, typer.Option("--no-gps", help="Do not copy the visible picture's location to the outputs.")
    ] = False,
    world_file: Annotated[
        bool, typer.Option("--world-file", help="Also write OUT.wld, a map's position, for formats other than TIFF.")
    ] = False,
    only_metrics: Annotated[
        bool, typer.Option("--only-metrics", help="Measure the pictures that exist in OUT; fuse nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what a run would do, and the time and disk space it needs.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    no_metrics: Annotated[bool, typer.Option("--no-metrics", help="Do not compute metrics.")] = False,
) -> None:
    """Fuse infrared and visible pictures: two files, two folders, or one folder that holds both kinds.

    dfuse pairs folders by name, regardless of suffix, case and marks such as _ir and _vis. It skips outputs that are
    up to date, so the same command resumes a run that was stopped. It prints the metrics of a pair, and writes those
    of a folder to OUT/metrics.csv. A FLIR radiometric JPEG that contains its visible picture, or a folder of them,
    needs no VIS. dfuse inspect shows what a file contains.
    """
    given_range = parse_range(thermal_range)
    if given_range is not None and thermal_window is Window.series:
        raise UsageError("Both --thermal-range and --thermal-window series set the range: use only one of them.")
    weight = check_balance(balance)
    if only_metrics:
        _check_only_metrics(
            no_metrics=no_metrics,
            dry_run=dry_run,
            overwrite=overwrite,
            gif=gif,
            side_by_side=side_by_side,
            denoise=denoise is not None,
            depth=depth is not Depth.eight,
            no_gps=no_gps,
            world_file=world_file,
            balance=weight != "auto",
        )
    from diffuse_fuse.batch import FuseOptions, Recipe, open_session
    from diffuse_fuse.cli import fuse_report as report
    from diffuse_fuse.images.options import MAX_PIXELS, LoadOptions

    load = LoadOptions(
        page=page,
        thermal_range=given_range,
        polarity=polarity.value,
        size=size.value,
        stretch=stretch,
        gps=not no_gps,
        max_pixels=max_pixels or MAX_PIXELS,
        nodata=nodata,
        field=given_field(ir_field),
        enlarge=enlarging(enlarge),
        **file_options(ir_band, vis_bands, vis_page, palette, thermal_unit, raw_size, raw_type),
    )
    options = FuseOptions(
        ir=ir,
        vis=vis,
        out=out,
        manifest=manifest,
        recursive=recursive,
        rules=rules(ir_pattern, vis_pattern, map_file, by_order),
        picture_format=picture_format,
        model=model,
        deadline_ms=deadline_ms,
        device=device.value,
        threads=threads,
        denoise=denoise,
        backend=backend.value,
        balance=weight,
        batch=parse_count(batch, "--batch"),
        recipe=Recipe(
            load=load,
            aligner=make_aligner(align, align_file, ir_field),
            measure=not no_metrics,
            depth=8 if depth is Depth.eight else 16,
            side_by_side=side_by_side,
            gif=gif,
            world_file=world_file,
        ),
        series=thermal_window is Window.series,
        shard=parse_shard(shard),
        cluster=parse_cluster(ray, ray_gpus, threads),
        workers=_workers(workers),
        overwrite=overwrite,
        only_metrics=only_metrics,
        also_read=tuple(Path(path) for path in (manifest, map_file, align_file, palette) if path),
    )
    session = open_session(options, report.Told(quiet))
    if dry_run:
        found = session.look_ahead(check=True)
        report.say_dry_run(found, session, as_json, quiet)
        raise typer.Exit(1 if found.errors else 0)
    ran = _folder(session, quiet) if session.many else _pair(session, quiet)
    report.say_ran(ran, session, quiet)
    if as_json:
        report.print_ran(ran, session)
    elif not quiet:
        report.print_metrics(ran.results)
    if session.left(ran):
        report.say_interrupted(ran, session)
        raise typer.Exit(130)
    if any(result.status == "failed" for result in ran.results):
        raise typer.Exit(1)


def _workers(text: str | None) -> int | Literal["auto"] | None:
    """What --workers says. Raises UsageError."""
    return None if text is None else parse_count(text, "--workers") or "auto"


def _pair(session: Session, quiet: bool) -> Ran:
    """One pair, with a bar of its rows on a terminal; not elsewhere, since rich takes a while to import."""
    if quiet or not sys.stderr.isatty():
        return session.run()
    from diffuse_fuse.cli.progress import rows_bar

    with rows_bar() as rows:
        return session.run(on_rows=rows)


def _folder(session: Session, quiet: bool) -> Ran:
    """A folder or a table of pairs, until all is done or Ctrl-C stops it."""
    from diffuse_fuse.batch import Watch
    from diffuse_fuse.cli.fuse_report import say_preflight
    from diffuse_fuse.cli.interrupt import gentle_interrupt
    from diffuse_fuse.cli.progress import progress_bar

    only_metrics, work = session.options.only_metrics, session.to_do
    if not quiet and not only_metrics and work and session.stage is None:
        say_preflight(session.look_ahead(check=False), session.out)
    doing = "measuring" if only_metrics else "fusing"
    with (
        gentle_interrupt(quiet, at_once=True) as stop,
        progress_bar(doing, work, "pair", quiet) as advance,
    ):

        def count(result: Result) -> None:
            if result.redone:
                advance.more()
            if result.status != "skipped":
                advance()

        return session.run(Watch(count, stop), advance.rows)


def _check_only_metrics(**others: bool) -> None:
    """Raise UsageError when --only-metrics comes with an option that only fusing has a use for."""
    for name, given in others.items():
        if given:
            raise UsageError(
                f"--only-metrics fuses nothing, so --{name.replace('_', '-')} has no effect with it: leave it out."
            )
