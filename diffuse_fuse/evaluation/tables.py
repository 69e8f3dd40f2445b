"""An evaluation as text: Markdown, LaTeX, CSV and the terminal's table.

Best and second are marked among methods that cover the same pairs; baselines stand below them unmarked, because a copy
of a source is unbeatable in some columns and useless.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from diffuse_fuse.errors import counted, one_line
from diffuse_fuse.images.table import csv_text

if TYPE_CHECKING:
    from rich.table import Table

    from diffuse_fuse.evaluation.result import Evaluation

Mark = Literal["best", "second", ""]
ARROWS = {"up": "↑", "down": "↓", "none": ""}
_LATEX_COLUMNS = 14  # metrics that fit beside each other on a page of 15 cm, in footnote size


@dataclass(frozen=True)
class Row:
    """One line of the summary table: texts as shown, and a mark for each."""

    name: str
    kind: str
    pairs: int
    comparable: bool
    cells: tuple[str, ...]
    marks: tuple[Mark, ...]


def rows(evaluation: Evaluation) -> list[Row]:
    """The summary table, methods first and baselines last; rows over fewer pairs carry no marks."""
    mean = evaluation.means.mean
    digits = [_digits(mean[:, column]) for column in range(mean.shape[1])]
    texts = [[number(value, digit) for value, digit in zip(line, digits, strict=True)] for line in mean]
    ranked = [row for row, method in enumerate(evaluation.methods) if method.kind != "baseline"]
    ranked = [row for row in ranked or range(len(evaluation.methods)) if evaluation.comparable(row)]
    marks: list[list[Mark]] = [[""] * mean.shape[1] for _ in evaluation.methods]
    for column, name in enumerate(evaluation.metrics):
        for row, mark in _marks([texts[row][column] for row in ranked], evaluation.directions[name]).items():
            marks[ranked[row]][column] = mark
    return [
        Row(
            method.name,
            method.kind,
            evaluation.count(row),
            evaluation.comparable(row),
            tuple(texts[row]),
            tuple(marks[row]),
        )
        for row, method in enumerate(evaluation.methods)
    ]


def number(value: float, digits: int) -> str:
    """A value as tables show it; "–" where it is undefined."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def heading(evaluation: Evaluation) -> str:
    """The line that every table carries: without the convention its numbers mean nothing."""
    scored, total = len(evaluation.pairs), evaluation.pairs_in_set
    pairs = counted(total, "pair")
    pairs = pairs if scored == total else f"{scored} of {pairs}"
    return (
        f"{evaluation.dataset}, {pairs}, convention {evaluation.convention}, means over pairs "
        f"(dfuse {evaluation.version}, metric code {evaluation.metric_code})"
    )


def footnotes(evaluation: Evaluation) -> list[str]:
    """What a reader of the table must know besides."""
    table = rows(evaluation)
    few = [row for row in table if not row.comparable]
    notes = [f"* {row.name}: {counted(row.pairs, 'pair')} only, not comparable with the rest" for row in few]
    total = len(evaluation.pairs)
    partial = [row for row in table if row.comparable and row.pairs < total]
    if partial:  # the best that there is, and still not what the heading says
        names = ", ".join(row.name for row in partial)
        notes.append(f"Over {partial[0].pairs} of {counted(total, 'pair')} only: {names}")
    kinds = {row.kind for row in table}
    if "baseline" in kinds and len(kinds) > 1:
        notes.append("Best and second are marked among the methods, not the baselines.")
    return notes


def titles(evaluation: Evaluation) -> list[str]:
    """Column titles with arrows."""
    return [f"{name}{ARROWS[evaluation.directions[name]]}" for name in evaluation.metrics]


def terminal(evaluation: Evaluation, width: int) -> list[Table]:
    """rich tables that fit into ``width`` columns; more metrics than fit continue in a further table."""
    from rich.table import Table
    from rich.text import Text

    table = rows(evaluation)
    names = [one_line(row.name) + ("" if row.comparable else "*") for row in table]
    left = max(len(name) for name in (*names, "method")) + 2
    sizes = [
        max(len(title), *(len(row.cells[column]) for row in table)) + 2
        for column, title in enumerate(titles(evaluation))
    ]
    parts = []
    for columns in _pages(sizes, width - left):
        part = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False, header_style="")
        part.add_column("method", no_wrap=True)
        for column in columns:
            part.add_column(titles(evaluation)[column], justify="right", no_wrap=True)
        for name, row in zip(names, table, strict=True):
            style = {"best": "bold", "second": "underline"}
            # appended, because a text's own style would also underline the spaces that align it
            cells = [Text().append(row.cells[column], style.get(row.marks[column], "")) for column in columns]
            part.add_row(Text(name), *cells, style="dim" if row.kind == "baseline" else "")
        parts.append(part)
    return parts


def markdown(evaluation: Evaluation) -> str:
    """A GitHub table: best in bold, second underlined."""
    wrap = {"best": ("**", "**"), "second": ("<u>", "</u>"), "": ("", "")}
    lines = [
        heading(evaluation),
        "",
        "| method | " + " | ".join(_escape_pipes(title) for title in titles(evaluation)) + " |",
        "|---|" + "---:|" * len(evaluation.metrics),
    ]
    for row in rows(evaluation):
        cells = [wrap[mark][0] + cell + wrap[mark][1] for cell, mark in zip(row.cells, row.marks, strict=True)]
        name = _escape_pipes(row.name) + ("" if row.comparable else "\\*")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for note in footnotes(evaluation):
        lines += ["", note.replace("* ", "\\* ", 1) if note.startswith("* ") else note]
    return "\n".join(lines) + "\n"


