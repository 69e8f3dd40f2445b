"""``dfuse fuse``: pairs of files in, colour pictures out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from diffuse_fuse.cli import fuse_report as report
from diffuse_fuse.cli.field import IrField, given_field
from diffuse_fuse.cli.file_options import (
    GivenPalette,
    IrBand,
    RawNumbers,
    RawSize,
    RawType,
    Unit,
    VisBands,
    VisPage,
    file_options,
)
from diffuse_fuse.cli.fuse_auto import model_in_time
from diffuse_fuse.cli.fuse_model import choose, say_export
from diffuse_fuse.cli.fuse_options import (
    BALANCE_HELP,
    NODATA_HELP,
    Align,
    Backend,
    Depth,
    Device,
    Paths,
    Polarity,
    Shard,
    Size,
    Window,
    check_balance,
    check_only_metrics,
    check_paths,
    check_window,
    make_aligner,
    make_plan,
    parse_shard,
    staged,
)
from diffuse_fuse.cli.fuse_run import Run
from diffuse_fuse.cli.pairing import ByOrder, IrPattern, MapFile, VisPattern, rules
from diffuse_fuse.cli.ray_option import OnRay, RayGpus, parse_cluster
from diffuse_fuse.cli.thermal_range import GivenRange, parse_range
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from diffuse_fuse.batch import Job
    from diffuse_fuse.images.options import LoadOptions

__all__ = ["Device", "fuse"]


def fuse(
    ir: Annotated[
        Path | None,
        typer.Argument(metavar="IR", help="Infrared picture, or a folder of them.", show_default=False),
    ] = None,
    vis: Annotated[
        Path | None,
        typer.Argument(
            metavar="VIS",
            help="Visible picture, or a folder of them; left out where IR holds both kinds.",
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
        typer.Option(min=0.1, metavar="MS", help="With --model auto: the best model that takes no longer for a pair."),
    ] = None,
    balance: Annotated[str, typer.Option(metavar="auto|0..1", help=BALANCE_HELP)] = "auto",
    backend: Annotated[
        Backend, typer.Option(help="What runs the network; auto: onnx on a CPU where its extra is installed.")
    ] = Backend.torch,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads to use.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Threads that read and write beside the network; one a core, up to 4."),
    ] = None,
    shard: Shard = None,
    ray: OnRay = None,
    ray_gpus: RayGpus = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that are there already.")] = False,
    picture_format: Annotated[
        str | None,
        typer.Option("--format", metavar="png|jpg|tif|webp|bmp", help="Format of the outputs; PNG unless given."),
    ] = None,
    depth: Annotated[Depth, typer.Option(help="Bits a channel of the outputs; 16 in PNG and TIFF.")] = Depth.eight,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Write infrared, visible and fused beside each other.")
    ] = False,
    gif: Annotated[bool, typer.Option("--gif", help="Write OUT.gif too: visible, infrared and fused in turn.")] = False,
    size: Annotated[Size, typer.Option(help="Whose size the fused picture gets.")] = Size.vis,
    stretch: Annotated[
        bool, typer.Option("--stretch", help="Take pictures of other proportions too: they show the same field.")
    ] = False,
    thermal_range: GivenRange = None,
    thermal_window: Annotated[
        Window, typer.Option(help="Without --thermal-range: a range for each picture, or one for the whole folder.")
    ] = Window.picture,
    nodata: Annotated[float | None, typer.Option(metavar="V", help=NODATA_HELP)] = None,
    polarity: Annotated[Polarity, typer.Option(help="What hot looks like in the infrared pictures.")] = (
        Polarity.white_hot
    ),
    ir_field: IrField = None,
    align: Annotated[
        Align,
        typer.Option(
            help="Move the infrared picture onto the visible one; auto: shift, rotation and scale, and its field where "
            "the visible camera sees more."
        ),
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
    ir_band: IrBand = None,
    vis_bands: VisBands = None,
    vis_page: VisPage = None,
    palette: GivenPalette = None,
    thermal_unit: Unit = None,
    raw_size: RawSize = None,
    raw_type: RawNumbers = RawType.uint16,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Refuse larger pictures; 100 million unless given.")
    ] = None,
    no_gps: Annotated[
        bool, typer.Option("--no-gps", help="Leave out of the outputs where the visible picture was taken.")
    ] = False,
    world_file: Annotated[
        bool, typer.Option("--world-file", help="Write OUT.wld too: where a map lies, for formats other than TIFF.")
    ] = False,
    only_metrics: Annotated[
        bool, typer.Option("--only-metrics", help="Measure the pictures that are in OUT already; fuse nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, how long it takes, how much disk it needs.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    no_metrics: Annotated[bool, typer.Option("--no-metrics", help="Do not compute the fidelity metrics.")] = False,
) -> None:
    """Fuse infrared and visible pictures: two files, two folders, or one folder that holds both kinds.

    Folders are paired by name, whatever the suffix, the case and marks such as _ir and _vis; outputs that are up to
    date are skipped, so the same command goes on with a run that was stopped. The metrics of a pair are printed, those
    of a folder are written to OUT/metrics.csv. A FLIR radiometric JPEG with its own visible picture, or a folder of
    them, needs no VIS. dfuse inspect tells what a file holds.
    """
    paths = staged(Paths(ir, vis, out, manifest), recursive, thermal_window)
    ir, vis, manifest = paths.ir, paths.vis, paths.manifest
    out = check_paths(ir, vis, paths.out, manifest)
    whole_folder = ir is None or ir.is_dir()
    part = parse_shard(shard, whole_folder)
    cluster = parse_cluster(ray, ray_gpus, threads)
    if cluster and not whole_folder:
        raise UsageError("--ray spreads folders and tables of pairs, and two files are one pair: leave it out.")
    given_range = parse_range(thermal_range)
    check_window(given_range, thermal_window)
    weight = check_balance(balance)
    if only_metrics:
        check_only_metrics(
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
    from diffuse_fuse.batch import Recipe, part_of, with_own_gifs
    from diffuse_fuse.images.options import MAX_PIXELS, LoadOptions
    from diffuse_fuse.outputs import require_no_input

    bits: Literal[8, 16] = 8 if depth is Depth.eight else 16
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
        **file_options(ir_band, vis_bands, vis_page, palette, thermal_unit, raw_size, raw_type),
    )
    aligner = make_aligner(align, align_file, ir_field)
    plan = make_plan(
        ir, vis, out, manifest, recursive, picture_format, bits, rules(ir_pattern, vis_pattern, map_file, by_order)
    )
    require_no_input([job.out for job in plan.jobs], filter(None, (manifest, map_file, align_file, palette)))
    plan = with_own_gifs(plan) if gif else plan
    if not only_metrics:
        model = model_in_time(model, deadline_ms, plan.jobs, device.value, threads, quiet)
    chosen = None
    if not only_metrics:
        said, cores = None if quiet else say_export, cluster.cpus if cluster else threads
        chosen = choose(model, device.value, cores, denoise, backend.value, said, plan.jobs, weight)
    if thermal_window is Window.series:
        load = _series(plan.jobs, load, workers, quiet)
    if part:  # after what is said of all pairs: their GIFs, and their range
        plan = part_of(plan, part, out)
    recipe = Recipe(load, aligner, not no_metrics, bits, side_by_side, gif, world_file)
    if chosen:
        recipe = replace(recipe, model=chosen.name, weights=chosen.weights, more=chosen.more)
    run = Run(plan, chosen, out, recipe, workers, overwrite, quiet, whole_folder, paths.stage, cluster)
    if dry_run:
        run.dry(as_json)
        return
    ran, interrupted = run.folder() if whole_folder else (run.pair(), False)
    if as_json:
        report.print_json(ran, plan, chosen.name if chosen else None)
    elif not quiet:
        report.print_metrics(ran.results)
    if interrupted:
        report.say_interrupted(ran, plan, overwrite)
        raise typer.Exit(130)
    if any(result.status == "failed" for result in ran.results):
        raise typer.Exit(1)


def _series(jobs: tuple[Job, ...], load: LoadOptions, workers: int | None, quiet: bool) -> LoadOptions:
    """One thermal range for all pictures, said on stderr so that it can be given the next time."""
    from diffuse_fuse import batch
    from diffuse_fuse.images.options import is_camera

    load, unit = batch.with_series_range(jobs, load, workers)
    if load.thermal_range is None:
        if not quiet:
            report.say("Warning: --thermal-window series changes nothing: 8-bit pictures share one scale already.")
    elif not quiet:
        assert not is_camera(load.thermal_range)  # it is not given together with a window
        low, high = load.thermal_range
        report.say(f"One range for the series: --thermal-range {low:.6g} {high:.6g} ({unit}).")
    return load
