"""``dfuse export``: a fusion model as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diffuse_fuse.cli.report import print_json
from diffuse_fuse.errors import UsageError
from diffuse_fuse.schema import headed


def export(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.onnx", help="File to write.")],
    model: Annotated[str, typer.Option(metavar="NAME|FILE", help="Weights; dfuse models lists them.")] = "default",
    dynamic: Annotated[bool, typer.Option("--dynamic", help="Export a graph for pictures of any size.")] = False,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="Without --dynamic: the only size of picture that the graph takes.")
    ] = "640x480",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Write a fusion model as an ONNX file: pair in, colour picture out.

    The inputs are ir (1, 1, H, W) and vis (1, 3, H, W), the output is fused (1, 3, H, W), all float32 in [0, 1]. dfuse
    compares the graph with PyTorch before it writes the file. dfuse fuse --backend onnx --model FILE.onnx uses it.
    """
    if out.suffix.lower() != ".onnx":
        raise UsageError(f"{out}: an ONNX file has the suffix .onnx.")
    from diffuse_fuse import models
    from diffuse_fuse.files import require_free

    require_free(out, (models.locate(model),), overwrite)
    from diffuse_fuse.diffusion.pictures import parse_size

    width, height = parse_size(size)
    from diffuse_fuse.onnx import export as exporter

    facts, difference = exporter.export(model, out, None if dynamic else (height, width))
    if as_json:
        shape = {"height": facts.size[0], "width": facts.size[1]} if facts.size else None
        whole = {"file": str(out), "bytes": out.stat().st_size, "model": facts.model, "weights": facts.weights}
        whole |= {"size": shape, "multiple": facts.multiple, "difference": difference, "version": facts.dfuse}
        print_json(headed("export", whole))
    elif not quiet:
        for_size = f"{facts.size[1]}×{facts.size[0]} pixels" if facts.size else "any size"
        typer.echo(
            f"Wrote {out} ({out.stat().st_size / 1e6:.1f} MB): {facts.model}, for pictures of {for_size}; "
            f"it differs from PyTorch by at most {difference:.3f} of 255, except for at most 1 pixel in 100 000.",
            err=True,
        )
