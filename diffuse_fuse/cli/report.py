"""What the commands print: metrics as a table, warnings and failures as sentences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from diffuse_fuse.errors import counted, one_line

if TYPE_CHECKING:
    from diffuse_fuse.batch import Result

_NAMED = 5  # files named in a sentence before it says "and … more"
_ALIKE = 3  # files of a folder of which one sentence is said together


def say(text: str) -> None:
    """One line on stderr, also where a file's name holds line breaks or bytes that are no text."""
    typer.echo(one_line(text), err=True)


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


def warnings(results: Sequence[Result]) -> list[str]:
    """The warnings of all pairs; one that many pairs share is said once."""
    where = defaultdict(list)
    for result in results:
        for text in result.warnings:
            where[text].append(result.vis)
    return [f"{text} ({named(paths)})" for text, paths in where.items()]


def failures(results: Sequence[Result]) -> list[str]:
    """A headline and a line for each failed pair; nothing if there is none."""
    failed = [result for result in results if result.status == "failed"]
    if not failed:
        return []
    lines = [f"{len(failed)} of {counted(len(results), 'pair')} failed:"]
    files = [path for result in failed for path in (result.ir, result.vis, result.out)]
    return lines + [f"  {text}" for text in folded([str(result.error) for result in failed], files)]


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
