"""What several commands print: tables, and sentences about files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import typer

from diffuse_fuse.errors import one_line

_NAMED = 5  # files named in a sentence before it says "and … more"
_ALIKE = 3  # files of a folder of which one sentence is said together


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells → aligned columns, two spaces apart."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def metrics_table(values: Mapping[str, float], heading: str = "value") -> str:
    """One line a metric: name, value, which direction is better."""
    from diffuse_fuse.metrics import REGISTRY

    better = {"up": "higher", "down": "lower"}
    rows = [("metric", heading, "better")]
    rows += [(name, f"{value:.4f}", better[REGISTRY[name].direction]) for name, value in values.items()]
    return table(rows)


def without_partner(ir_only: Sequence[Path], vis_only: Sequence[Path]) -> list[str]:
    """A sentence for each side that has files without a partner."""
    sentences = []
    for kind, other, paths in (("infrared", "visible", ir_only), ("visible", "infrared", vis_only)):
        if paths:
            pictures = "picture has" if len(paths) == 1 else "pictures have"
            sentences.append(f"{len(paths)} {kind} {pictures} no {other} partner: {named(paths)}.")
    return sentences


def left_out(
    ir_only: Sequence[Path], vis_only: Sequence[Path], passed_over: Sequence[Path], notes: Sequence[str] = ()
) -> list[str]:
    """Sentences about what belongs to no pair, and about how pairs were found."""
    sentences = without_partner(ir_only, vis_only)
    if passed_over:
        pictures = "picture was" if len(passed_over) == 1 else "pictures were"
        sentences.append(f"{len(passed_over)} {pictures} ignored, since no pair needs them: {named(passed_over)}.")
    return [*sentences, *notes]


def folded(errors: Sequence[str], files: Iterable[Path]) -> list[str]:
    """Errors, with those that say the same of several ``files`` of one folder as one sentence."""
    known = {one_line(str(path)): path for path in files}
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for error in errors:
        words = error.split(" ")
        starts = (" ".join(words[:count]) for count in range(1, len(words)))
        start = next((start for start in starts if start in known), None)
        rest = "" if start is None else error[len(start) :]
        groups[(str(known[start].parent), rest) if start else ("", error)].append(start or error)
    lines: list[str] = []
    for (folder, rest), paths in groups.items():
        if folder and len(paths) >= _ALIKE:
            names = named([Path(known[path].name) for path in paths])
            lines.append(f"{folder}: each of {len(paths)} pictures ({names}){rest}")
        else:
            lines += [path + (rest if folder else "") for path in paths]
    return lines


def named(paths: Sequence[Path]) -> str:
    """The first few of some files, and how many more."""
    names = ", ".join(str(path) for path in paths[:_NAMED])
    return names if len(paths) <= _NAMED else f"{names} and {len(paths) - _NAMED} more"


def print_json(whole: object) -> None:
    """JSON on stdout; see ``schema``."""
    from diffuse_fuse.remote.urls import told

    typer.echo(told(json.dumps(whole, indent=2, allow_nan=False)))


def say(text: str) -> None:
    """One line on stderr, also where a file's name holds line breaks or bytes that are no text."""
    from diffuse_fuse.images.names import shown
    from diffuse_fuse.remote.urls import told

    typer.echo(shown(told(text)), err=True)


def say_export(name: str, graph: Path) -> None:
    """On stderr: why the first run with onnxruntime takes longer."""
    say(f"Exporting {name} for onnxruntime (only the first time): {graph}")
