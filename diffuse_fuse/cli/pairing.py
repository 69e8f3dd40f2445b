"""The options of all commands that say which pictures belong together, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffuse_fuse.cli.report import named, without_partner

if TYPE_CHECKING:
    from diffuse_fuse.images.pairing import Rules

IrPattern = Annotated[
    str | None,
    typer.Option(
        metavar="'*_T.*'", help="Names of the infrared pictures; with both patterns, what * stands for pairs."
    ),
]
VisPattern = Annotated[str | None, typer.Option(metavar="'*_W.*'", help="Names of the visible pictures.")]
MapFile = Annotated[
    Path | None,
    typer.Option("--map", metavar="FILE", help="What belongs together: JSON {visible: infrared}, or a table ir, vis."),
]
ByOrder = Annotated[bool, typer.Option("--by-order", help="Pair by consecutive numbers, or by the order of the names.")]


def rules(ir_pattern: str | None, vis_pattern: str | None, map_file: Path | None, by_order: bool) -> Rules:
    """The options as what ``images.pairing`` takes."""
    from diffuse_fuse.images.pairing import Rules

    return Rules(ir_pattern, vis_pattern, map_file, by_order)


def left_out(
    ir_only: Sequence[Path], vis_only: Sequence[Path], passed_over: Sequence[Path], notes: Sequence[str] = ()
) -> list[str]:
    """Sentences about what belongs to no pair, and about how pairs were found."""
    sentences = without_partner(ir_only, vis_only)
    if passed_over:
        pictures = "picture was" if len(passed_over) == 1 else "pictures were"
        sentences.append(f"{len(passed_over)} {pictures} passed over, as no pair needs them: {named(passed_over)}.")
    return [*sentences, *notes]
