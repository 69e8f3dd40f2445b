"""``dfuse inspect``: what picture files hold, and what fuse would do with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffuse_fuse.cli import report

if TYPE_CHECKING:
    from diffuse_fuse.images.describe import Facts


def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Picture files.", show_default=False)],
    page: Annotated[int, typer.Option(min=1, metavar="N", help="Page of multi-page files.")] = 1,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Refuse larger pictures; 100 million unless given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list on stdout, one object a file.")] = False,
) -> None:
    """Say what picture files are: size, depth, thermal range and unit, pictures inside, camera, place.

    Of a picture that dfuse fused also what it was made of.

    A file that cannot be read is named with the reason; the exit code is then 1.
    """
    from diffuse_fuse.errors import ImageError
    from diffuse_fuse.images.describe import describe
    from diffuse_fuse.images.names import shown
    from diffuse_fuse.images.options import MAX_PIXELS, LoadOptions

    options = LoadOptions(page=page, max_pixels=max_pixels or MAX_PIXELS)
    found: list[dict[str, object]] = []
    failed = False
    for number, path in enumerate(files):
        try:
            facts = describe(path, options)
        except ImageError as error:
            failed = True
            found.append({"path": str(path), "error": str(error)})
            typer.echo(shown(f"Error: {error}"), err=True)
            continue
        found.append({**facts.as_dict(), "error": None})
        if not as_json:
            typer.echo(("\n" if number else "") + _text(facts))
    if as_json:
        typer.echo(json.dumps(found, indent=2, allow_nan=False))
    if failed:
        raise typer.Exit(1)


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
    rows += [("orientation", f"EXIF {facts.orientation}, turned upright")] if facts.orientation != 1 else []
    rows += [("place", f"{facts.gps[0]:.5f}, {facts.gps[1]:.5f}")] if facts.gps else []
    rows += [("profile", facts.profile)] if facts.profile else []
    rows += _origin(facts.fused) if facts.fused else []
    rows += [("as infrared", facts.as_infrared), ("as visible", facts.as_visible)]
    rows += [("note", text) for text in facts.warnings]
    rows = [(name, shown(text)) for name, text in rows]
    return f"{shown(facts.path)}\n" + "\n".join("  " + line for line in report.table(rows).splitlines())
