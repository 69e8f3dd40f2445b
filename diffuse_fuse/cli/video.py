"""``dfuse video``: two videos, stacks or folders of frames into one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

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
    RawNumbers,
    RawSize,
    RawType,
    RayGpus,
    Unit,
    VisPattern,
    check_balance,
    enlarging,
    file_options,
    given_field,
    make_aligner,
    parse_cluster,
    parse_range,
    rules,
)
from diffuse_fuse.cli.report import print_json, say, say_export
from diffuse_fuse.errors import ImageWriteError, UsageError, counted
from diffuse_fuse.schema import headed

if TYPE_CHECKING:
    from diffuse_fuse.cluster import Cluster
    from diffuse_fuse.video.afar import Ends
    from diffuse_fuse.video.run import Summary, VideoOptions
    from diffuse_fuse.video.source import Frames


class PairBy(str, Enum):
    """What tells which frames go together."""

    time = "time"
    frame = "frame"


class Hot(str, Enum):
    """What hot looks like in the infrared frames."""

    white = "white-hot"
    black = "black-hot"


def video(
    ir: Annotated[Path, typer.Argument(metavar="IR", help="Infrared video, TIFF stack, or folder of frames.")],
    vis: Annotated[
        Path | None,
        typer.Argument(
            metavar="VIS",
            help="Visible video, stack or folder; omit it where IR holds both.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "-o", "--out", metavar="OUT", help="Video to write, or a folder for PNG frames.", show_default=False
        ),
    ] = None,
    ir_pattern: IrPattern = None,
    vis_pattern: VisPattern = None,
    map_file: MapFile = None,
    by_order: ByOrder = False,
    ir_stream: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Number of the infrared stream in its file, counted from 0 as by ffprobe."
        ),
    ] = None,
    vis_stream: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Number of the visible stream in its file, counted from 0 as by ffprobe."
        ),
    ] = None,
    pair: Annotated[
        PairBy | None,
        typer.Option(
            help="Pair by time or by frame number. Default: by time where the frame rates differ by over 0.2 %."
        ),
    ] = None,
    offset: Annotated[
        float, typer.Option(metavar="S", help="Seconds by which the infrared video starts after the visible one.")
    ] = 0.0,
    model: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Weights (dfuse models lists them), or an ONNX file.")
    ] = "default",
    balance: Annotated[str, typer.Option(metavar="auto|0..1", help=BALANCE_HELP)] = "auto",
    backend: Annotated[
        Backend, typer.Option(help="What runs the network; auto: onnx on a CPU if its extra is installed.")
    ] = Backend.torch,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = Device.auto,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads of the network.")] = None,
    ray: OnRay = None,
    ray_gpus: RayGpus = None,
    fps: Annotated[
        str | None,
        typer.Option(metavar="N", help="Frames per second, such as 25 or 30000/1001; by default the sources'."),
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Video encoder, by ffmpeg's name; by default libx264, for .webm libvpx-vp9."),
    ] = None,
    crf: Annotated[
        int | None,
        typer.Option(min=0, max=63, metavar="N", help="Quality of the encoder, lower is better; 18 by default."),
    ] = None,
    thermal_range: GivenRange = None,
    nodata: Annotated[float | None, typer.Option(metavar="V", help=NODATA_HELP)] = None,
    ir_band: IrBand = None,
    palette: GivenPalette = None,
    thermal_unit: Unit = None,
    raw_size: RawSize = None,
    raw_type: RawNumbers = RawType.uint16,
    polarity: Annotated[Hot, typer.Option(help="Whether hot is white or black in the infrared frames.")] = Hot.white,
    ir_field: IrField = None,
    align_file: Annotated[
        Path | None, typer.Option(metavar="T.json", help="Register with this alignment file, written by dfuse align.")
    ] = None,
    stretch: Annotated[
        bool, typer.Option("--stretch", help="Accept different aspect ratios: the frames show the same field of view.")
    ] = False,
    enlarge: Annotated[Enlarge, typer.Option(help=ENLARGE_HELP)] = Enlarge.auto,
    stabilise: Annotated[
        float,
        typer.Option(
            min=0.0, max=0.95, metavar="0..0.95", help="Strength of the filter against flicker of still areas; 0: off."
        ),
    ] = 0.7,
    no_sound: Annotated[bool, typer.Option("--no-sound", help="Do not copy the sound of the visible video.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Fuse an infrared and a visible video, two stacks or folders of frames, or the two streams of one file.

    dfuse pairs the frames of videos by number, or by time where their frame rates differ, and those of two folders by
    name. The thermal range of deep infrared frames, and the range of the camera's display, change slowly, so that the
    brightness does not jump. The command measures and prints the flicker of still areas.
    """
    from diffuse_fuse import backends
    from diffuse_fuse.images.options import LoadOptions, is_camera
    from diffuse_fuse.video import run
    from diffuse_fuse.video.afar import ends

    if out is None:
        raise UsageError("Missing output: add -o fused.mp4, or a folder for frames.")
    as_folder, path = _output(out)
    given_range = parse_range(thermal_range)
    by_camera = is_camera(given_range)
    weight = check_balance(balance)
    cluster = parse_cluster(ray, ray_gpus, threads)
    at_once, threads = (1, cluster.cpus) if cluster else backends.frames_at_once(device.value, threads)
    options = run.VideoOptions(
        fps=None if fps is None else _rate(fps),
        codec=codec,
        crf=crf,
        thermal_range=None if is_camera(given_range) else given_range,
        black_hot=polarity is Hot.black,
        stabilise=stabilise,
        aligner=make_aligner(Align.none, align_file, ir_field),
        field=given_field(ir_field),
        enlarge=enlarging(enlarge),
        stretch=stretch,
        sound=not no_sound,
        at_once=at_once,
        balance=weight,
    )
    pairing = rules(ir_pattern, vis_pattern, map_file, by_order)
    if not math.isfinite(offset):
        raise UsageError("--offset takes a number of seconds, such as 0.25 or -1.5.")
    by: Literal["time", "frame"] | None = None
    if pair:
        by = "time" if pair is PairBy.time else "frame"
    load = LoadOptions(**file_options(ir_band, None, None, palette, thermal_unit, raw_size, raw_type))
    network = _Network(model, device.value, threads, backend.value, weight, cluster, quiet)
    with ends(ir, vis, path, as_folder) as there:
        ir, vis = there.ir, there.vis
        _check_inputs(ir, vis)
        _check_output(there.out, as_folder, [path for path in (ir, vis, align_file, map_file) if path], overwrite)
        there.bring()
        how = run.Pairing(by, offset, options.fps, ir_stream, vis_stream, there.read_file)
        frames = run.open_sources(ir, vis, options.fps, pairing, by_camera, nodata, how, load)
        summary, name = _fuse(frames, network, there, as_folder, replace(options, sent=there.sent))
        if as_json:
            print_json(headed("video", {"out": str(there.out), "model": name, **summary.as_dict()}))
        if not quiet:
            _tell(summary, there.out)
    if summary.stopped:
        raise KeyboardInterrupt


