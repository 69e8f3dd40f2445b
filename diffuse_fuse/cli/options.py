"""Options that several commands share: their help, what they may be, and what they become."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffuse_fuse.cli.words import CAMERA, RANGE, RAY
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from diffuse_fuse import shard
    from diffuse_fuse.alignment import Aligner
    from diffuse_fuse.cluster import Cluster
    from diffuse_fuse.images.enlarging import Enlarger
    from diffuse_fuse.images.field import GivenField
    from diffuse_fuse.images.options import ThermalRange
    from diffuse_fuse.images.pairing import Rules


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


class Polarity(str, Enum):
    """What hot looks like in the infrared pictures."""

    white_hot = "white-hot"
    black_hot = "black-hot"
    auto = "auto"


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


class ThermalUnit(str, Enum):
    """Of the numbers in infrared files."""

    celsius = "C"
    kelvin = "K"
    centikelvin = "cK"
    decikelvin = "dK"
    centicelsius = "cC"
    decicelsius = "dC"
    fahrenheit = "F"


class RawType(str, Enum):
    """Of the numbers in headerless files."""

    uint8 = "uint8"
    uint16 = "uint16"
    uint16be = "uint16be"
    int16 = "int16"
    int16be = "int16be"
    int32 = "int32"
    float32 = "float32"
    float32be = "float32be"
    float64 = "float64"


BALANCE_HELP = (
    "How much of the infrared brightness the result takes over. 0: only hot targets; 1: all of it; auto: decided by "
    "the light of the scene."
)
NODATA_HELP = "Infrared value of pixels without a measurement, such as 0 or -9999; dfuse detects the usual ones."
_PANEL = "How to read the files"

Shard = Annotated[
    str | None,
    typer.Option(
        "--shard", metavar="I/N", help="Take only part I of N of the pairs, so that N machines share one OUT."
    ),
]
OnRay = Annotated[
    str | None,
    typer.Option(
        RAY,
        metavar="[ADDRESS]",
        help="Spread the work over a Ray cluster. ADDRESS: host:port, ray://host:port, local, or auto (the default), "
        "the cluster that this machine belongs to.",
    ),
]
RayGpus = Annotated[
    float | None,
    typer.Option("--ray-gpus", min=0.0, metavar="N", help="GPUs for each worker, such as 1 or 0.25; none by default."),
]
IrPattern = Annotated[
    str | None,
    typer.Option(
        metavar="'*_T.*'",
        help="Names of the infrared pictures. With both patterns, pictures pair whose names agree at the *.",
    ),
]
VisPattern = Annotated[str | None, typer.Option(metavar="'*_W.*'", help="Names of the visible pictures.")]
MapFile = Annotated[
    Path | None,
    typer.Option(
        "--map", metavar="FILE", help="File that lists the pairs: JSON {visible: infrared}, or a table ir, vis."
    ),
]
ByOrder = Annotated[bool, typer.Option("--by-order", help="Pair by consecutive numbers, or by the order of names.")]
GivenRange = Annotated[
    tuple[str, str] | None,
    typer.Option(
        RANGE,
        metavar="LO HI|camera",
        help="Infrared values that become black and white, in °C where the file is radiometric; camera: the range of "
        "the camera's display, where the file stores it.",
    ),
]
IrField = Annotated[
    str | None,
    typer.Option(
        "--ir-field",
        "--crop-vis",
        "--crop",
        metavar="auto|X,Y,W,H|N",
        help="Part of the visible picture that the infrared one shows. X,Y,W,H: in pixels or as fractions; N: the "
        "middle, one N-th as wide; auto: search for it. The visible picture is cropped to it.",
        show_default=False,
    ),
]
IrBand = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Band of the file that holds the infrared picture.", rich_help_panel=_PANEL),
]
VisBands = Annotated[
    str | None,
    typer.Option(metavar="R,G,B", help="Bands of the file that hold the visible picture.", rich_help_panel=_PANEL),
]
VisPage = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Page of the file that holds the visible picture.", rich_help_panel=_PANEL),
]
GivenPalette = Annotated[
    str | None,
    typer.Option(
        "--palette",
        metavar="NAME|FILE|reversed",
        help="Palette of false-colour infrared pictures: its name, or a picture of its colour bar; reversed: swap hot "
        "and cold.",
        rich_help_panel=_PANEL,
    ),
]
Unit = Annotated[
    ThermalUnit | None,
    typer.Option(
        "--thermal-unit",
        help="Unit of the infrared values, so that --thermal-range is in °C; cK: hundredths of a kelvin.",
        rich_help_panel=_PANEL,
    ),
]
RawSize = Annotated[
    str | None,
    typer.Option(metavar="WxH", help="Size of infrared files without a header (.raw, .bin).", rich_help_panel=_PANEL),
]
RawNumbers = Annotated[
    RawType,
    typer.Option("--raw-type", help="Number type of files without a header; be: big-endian.", rich_help_panel=_PANEL),
]


def check_balance(text: str) -> float | str:
    """What --balance says: "auto" or a number from 0 to 1. Raises UsageError."""
    from diffuse_fuse.fusion.relight import checked_balance

    try:
        return checked_balance(text)
    except UsageError:
        raise UsageError(f"--balance takes auto or a number from 0 to 1, such as 0.3, not '{text}'.") from None


def parse_count(text: str, option: str) -> int | None:
    """ "4" → 4, "auto" → None. Raises UsageError for anything else."""
    if text == "auto":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise UsageError(f"{option} takes auto or a whole number from 1 to 1024, not '{text}'.")
    return int(text)


def parse_shard(text: str | None) -> shard.Shard | None:
    """The part that --shard names. Raises UsageError."""
    if text is None:
        return None
    from diffuse_fuse import shard

    return shard.Shard.parse(text)


def parse_cluster(address: str | None, gpus: float | None, threads: int | None) -> Cluster | None:
    """The cluster of --ray and its options; None where it is not given. Raises UsageError."""
    if address is None:
        if gpus is not None:
            raise UsageError("--ray-gpus sets the GPUs of a worker of --ray: add --ray.")
        return None
    from diffuse_fuse.cluster import Cluster

    return Cluster(address, threads or 1, gpus or 0.0)


def rules(ir_pattern: str | None, vis_pattern: str | None, map_file: Path | None, by_order: bool) -> Rules:
    """The options as what ``images.pairing`` takes."""
    from diffuse_fuse.images.pairing import Rules

    return Rules(ir_pattern, vis_pattern, map_file, by_order)


def parse_range(given: Sequence[str] | None) -> ThermalRange | None:
    """What --thermal-range says: two values, "camera", or None where it is not given. Raises UsageError."""
    if given is None:
        return None
    if all(word.lower() == CAMERA for word in given):
        return "camera"
    try:
        low, high = map(float, given)
    except ValueError:
        raise UsageError(f"{RANGE} takes two values, such as 10 40, or camera, not {' '.join(given)}.") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"{RANGE} takes the lower value first, such as 10 40, not {low:g} {high:g}.")
    return low, high


def given_field(text: str | None) -> GivenField | None:
    """The field that the option says; None where it says none, or to look for it. Raises UsageError."""
    if text is None or is_auto(text):
        return None
    from diffuse_fuse.images.field import parse_field

    return parse_field(text)


def is_auto(text: str | None) -> bool:
    """Whether the field is to be looked for."""
    return text is not None and text.strip().lower() == "auto"


ENLARGE_HELP = (
    "How to enlarge an infrared picture of half the visible one's size or less. guided: with the detail that both "
    "pictures show; prior: by the diffusion model, which takes seconds; auto: cubic."
)


def enlarging(way: Enlarge) -> str | Enlarger:
    """What ``LoadOptions`` takes for --enlarge; only the prior brings PyTorch."""
    if way is not Enlarge.prior:
        return way.value
    from diffuse_fuse.diffusion.enlarge import enlarger

    return enlarger(way.value)


def make_aligner(align: Align, file: Path | None, ir_field: str | None = None) -> Aligner | None:
    """What moves the infrared pictures or finds their field, or None.

    ``ir_field``: as ``cli.field.IrField`` has it. Raises UsageError, and AlignmentError for a wrong file.
    """
    search = is_auto(ir_field)
    if align is Align.none and file is None and not search:
        return None
    if file is not None and ir_field is not None:
        raise UsageError("Both --align-file and --ir-field set the infrared field: use only one of them.")
    if align is not Align.none and file is not None:
        raise UsageError("Both --align and --align-file set the alignment: use only one of them.")
    from diffuse_fuse import alignment

    if file is not None:
        return alignment.Aligner(calibration=alignment.load_calibration(file))
    if align is Align.none:
        return alignment.Aligner(search=True, move=False)
    kind = alignment.Kind.similarity if align is Align.auto else alignment.Kind(align.value)
    return alignment.Aligner(kind, search=search)


def file_options(
    ir_band: int | None,
    vis_bands: str | None,
    vis_page: int | None,
    palette: str | None,
    unit: ThermalUnit | None,
    raw_size: str | None,
    raw_type: RawType,
) -> dict[str, Any]:
    """The arguments of ``LoadOptions``. Raises UsageError for what none of these can be."""
    from diffuse_fuse.images.options import RawLayout

    if palette:
        from diffuse_fuse.images.thermal.palette import named

        named(palette)  # so that a wrong name is said before anything is read
    return {
        "ir_band": ir_band,
        "vis_bands": None if vis_bands is None else _numbers(vis_bands),
        "vis_page": vis_page,
        "palette": palette,
        "thermal_unit": None if unit is None else unit.value,
        "raw": None if raw_size is None else RawLayout(*_size(raw_size), raw_type.value),
    }


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--vis-bands takes numbers from 1, red first, such as 3,2,1, not {text!r}.") from None


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise UsageError(f"--raw-size takes width and height, such as 640x512, not {text!r}.") from None
    return width, height
