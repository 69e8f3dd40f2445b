"""The score tables of README and model card: an evaluation's rows, and other methods' from their table.

    python benchmarks/score_table.py OUT/summary.json [--peers PEERS.csv --method NAME …] [--metrics EN,SD,…]

The model's row is bold and called as ``--model`` says; its 95 % bootstrap intervals stand below the table.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer
from joint_table import read_csv, read_json

from diffuse_fuse.metrics import REGISTRY

METRICS = "EN,SD,SF,AG,MI,VIF,VIF_ir,VIF_vis,SCD,Qabf,Nabf,SSIM,MS_SSIM,DeltaE,dC,HTV"
DIGITS = {"EN": 2, "SD": 1, "SF": 2, "AG": 2, "MI": 2, "DeltaE": 2}
ARROWS = {"up": "↑", "down": "↓", "none": ""}
IN_PEERS = {"VIF_vis": "VIF_vi"}


def main(
    evaluation: Annotated[Path, typer.Argument(help="summary.json of dfuse eval; its first method is ours.")],
    peers: Annotated[Path | None, typer.Option(help="Table of other methods.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="A method of that table to show; several times.")] = None,
    metrics: Annotated[str, typer.Option(help="Columns.")] = METRICS,
    model: Annotated[str, typer.Option(help="What our row is called.")] = "dfuse base",
) -> None:
    """Prints the table as Markdown."""
    names = metrics.split(",")
    summary = json.loads(evaluation.read_text(encoding="utf-8"))
    first, *rest = read_json(evaluation).items()
    rows = {f"**{model}**": first[1], **dict(rest)}
    if peers is not None:
        others = read_csv(peers)
        for name in method or []:
            row = {**others[name], **{ours: others[name].get(theirs, math.nan) for ours, theirs in IN_PEERS.items()}}
            rows.setdefault(f"{name} ¹", row)
    arrows = [f"{name} {ARROWS[REGISTRY[name].direction]}" for name in names]
    print(f"| {summary['dataset']['name']}, {first[1]['n']:.0f} pairs | {' | '.join(arrows)} |")
    print("|---|" + "---:|" * len(names))
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(_cell(metric, row.get(metric, math.nan)) for metric in names) + " |")
    own = summary["methods"][0]["metrics"]
    ranges = [f"{name} {_cell(name, own[name]['low'])}–{_cell(name, own[name]['high'])}" for name in names]
    print(f"\n95 % bootstrap intervals of {model}: {', '.join(ranges)}.")


def _cell(metric: str, value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.{DIGITS.get(metric, 3)}f}"


if __name__ == "__main__":
    typer.run(main)