class _Network(NamedTuple):
    """What fuses the frames, as the options say it."""

    model: str
    device: str
    threads: int | None
    backend: str
    balance: float | str
    cluster: Cluster | None
    quiet: bool


def _fuse(
    frames: Frames, network: _Network, there: Ends, as_folder: bool, options: VideoOptions
) -> tuple[Summary, str]:
    """The video, and the name of the weights."""
    from diffuse_fuse.cli.interrupt import gentle_interrupt
    from diffuse_fuse.cli.progress import progress_bar
    from diffuse_fuse.video import run

    quiet, sound_of = network.quiet, there.vis or (None if there.ir.is_dir() else there.ir)
    with _fuser(network, frames.count) as fuser:
        options = replace(options, at_once=getattr(fuser, "at_once", options.at_once))
        with (
            gentle_interrupt(quiet) as stop,
            progress_bar("fusing", frames.count or 0, "frame", hidden=quiet or not frames.count) as advance,
        ):
            summary = run.fuse_video(
                frames, fuser, there.out, as_folder, options, sound_of, on_frame=advance, stop=stop
            )
        return summary, fuser.model_name


@contextmanager
def _fuser(network: _Network, frames: int | None) -> Iterator[Any]:
    model, device, threads, backend, balance, cluster, quiet = network
    if cluster is None:
        from diffuse_fuse import backends

        yield backends.load_fuser(model, device, threads, backend, None if quiet else say_export, balance)
        return
    from diffuse_fuse.batch.network import choose
    from diffuse_fuse.video.on_ray import fuser_on_ray

    def died() -> None:
        if not quiet:
            say("Warning: a worker of the Ray cluster died; what it had in hand is done again.")

    chosen = choose(model, device, threads, None, backend, balance=balance)
    with fuser_on_ray(chosen, cluster, frames, died) as fuser:
        yield fuser


def _output(text: str) -> tuple[bool, Path]:
    """Whether the output is a folder, and its path. Raises UsageError."""
    from diffuse_fuse.files import refuse_stdout
    from diffuse_fuse.video.sink import SUFFIXES, is_folder

    refuse_stdout(text)
    path = Path(text)
    as_folder = is_folder(path, text)
    if not as_folder and path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: the suffix of a video is one of {', '.join(SUFFIXES)}; a folder has none.")
    return as_folder, path


def _check_inputs(ir: Path, vis: Path | None) -> None:
    for path in filter(None, (ir, vis)):
        if not path.exists():
            raise UsageError(f"There is no file or folder {path}.")


def _check_output(out: Path, as_folder: bool, inputs: list[Path], overwrite: bool) -> None:
    """Raises UsageError where an input would be replaced, ImageWriteError for what must stay."""
    from diffuse_fuse.files import require_free, require_no_input

    if not as_folder:
        require_free(out, inputs, overwrite)
        return
    require_no_input([out], inputs)
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise ImageWriteError(f"{out} exists already: name another output, or add --overwrite.")


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text).limit_denominator(100_000)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--fps takes a number such as 25 or 30000/1001, not '{text}'.") from None
    if not 0 < rate <= 1000:
        raise UsageError(f"--fps takes more than 0 and at most 1000 frames per second, not {text}.")
    return rate


def _tell(summary: Summary, out: Path) -> None:
    for text in summary.warnings:
        say(f"Warning: {text}")
    if not summary.frames:
        say("No frame was fused: nothing was written.")
        return
    rate = summary.frames / summary.seconds
    speed = f"{rate:.1f} frames per second" if rate >= 1 else f"{1 / rate:.1f} s per frame"
    sound = ", with the sound of the visible video" if summary.sound else ""
    say(f"Wrote {out}: {counted(summary.frames, 'frame')} at {summary.fps:g} frames per second{sound}.")
    say(f"Speed: {speed} ({summary.seconds:.1f} s).")
    found = summary.flicker
    if found is None:
        say("Flicker: not measured, since no area was still from one frame to the next.")
    else:
        verdict = "no more than the sources" if found.is_steady else "MORE than the sources: try a higher --stabilise"
        say(
            f"Flicker of still areas ({found.still:.0%} of the picture), of 255: infrared {found.ir:.2f}, "
            f"visible {found.vis:.2f}, fused {found.fused:.2f}; {verdict}."
        )
