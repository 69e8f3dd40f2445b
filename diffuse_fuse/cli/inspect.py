"""``dfuse inspect``: what picture files hold, and what fuse would do with them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffuse_fuse.cli import report
from diffuse_fuse.cli.options import (
    NODATA_HELP,
    ByOrder,
    GivenPalette,
    IrBand,
    IrPattern,
    MapFile,
    RawNumbers,
    RawSize,
    RawType,
    Unit,
    VisBands,
    VisPage,
    VisPattern,
    file_options,
    rules,
)
from diffuse_fuse.errors import counted
from diffuse_fuse.schema import headed

if TYPE_CHECKING:
    from diffuse_fuse.images.describe import Facts
    from diffuse_fuse.images.flight import Flight
    from diffuse_fuse.images.options import LoadOptions
    from diffuse_fuse.images.pairing import Rules


def inspect(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|FOLDER…", help="Picture files, or folders of them.", show_default=False),
    ],
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Search subfolders too.")] = False,
    ir_pattern: IrPattern = None,
    vis_pattern: VisPattern = None,
    map_file: MapFile = None,
    by_order: ByOrder = False,
    page: Annotated[int, typer.Option(min=1, metavar="N", help="Page of multi-page files.")] = 1,
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
    nodata: Annotated[float | None, typer.Option(metavar="V", help=NODATA_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list on stdout, one object per file.")] = False,
) -> None:
    """Show what picture files contain: size, depth, thermal range and unit, embedded pictures, camera, place.

    For a picture that dfuse fused, the command also shows the sources. For a folder, it shows a table of the kinds of
    files, and the pairs. If it cannot read a file, it names the file and the reason, and the exit code is 1.
    """
    from diffuse_fuse.errors import ImageError
    from diffuse_fuse.images.describe import describe
    from diffuse_fuse.images.names import shown
    from diffuse_fuse.images.options import MAX_PIXELS, LoadOptions

    options = LoadOptions(
        page=page,
        max_pixels=max_pixels or MAX_PIXELS,
        nodata=nodata,
        **file_options(ir_band, vis_bands, vis_page, palette, thermal_unit, raw_size, raw_type),
    )
    found: list[dict[str, object]] = []
    failed = False
    for number, path in enumerate(files):
        if path.is_dir():
            flight = _flight(path, recursive, rules(ir_pattern, vis_pattern, map_file, by_order), options)
            found.append(headed("folder", flight.as_dict()))
            failed = failed or bool(flight.errors)
            if not as_json:
                typer.echo(("\n" if number else "") + _flight_text(flight))
            continue
        try:
            facts = describe(path, options)
        except ImageError as error:
            failed = True
            found.append(headed("unreadable", {"path": str(path), "error": str(error)}))
            typer.echo(shown(f"Error: {error}"), err=True)
            continue
        found.append(headed("picture", {**facts.as_dict(), "error": None}))
        if not as_json:
            typer.echo(("\n" if number else "") + _text(facts))
    if as_json:
        report.print_json(found)
    if failed:
        raise typer.Exit(1)


def _flight(path: Path, recursive: bool, how: Rules, options: LoadOptions) -> Flight:
    """A folder's summary; what cannot be read is said on stderr."""
    from diffuse_fuse.cli.progress import progress_bar
    from diffuse_fuse.images.flight import summarise
    from diffuse_fuse.images.names import shown
    from diffuse_fuse.images.pairs import find_pictures

    with progress_bar(
        "looking", len(find_pictures(path, recursive)), "file", hidden=not sys.stderr.isatty()
    ) as advance:
        flight = summarise(path, recursive, how, options, advance)
    for text in flight.errors:
        typer.echo(shown(f"Error: {text}"), err=True)
    return flight


