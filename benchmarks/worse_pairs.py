"""On which pairs is another method better than ours?

    dfuse eval DATASET --model base --baselines --fused NAME=DIR … -o OUT
    python benchmarks/worse_pairs.py OUT/per_image.csv [OTHER/per_image.csv …] [--row base] [--metrics VIF,Qabf]

Prints a Markdown table: for each metric on how many pairs each method is ahead of --row, and on which pairs any of them
is, where these are few. Several files are taken together; pairs without a value on either side do not count.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Annotated

import typer
from contestants import markdown

from diffuse_fuse.metrics.registry import select

NAMED = 6  # pairs, at most


def main(
    tables: Annotated[list[Path], typer.Argument(help="per_image.csv of dfuse eval.")],
    row: Annotated[str, typer.Option(help="Our method.")] = "base",
    metrics: Annotated[str, typer.Option(help="Metrics.")] = "VIF,Qabf,SCD,SSIM,MS_SSIM,HTV",
    leave_out: Annotated[str, typer.Option(help="Methods that do not count.")] = "visible,average,max",
) -> None:
    """Prints the table."""
    scores: dict[str, dict[str, dict[str, str]]] = {}
    for table in tables:
        with table.open(newline="") as file:
            for line in csv.DictReader(file):
                scores.setdefault(line["method"], {})[line["image"]] = line
    if row not in scores:
        raise typer.BadParameter(f"no table has a row '{row}'; there are: {', '.join(scores)}.", param_hint="--row")
    ours = scores.pop(row)
    others = [name for name in scores if name not in leave_out.split(",")]
    rows = []
    for metric in metrics.split(","):
        ahead = {name: _ahead(scores[name], ours, metric) for name in others}
        any_of_them = sorted(set().union(*ahead.values()))
        named = ", ".join(any_of_them) if len(any_of_them) <= NAMED else ""
        rows.append([metric, *(str(len(ahead[name])) for name in others), str(len(any_of_them)), named])
    print(markdown((f"of {len(ours)} pairs", *others, "any", "which"), rows))


def _ahead(theirs: dict[str, dict[str, str]], ours: dict[str, dict[str, str]], metric: str) -> set[str]:
    """The pairs on which ``theirs`` is better."""
    sign = -1 if select([metric])[0].direction == "down" else 1
    values = {pair: [_number(table[pair][metric]) for table in (theirs, ours)] for pair in ours if pair in theirs}
    return {pair for pair, (their, our) in values.items() if sign * their > sign * our}


def _number(text: str) -> float:
    return float(text) if text else math.nan


if __name__ == "__main__":
    typer.run(main)
