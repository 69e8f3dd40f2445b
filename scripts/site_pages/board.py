"""The leaderboard: docs/leaderboard.csv as one sortable table a set."""

from __future__ import annotations

import csv
import math
from html import escape
from pathlib import Path

from benchmarks.joint_table import RANKED, ranks_apart
from diffuse_fuse.metrics import REGISTRY

PLACE = "<!-- leaderboard -->"
SETS = {"roadscene_val": "RoadScene, validation", "msrs_test_sample": "MSRS, test sample", "tno": "TNO"}
_SHOWN = (
    *("Tone", "VIF", "VIF_ir", "VIF_vis", "Qabf", "Nabf", "SSIM", "MS_SSIM", "EN", "SD", "SF", "AG", "MI", "SCD"),
    *("HTV", "Darkened", "Bleached", "DeltaE", "dC"),
)
_ARROWS = {"up": " ↑", "down": " ↓", "none": ""}

Row = dict[str, str]


def page(root: Path) -> str:
    """docs/leaderboard.md with the tables in their place."""
    with open(root / "docs" / "leaderboard.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = dict.fromkeys([*SETS, *(row["set"] for row in rows)])
    tables = "\n\n".join(table(name, [row for row in rows if row["set"] == name]) for name in names)
    text = (root / "docs" / "leaderboard.md").read_text(encoding="utf-8")
    assert PLACE in text, f"docs/leaderboard.md has no place for the tables: {PLACE}"
    return f"---\nhide: [toc]\n---\n{text.replace(PLACE, tables)}"  # the tables need the room


def table(name: str, rows: list[Row]) -> str:
    """The rows of one set, the best mean rank first; rows over fewer pairs have no rank and come last."""
    pairs = max(int(row["pairs"]) for row in rows)
    rank = _ranks([row for row in rows if int(row["pairs"]) == pairs])
    heads = [("down", "", "Method"), ("down", "Mean rank over ten metrics", "Rank ↓")]
    heads += [(_first(m), REGISTRY[m].summary, f"{m}{_ARROWS[REGISTRY[m].direction]}") for m in _SHOWN]
    html = f"## {SETS.get(name, name)}\n\n"
    html += f'<div class="board" markdown="0"><table class="sortable"><caption>{escape(name)}, {pairs} pairs</caption>'
    html += "<thead><tr>" + "".join(_head(*head) for head in heads) + "</tr></thead><tbody>"
    for row in sorted(rows, key=lambda row: rank.get(row["method"], math.inf)):
        html += _line(row, rank.get(row["method"]), pairs)
    return html + "</tbody></table></div>"


def _ranks(rows: list[Row]) -> dict[str, float]:
    values = {row["method"]: {m: float(row[m]) if row[m] else math.nan for m in RANKED} for row in rows}
    return ranks_apart(values, [row["method"] for row in rows if row["kind"] == "model"])


def _first(metric: str) -> str:
    """The direction that a first click sorts in: the best first."""
    return "down" if REGISTRY[metric].direction == "down" else "up"


def _head(first: str, about: str, text: str) -> str:
    title = f' title="{escape(about)}"' if about else ""
    return f'<th scope="col" data-best="{first}"{title}>{escape(text)}</th>'


def _line(row: Row, rank: float | None, pairs: int) -> str:
    own = row["kind"] == "model"
    name = escape(f"dfuse {row['method']}" if own else row["method"])
    if int(row["pairs"]) < pairs:
        name += f" ({row['pairs']} of {pairs} pairs)"
    cells = "".join(_cell(row[metric], 3) for metric in _SHOWN)
    mark = {"model": "own", "baseline": "naive"}.get(row["kind"], "")
    return f'<tr class="{mark}"><th scope="row">{name}</th>{_cell("" if rank is None else str(rank), 2)}{cells}</tr>'


def _cell(value: str, digits: int) -> str:
    return f'<td data-value="{value}">{float(value):.{digits}f}</td>' if value else "<td>–</td>"