def _flight_text(flight: Flight) -> str:
    """The folder's name, a table of its kinds of files, and what pairs."""
    from diffuse_fuse.images.names import shown

    rows = [("kind", "files", "format", "size", "content", "values", "camera", "taken")]
    for kind in flight.kinds:
        low, high, unit = kind.thermal or (0, 0, "")
        rows.append(
            (
                kind.kind,
                str(kind.files),
                f"{kind.format}, {kind.bits} bits",
                f"{kind.width}×{kind.height}",
                kind.content,
                f"{low:g} to {high:g} {unit}" if kind.thermal else "",
                kind.camera or "",
                kind.first
                if kind.first == kind.last and kind.first
                else f"{kind.first} to {kind.last}"
                if kind.first
                else "",
            )
        )
    found = flight.pairing
    lines = [f"{flight.path}: {counted(flight.files, 'picture')}, {counted(len(found.pairs), 'pair')}"]
    lines += ["  " + line for line in report.table(rows).splitlines()] if flight.kinds else []
    boxes = [kind.place for kind in flight.kinds if kind.place]
    if boxes:
        south, west, north, east = (min(box[0] for box in boxes), min(box[1] for box in boxes),
                                    max(box[2] for box in boxes), max(box[3] for box in boxes))  # fmt: skip
        lines.append(f"  place: {south:.5f}, {west:.5f} to {north:.5f}, {east:.5f}")
    if found.pairs:
        odd = report.left_out(found.ir_only, found.vis_only, found.passed_over, found.notes)
        lines += ["  " + text for text in odd]
    lines += [f"  {name}" for name in found.ambiguous]
    return "\n".join(map(shown, lines))


def _origin(fused: dict[str, Any]) -> list[tuple[str, str]]:
    """What a fused picture was made of, as rows."""
    options = json.dumps(fused["options"], ensure_ascii=False).strip("{}").replace('"', "")
    return [
        ("fused by", f"dfuse {fused['version']}, model {fused['model']} ({fused['weights'][:12]})"),
        *(
            (f"fused from {side}", f"{fused['sources'][side]['name']} ({fused['sources'][side]['sha256'][:12]})")
            for side in ("ir", "vis")
        ),
        *([("options", options)] if options else []),
    ]


def _thermal(thermal: dict[str, Any]) -> list[tuple[str, str]]:
    """The values of the picture, as rows."""
    unit = {"°C": "°C", "counts": "counts", "values": "", "levels": "of 255"}[thermal["unit"]]
    low, high = thermal["robust_range"]
    ends = f"{thermal['min']:g} to {thermal['max']:g} {unit}".rstrip()
    rows = [("thermal", f"{ends}; 99 % within {low:g} to {high:g}")]
    if thermal["camera_span"]:
        low, high = thermal["camera_span"]
        rows.append(("camera span", f"{low:g} to {high:g} {unit} (--thermal-range camera)"))
    return rows


def _place(facts: Facts) -> list[tuple[str, str]]:
    """Where the picture was taken, how the camera stood, and where a map lies, as rows."""
    rows = [("place", f"{facts.gps[0]:.5f}, {facts.gps[1]:.5f}")] if facts.gps else []
    if facts.pose:
        rows.append(("pose", ", ".join(f"{name} {value:g}" for name, value in facts.pose.items())))
    if facts.map:
        system, (width, height), extent = facts.map["system"], facts.map["pixel"], facts.map["extent"]
        where = "rotated against the axes"
        if extent:
            left, bottom, right, top = (f"{value:.12g}" for value in extent)
            where = f"{left} to {right}, {bottom} to {top}"
        rows.append(("map", f"{system or 'an unnamed coordinate system'}: {where}; a pixel is {width:g}×{height:g}"))
    return rows


def _text(facts: Facts) -> str:
    """The file's name and a table below it; what is not there is left out."""
    from diffuse_fuse.images.names import shown

    depth = f"{facts.bits}-bit {facts.dtype}" if facts.dtype else "unusual values"
    depth += f", {facts.channels} channel{'s' if facts.channels > 1 else ''}"
    rows = [
        ("format", facts.format + (f", {facts.pages} pages" if facts.pages > 1 else "")),
        ("size", f"{facts.width}×{facts.height}"),
        ("depth", depth + (", partly transparent" if facts.alpha else "")),
        *([("content", facts.content)] if facts.content else []),
        *(_thermal(facts.thermal) if facts.thermal else []),
    ]
    rows += [
        ("inside", f"{picture.kind} {picture.width}×{picture.height}, {picture.detail}") for picture in facts.embedded
    ]
    rows += [("camera", facts.camera)] if facts.camera else []
    rows += [("time", facts.time)] if facts.time else []
    rows += [("orientation", f"EXIF {facts.orientation}, rotated upright")] if facts.orientation != 1 else []
    rows += [("digital zoom", f"{facts.zoom:g}")] if facts.zoom > 1 else []
    rows += _place(facts)
    rows += [("profile", facts.profile)] if facts.profile else []
    rows += _origin(facts.fused) if facts.fused else []
    rows += [("as infrared", facts.as_infrared), ("as visible", facts.as_visible)]
    rows += [("note", text) for text in facts.warnings]
    rows = [(name, shown(text)) for name, text in rows]
    return f"{shown(facts.path)}\n" + "\n".join("  " + line for line in report.table(rows).splitlines())
