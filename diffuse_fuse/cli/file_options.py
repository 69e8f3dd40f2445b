"""Options that say of a file what it does not say itself: bands, pages, palette, unit, layout without a header."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer

_PANEL = "What files do not say"


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


IrBand = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Band of the file that is the infrared picture.", rich_help_panel=_PANEL),
]
VisBands = Annotated[
    str | None,
    typer.Option(metavar="R,G,B", help="Bands of the file that are the visible picture.", rich_help_panel=_PANEL),
]
VisPage = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Page of the file that is the visible picture.", rich_help_panel=_PANEL),
]
GivenPalette = Annotated[
    str | None,
    typer.Option(
        "--palette",
        metavar="NAME|FILE|reversed",
        help="False colours of the infrared pictures, by name or a picture of the bar; reversed: hot and cold change.",
        rich_help_panel=_PANEL,
    ),
]
Unit = Annotated[
    ThermalUnit | None,
    typer.Option(
        "--thermal-unit",
        help="What the infrared numbers mean, so that --thermal-range is in °C; cK: hundredths of a kelvin.",
        rich_help_panel=_PANEL,
    ),
]
RawSize = Annotated[
    str | None,
    typer.Option(metavar="WxH", help="Size of infrared files without a header (.raw, .bin).", rich_help_panel=_PANEL),
]
RawNumbers = Annotated[
    RawType, typer.Option("--raw-type", help="Type of their numbers; be: big-endian.", rich_help_panel=_PANEL)
]


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
    from diffuse_fuse.errors import UsageError

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--vis-bands takes numbers from 1, red first, such as 3,2,1; not {text!r}.") from None


def _size(text: str) -> tuple[int, int]:
    from diffuse_fuse.errors import UsageError

    try:
        width, height = (int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise UsageError(f"--raw-size takes width and height, such as 640x512; not {text!r}.") from None
    return width, height
