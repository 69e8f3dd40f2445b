"""Mean rank of every method of a data set, with the rows of an evaluation among those of other methods.

    python benchmarks/joint_table.py PEERS.csv SUMMARY.csv|SUMMARY.json

PEERS.csv has a row a method: the column "method", metrics by name, and "n", the number of pairs. The evaluation is what
``dfuse eval -o OUT`` wrote. A method is ranked in each metric among all rows; ties share the mean of their ranks, and
an undefined value ranks last. Several models, or one with several balances, do not compete with each other: each is
ranked as if it alone were there, and the other methods as beside the first. Rows over fewer pairs than the largest n
are left out: their means are of other pictures.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Annotated

import typer

RANKED = ("EN", "SD", "SF", "AG", "MI", "VIF", "SCD", "Qabf", "SSIM", "MS_SSIM")  # higher is better in all of them

NAIVE = ("visible", "ir", "max", "average")

Rows = dict[str, dict[str, float]]


def main(
    peers: Annotated[Path, typer.Argument(help="Table of other methods.")],
    evaluation: Annotated[Path, typer.Argument(help="summary.csv or summary.json of dfuse eval.")],
) -> None:
    """Prints the joint table, best mean rank first."""
    own = read_evaluation(evaluation)
    others = read_csv(peers)
    # the evaluation's own rows replace those of the same name: they are the same pictures
    print(joint_table({**others, **own}, own))


def read_csv(path: Path) -> Rows:
    """Rows by method; cells that are no numbers are NaN."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = {row.pop("method"): row for row in csv.DictReader(file)}
    return {name: {key: _number(cell) for key, cell in row.items()} for name, row in rows.items()}


def read_json(path: Path) -> Rows:
    """The means in a summary.json, as ``read_csv`` gives them."""
    summary = json.loads(path.read_text(encoding="utf-8"))
    return {
        method["name"]: {
            "n": float(method["pairs"]),
            **{name: _number(values["mean"]) for name, values in method["metrics"].items()},
        }
        for method in summary["methods"]
    }


def read_evaluation(path: Path) -> Rows:
    """The means of ``dfuse eval -o OUT``, from OUT/summary.json or OUT/summary.csv."""
    return read_json(path) if path.suffix == ".json" else read_csv(path)


def comparable(rows: Rows) -> tuple[Rows, list[str]]:
    """Rows over the largest number of pairs, and the names of the others. Raises BadParameter if a column lacks."""
    largest = max(row["n"] for row in rows.values())
    kept = {name: row for name, row in rows.items() if row["n"] == largest}
    missing = sorted({metric for row in kept.values() for metric in RANKED if metric not in row})
    if missing:
        raise typer.BadParameter(f"Some row has no column {', '.join(missing)}: evaluate with the default metrics.")
    return kept, sorted(rows.keys() - kept.keys())


def mean_rank(rows: Rows) -> dict[str, float]:
    """Mean over ``RANKED`` of each row's rank among all of them."""
    ranks = [mean_ranks([row[metric] for row in rows.values()]) for metric in RANKED]
    return {name: sum(column[i] for column in ranks) / len(RANKED) for i, name in enumerate(rows)}


def ranks_apart(rows: Rows, models: list[str]) -> dict[str, float]:
    """``mean_rank`` of each of the ``models`` as if it alone were there; of the rest as with the first."""
    others = {name: row for name, row in rows.items() if name not in models}
    found = {}
    for model in reversed(models):
        found |= mean_rank({**others, model: rows[model]})
    return found or mean_rank(others)


def joint_table(rows: Rows, marked: Rows) -> str:
    """A Markdown table of mean ranks and values; names in ``marked`` are in bold."""
    kept, left_out = comparable(rows)
    rank = ranks_apart(kept, [name for name in marked if name in kept and name not in NAIVE])
    lines = [
        f"| # | method | mean rank | {' | '.join(RANKED)} |",
        "|---:|---|---:|" + "---:|" * len(RANKED),
    ]
    for place, name in enumerate(sorted(kept, key=lambda each: rank[each]), start=1):
        shown = f"**{name}**" if name in marked else name
        values = " | ".join("–" if math.isnan(kept[name][metric]) else f"{kept[name][metric]:.3f}" for metric in RANKED)
        lines.append(f"| {place} | {shown} | {rank[name]:.2f} | {values} |")
    if left_out:
        largest = next(iter(kept.values()))["n"]
        lines += ["", f"Left out, over fewer than {largest:.0f} pairs: {', '.join(left_out)}."]
    return "\n".join(lines)


def mean_ranks(values: list[float]) -> list[float]:
    """Rank 1 for the largest value; equal values, and all NaN at the end, share the mean of their ranks."""
    keys = [-math.inf if math.isnan(value) else value for value in values]
    return [sum(other > key for other in keys) + (sum(other == key for other in keys) + 1) / 2 for key in keys]


def _number(cell: str | float | None) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return math.nan


if __name__ == "__main__":
    typer.run(main)
