"""Do two runs that saw the same crops differ? The mean difference of their training losses, window by window.

    python benchmarks/paired_loss.py RUN_A/log.jsonl RUN_B/log.jsonl [--windows 4]

Runs of equal seed, data, batch and crop see the same crops at the same step, so most of the noise of a batch is in both
losses and drops out of their difference. Printed: mean of A − B with a 95 % interval (normal, over the log's lines of
20 steps each); below 0, A is ahead. Neighbouring steps are not independent: the interval is a little narrow.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer


def main(
    a: Annotated[Path, typer.Argument(help="log.jsonl of one run.")],
    b: Annotated[Path, typer.Argument(help="log.jsonl of the other.")],
    windows: Annotated[int, typer.Option(min=1, help="Parts that the steps of both are divided into.")] = 4,
) -> None:
    """Prints a Markdown table."""
    print("| steps | A − B | 95 % interval |\n|---|---:|---:|")
    for first, last, mean, half in compare(read(a), read(b), windows):
        print(f"| {first}–{last} | {mean:+.4f} | ±{half:.4f} |")


def read(log: Path) -> dict[int, float]:
    """Training loss by step."""
    entries = map(json.loads, log.read_text().splitlines())
    return {entry["step"]: entry["loss"] for entry in entries if "loss" in entry}


def compare(a: dict[int, float], b: dict[int, float], windows: int) -> list[tuple[int, int, float, float]]:
    """(first step, last step, mean difference, half of its interval) of each window of the steps in both."""
    common = sorted(a.keys() & b.keys())
    if len(common) < 3 * windows:
        raise typer.BadParameter(f"The logs share {len(common)} lines: too few for {windows} windows.")
    rows = []
    for steps in np.array_split(common, windows):
        difference = np.array([a[step] - b[step] for step in steps])
        half = 1.96 * difference.std(ddof=1) / len(difference) ** 0.5
        rows.append((int(steps[0]), int(steps[-1]), float(difference.mean()), float(half)))
    return rows


if __name__ == "__main__":
    typer.run(main)
