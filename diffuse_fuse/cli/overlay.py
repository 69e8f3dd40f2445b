"""``dfuse overlay``: temperatures in colours on a fused or visible picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from diffuse_fuse.cli.options import (
    ENLARGE_HELP,
    NODATA_HELP,
    Align,
    Enlarge,
    GivenPalette,
    IrBand,
    IrField,
    RawNumbers,
    RawSize,
    RawType,
    Unit,
    enlarging,
    file_options,
    given_field,
    make_aligner,
)
from diffuse_fuse.cli.report import say
from diffuse_fuse.errors import ImageReadError, UsageError


def overlay(
    ir: Annotated[Path, typer.Argument(metavar="IR", help="Infrared picture.", show_default=False)],
    picture: Annotated[
        Path, typer.Argument(metavar="PICTURE", help="Fused or visible picture of the same field.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Picture to write.", show_default=False)],
    overlay_: Annotated[str, typer.Option("--overlay", metavar="iron|…", help="Palette, from cold to hot.")] = "iron",
    pip: Annotated[bool, typer.Option("--pip", help="Picture in picture: colour only the middle.")] = False,
    msx: Annotated[bool, typer.Option("--msx", help="Colour everything, and draw PICTURE's edges on top.")] = False,
    above: Annotated[
        float | None,
        typer.Option(metavar="T", help="Paint what has at least this temperature; by default the hottest tenth."),
    ] = None,
    below: Annotated[float | None, typer.Option(metavar="T", help="Paint what has at most this temperature.")] = None,
    ir_field: IrField = None,
    align: Annotated[Align, typer.Option(help="Register the infrared picture to PICTURE.")] = Align.none,
    align_file: Annotated[
        Path | None, typer.Option(metavar="T.json", help="Register with this alignment file, written by dfuse align.")
    ] = None,
    page: Annotated[int, typer.Option(min=1, metavar="N", help="Page of a multi-page infrared file.")] = 1,
    nodata: Annotated[float | None, typer.Option(metavar="V", help=NODATA_HELP)] = None,
    ir_band: IrBand = None,
    palette: GivenPalette = None,
    thermal_unit: Unit = None,
    raw_size: RawSize = None,
    raw_type: RawNumbers = RawType.uint16,
    enlarge: Annotated[Enlarge, typer.Option(help=ENLARGE_HELP)] = Enlarge.auto,
    no_bar: Annotated[bool, typer.Option("--no-bar", help="Draw no colour bar.")] = False,
    stretch: Annotated[bool, typer.Option("--stretch", help="Accept different aspect ratios.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
) -> None:
    """Overlay the temperatures of an infrared picture in colours on a fused or visible one, with a colour bar.

    Temperatures are in °C where the infrared file is radiometric, else in the file's own values. With --pip or --msx,
    the palette spans the picture's own range. With --above T, the cold end of the palette is at T.
    """
    import numpy as np

    from diffuse_fuse.alignment import aligned_values
    from diffuse_fuse.files import require_free
    from diffuse_fuse.images import overlay as lay
    from diffuse_fuse.images.options import LoadOptions
    from diffuse_fuse.images.write import write_image

    if pip + msx + (above is not None or below is not None) > 1:
        raise UsageError("--pip, --msx, and --above or --below exclude each other: use only one of them.")
    colours = lay.colours_of(overlay_)
    given = [ir, picture, *(Path(path) for path in (palette, align_file) if path)]
    require_free(out, given, overwrite)
    load = LoadOptions(
        page=page,
        stretch=stretch,
        nodata=nodata,
        field=given_field(ir_field),
        enlarge=enlarging(enlarge),
        **file_options(ir_band, None, None, palette, thermal_unit, raw_size, raw_type),
    )
    values, seen, unit, odd = aligned_values(ir, picture, load, make_aligner(align, align_file, ir_field))
    for warning in odd:
        say(f"{ir}: {warning}")
    measured = values[np.isfinite(values)]
    if not measured.size:
        raise ImageReadError(f"{ir} holds no measurement: all its pixels are marked as empty.")
    low, high = map(float, np.percentile(measured, (0.5, 100)))
    if pip or msx:
        limits = low, high
        made = (lay.inset if pip else lay.with_edges)(seen, values, limits, colours)
    else:
        if above is None and below is None:
            above = float(np.percentile(measured, 90))
        shown = -math.inf if above is None else above, math.inf if below is None else below
        if shown[0] > shown[1]:
            raise UsageError("--above is higher than --below: give the lower temperature to --above.")
        limits = max(low, shown[0]), max(min(high, shown[1]), max(low, shown[0]))
        share = float(((measured >= shown[0]) & (measured <= shown[1])).mean())
        made = lay.painted(seen, values, shown, limits, colours)
        say(_told(share, limits, (float(measured.min()), high), unit))
    write_image(out, made if no_bar else lay.with_bar(made, limits, colours, unit == "°C"))


def _told(share: float, limits: tuple[float, float], there: tuple[float, float], unit: str) -> str:
    """How much is painted, and where nothing is, what there is; ``limits`` and ``there`` from low to high."""
    from diffuse_fuse.images.overlay import plain

    def span(ends: tuple[float, float]) -> str:
        low, high = (plain(end, unit == "°C") for end in ends)
        return f"{low} to {high} {unit}"

    if share == 0:
        return f"Warning: nothing is painted: the infrared picture ranges from {span(there)}."
    shown = f"{share:.1%}" if share >= 0.0005 else "less than 0.1%"
    return f"{shown} of the infrared picture is painted: {span(limits)}."
