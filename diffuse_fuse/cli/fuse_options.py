"""The options of ``dfuse fuse``: what they may be, and what they become."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffuse_fuse.cli.field import is_auto
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from diffuse_fuse import shard
    from diffuse_fuse.alignment import Aligner
    from diffuse_fuse.batch import Plan
    from diffuse_fuse.images.enlarging import Enlarger
    from diffuse_fuse.images.options import ThermalRange
    from diffuse_fuse.images.pairing import Rules
    from diffuse_fuse.remote.stage import Stage


class Device(str, Enum):
    """Where the network runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Backend(str, Enum):
    """What runs the network."""

    auto = "auto"
    torch = "torch"
    onnx = "onnx"


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


class Enlarge(str, Enum):
    """How a small infrared picture gets a large visible one's size."""

    auto = "auto"
    cubic = "cubic"
    guided = "guided"
    prior = "prior"


class Align(str, Enum):
    """How the infrared picture may be bent to lie on the visible one."""

    none = "none"
    auto = "auto"
    shift = "shift"
    similarity = "similarity"
    affine = "affine"
    homography = "homography"


class Depth(str, Enum):
    """Bits a channel of the fused picture."""

    eight = "8"
    sixteen = "16"


Shard = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", help="Only part I of N of the pairs, for N machines with one OUT."),
]
BALANCE_HELP = (
    "How much of the infrared picture's light: 0 the scene as the eye saw it with hot targets added, 1 all of it; "
    "auto: by the light of the scene."
)


NODATA_HELP = "Infrared value that means nothing was measured, such as 0 or -9999; the usual ones are found without."


ENLARGE_HELP = (
    "How an infrared picture of half the visible one's size or less is enlarged; guided: with details that both show; "
    "prior: by the diffusion model, which takes seconds; auto: cubic."
)


def enlarging(way: Enlarge) -> str | Enlarger:
    """What ``LoadOptions`` takes for --enlarge; only the prior brings PyTorch."""
    if way is not Enlarge.prior:
        return way.value
    from diffuse_fuse.diffusion.enlarge import enlarger

    return enlarger(way.value)


def check_balance(text: str) -> float | str:
    """What --balance says: "auto" or a number from 0 to 1. Raises UsageError."""
    from diffuse_fuse.fusion.relight import checked_balance

    try:
        return checked_balance(text)
    except UsageError:
        raise UsageError(f"--balance takes auto or a number from 0 to 1, such as 0.3; not '{text}'.") from None


def refuse_stdout(out: Path | str | None) -> None:
    """Raise UsageError for "-": a picture says what it is made of and is whole or not there, which takes a file."""
    if str(out) == "-":
        raise UsageError("-o - would be standard output, which dfuse does not write pictures to: name a file.")


@dataclass(frozen=True)
class Paths:
    """What the call names. stage: where addresses have places, which then stand here for them; None without any."""

    ir: Path | None
    vis: Path | None
    out: Path | None
    manifest: Path | None
    stage: Stage | None = None


def staged(paths: Paths, recursive: bool, window: Window) -> Paths:
    """The paths as the planning takes them: addresses such as s3://bucket/ir by their places in a stage.

    Raises UsageError, DataError where an address cannot be looked at, ImageReadError for a table that cannot be read.
    """
    from diffuse_fuse.remote.urls import names_urls, url_of

    ir, vis, out, manifest = paths.ir, paths.vis, paths.out, paths.manifest
    if not any(map(url_of, (ir, vis, out, manifest))) and (manifest is None or not names_urls(manifest)):
        return paths
    if window is Window.series:
        raise UsageError("--thermal-window series looks at all files first: with addresses, give --thermal-range.")
    from diffuse_fuse.remote.stage import Stage

    stage = Stage()
    ir_url = url_of(ir)
    is_folder = stage.store(ir_url).kind(ir_url) == "folder" if ir_url else ir is not None and ir.is_dir()
    many = manifest is not None or is_folder
    if manifest is not None and out is None and url_of(manifest) is None:
        out = manifest.parent
    return Paths(
        stage.source(ir, recursive),
        stage.source(vis, recursive),
        stage.output(out, many),
        stage.manifest(manifest),
        stage,
    )