def latex(evaluation: Evaluation) -> str:
    """A booktabs table as wide as a two-column page: best in bold, second underlined. More metrics stand below."""
    table = rows(evaluation)
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table*}",
        "\\centering",
        "\\footnotesize",
        "\\setlength{\\tabcolsep}{3pt}",
        f"\\caption{{{_escape_latex(heading(evaluation))}}}",
    ]
    columns = range(len(evaluation.metrics))
    for start in columns[::_LATEX_COLUMNS]:
        if start:
            lines.append("\\par\\medskip")
        lines += _tabular(evaluation, table, columns[start : start + _LATEX_COLUMNS])
    lines += [f"\\par\\smallskip {_escape_latex(note)}" for note in footnotes(evaluation)]
    return "\n".join([*lines, "\\end{table*}"]) + "\n"


def _tabular(evaluation: Evaluation, table: Sequence[Row], columns: range) -> list[str]:
    """The lines of one tabular: all methods, and these metrics."""
    wrap = {"best": ("\\textbf{", "}"), "second": ("\\underline{", "}"), "": ("", "")}
    arrows = {"up": "$\\uparrow$", "down": "$\\downarrow$", "none": ""}
    names = [evaluation.metrics[column] for column in columns]
    head = [_escape_latex(name) + arrows[evaluation.directions[name]] for name in names]
    lines = [
        f"\\begin{{tabular}}{{l{'r' * len(head)}}}",
        "\\toprule",
        "Method & " + " & ".join(head) + " \\\\",
        "\\midrule",
    ]
    previous = ""
    for row in table:
        if row.kind == "baseline" and previous not in ("", "baseline"):
            lines.append("\\midrule")
        previous = row.kind
        cells = [
            wrap[row.marks[column]][0] + row.cells[column].replace("–", "--") + wrap[row.marks[column]][1]
            for column in columns
        ]
        name = _escape_latex(row.name) + ("" if row.comparable else "$^*$")
        lines.append(f"{name} & " + " & ".join(cells) + " \\\\")
    return [*lines, "\\bottomrule", "\\end{tabular}"]


def summary_csv(evaluation: Evaluation) -> str:
    """One row a method: convention, means, number of pairs, then the limits of each mean's 95 % interval."""
    means = evaluation.means
    limits = [f"{name}_{end}" for name in evaluation.metrics for end in ("low", "high")]
    lines = [["method", "kind", "convention", *evaluation.metrics, "n", *limits]]
    for row, method in enumerate(evaluation.methods):
        bounds = np.stack([means.low[row], means.high[row]], axis=-1).ravel()
        means_shown = map(_exact, means.mean[row])
        count = str(evaluation.count(row))
        named = (method.name, method.kind, evaluation.convention)
        lines.append([*named, *means_shown, count, *map(_exact, bounds)])
    return csv_text(lines)


def per_image_csv(evaluation: Evaluation) -> str:
    """One row for each pair and method that was scored, with the convention."""
    lines = [["image", "method", "convention", *evaluation.metrics]]
    for column, pair in enumerate(evaluation.pairs):
        for row, method in enumerate(evaluation.methods):
            if evaluation.scored[row, column]:
                lines.append([pair, method.name, evaluation.convention, *map(_exact, evaluation.values[row, column])])
    return csv_text(lines)


def _exact(value: float) -> str:
    return f"{value:.7g}"


def _digits(values: np.ndarray) -> int:
    """Four significant digits for the largest value of a column."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 0.0
    return 1 if largest >= 1000 else 2 if largest >= 10 else 3 if largest >= 1 else 4


def _marks(texts: Sequence[str], direction: str) -> dict[int, Mark]:
    """Best and second by what is shown: equal texts get equal marks. Nothing for a single row or no direction."""
    values = {index: float(text) for index, text in enumerate(texts) if text != "–"}
    if direction == "none" or len(values) < 2:
        return {}
    order = sorted(set(values.values()), reverse=direction == "up")
    best, second = order[0], order[1] if len(order) > 1 else None
    tied = sum(value == best for value in values.values()) > 1
    marks: dict[int, Mark] = {index: "best" for index, value in values.items() if value == best}
    if not tied and second is not None:
        marks |= {index: "second" for index, value in values.items() if value == second}
    return marks


def _pages(sizes: Sequence[int], room: int) -> list[list[int]]:
    pages: list[list[int]] = [[]]
    used = 0
    for column, size in enumerate(sizes):
        if pages[-1] and used + size > room:
            pages.append([])
            used = 0
        pages[-1].append(column)
        used += size
    return pages


def _escape_pipes(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_")


def _escape_latex(text: str) -> str:
    special = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "–": "--"}
    special |= {"<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}"}
    special |= {character: "\\" + character for character in "&%$#_{}"}
    return "".join(special.get(character, character) for character in text)
