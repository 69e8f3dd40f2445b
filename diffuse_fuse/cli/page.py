"""``dfuse page``: the page without a server, which fuses in the browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def page(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to write: a new or an empty one.")],
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE", help="A small model to offer; may be repeated.", show_default="fast, tiny"),
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="The npm package onnxruntime-web as a file or folder; by default npm downloads it.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Allow a folder that is not empty.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Write a folder with a page that fuses in the browser, for any web server.

    The pictures never leave the machine of the person who opens the page. The command needs the extra onnx, and npm to
    download ONNX Runtime Web once.
    """
    from diffuse_fuse.extras import need

    need("onnxruntime", "onnx")
    from diffuse_fuse.browser.build import MODELS, build

    def exporting(name: str, _: Path) -> None:
        if not quiet:
            typer.echo(f"Exporting {name} as ONNX (only the first time) …", err=True)

    files = build(folder, tuple(model or MODELS), runtime, overwrite, exporting)
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "files": files, "bytes": sum(files.values())}, indent=2))
    elif not quiet:
        typer.echo(
            f"Wrote {folder} ({sum(files.values()) / 1e6:.1f} MB). It needs a web server: to try it, run "
            f"python -m http.server --directory {folder}, and open http://localhost:8000.",
            err=True,
        )