def check_paths(ir: Path | None, vis: Path | None, out: Path | None, manifest: Path | None) -> Path:
    """Two files or two folders that exist (or one), or a manifest, and an output, which is returned.

    With a manifest the output is its own folder unless it is said. Raises UsageError.
    """
    refuse_stdout(out)
    if manifest is not None:
        if ir is not None:
            raise UsageError("--manifest names the pairs, and so do IR and VIS: give one of them.")
        if out is not None and out.exists() and not out.is_dir():
            raise UsageError(f"The output {out} is a file: with --manifest it is a folder.")
        return out or manifest.parent
    if ir is None:
        raise UsageError("It is not said what to fuse: give IR and VIS, two files or two folders, or --manifest FILE.")
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


def parse_shard(text: str | None, many: bool) -> shard.Shard | None:
    """The part that --shard names; ``many``: there are pairs to be parted. Raises UsageError."""
    from diffuse_fuse import shard

    if text is None:
        return None
    if not many:
        raise UsageError("--shard parts folders and tables of pairs, and two files are one pair: leave it out.")
    return shard.Shard.parse(text)


def check_window(given: ThermalRange | None, window: Window) -> None:
    """Raise UsageError where a thermal range is given together with what looks for one."""
    if given is not None and window is Window.series:
        raise UsageError("--thermal-range sets the range and --thermal-window series looks for one: give one of them.")


def check_only_metrics(**others: bool) -> None:
    """Raise UsageError when --only-metrics comes with an option that only fusing has a use for."""
    for name, given in others.items():
        if given:
            raise UsageError(f"--only-metrics fuses nothing, so --{name.replace('_', '-')} has no meaning with it.")


def make_aligner(align: Align, file: Path | None, ir_field: str | None = None) -> Aligner | None:
    """What moves the infrared pictures or finds their field, or None.

    ``ir_field``: as ``cli.field.IrField`` has it. Raises UsageError, and AlignmentError for a wrong file.
    """
    search = is_auto(ir_field)
    if align is Align.none and file is None and not search:
        return None
    if file is not None and ir_field is not None:
        raise UsageError("--align-file brings the field along and --ir-field says or looks for one: give one of them.")
    if align is not Align.none and file is not None:
        raise UsageError("--align looks for an alignment and --align-file brings one: give one of them.")
    from diffuse_fuse import alignment

    if file is not None:
        return alignment.Aligner(calibration=alignment.load_calibration(file))
    if align is Align.none:
        return alignment.Aligner(search=True, move=False)
    kind = alignment.Kind.similarity if align is Align.auto else alignment.Kind(align.value)
    return alignment.Aligner(kind, search=search)


def make_plan(
    ir: Path | None,
    vis: Path | None,
    out: Path,
    manifest: Path | None,
    recursive: bool,
    picture_format: str | None,
    depth: int,
    rules: Rules,
) -> Plan:
    """The jobs that the paths stand for; raises UsageError where they cannot be."""
    from diffuse_fuse import batch
    from diffuse_fuse.errors import ImageWriteError
    from diffuse_fuse.images.write import require_depth

    suffix = batch.format_suffix(picture_format) if picture_format else None
    if manifest is not None:
        return batch.plan_manifest(manifest, out, suffix, depth)
    assert ir is not None
    if not ir.is_dir():
        plan = batch.Plan((batch.plan_pair(ir, vis or ir, out, suffix),))
    elif vis is None:
        plan = batch.plan_single_folder(ir, out, recursive, suffix, rules)
    else:
        plan = batch.plan_folders(ir, vis, out, recursive, suffix, rules)
    try:
        for job in plan.jobs[:1]:  # they have one format
            require_depth(job.out, depth)
    except ImageWriteError as error:
        raise UsageError(str(error)) from error
    return plan
