"""Draws a training run's curve as SVG: python benchmarks/curve.py LOG.jsonl -o CURVE.svg

The thin line is the training loss (mean of 20 steps), the thick one with dots the validation loss.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from diffuse_fuse.files import write_atomically

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 300, 64, 40, 16
Points = list[tuple[float, float]]


def main(
    log: Annotated[Path, typer.Argument(help="log.jsonl of a training run.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="SVG file to write.")],
    logarithmic: Annotated[bool, typer.Option("--log", help="Logarithmic losses.")] = False,
) -> None:
    """Writes the picture."""
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    scale = math.log10 if logarithmic else float
    training = [(e["step"], scale(e["loss"])) for e in entries if "loss" in e]
    validation = [(e["step"], scale(e["val_loss"])) for e in entries if "val_loss" in e]
    write_atomically(out, draw(training, validation, logarithmic).encode())


def draw(training: Points, validation: Points, logarithmic: bool) -> str:
    """The SVG text; losses are logarithms to base 10 where ``logarithmic``."""
    steps = max(x for x, _ in training + validation)
    values = sorted(y for _, y in training + validation)
    # A single wild batch must not flatten all the rest.
    low, high = values[0], max(values[int(0.99 * (len(values) - 1))], validation[0][1])

    def place(point: tuple[float, float]) -> str:
        x = LEFT + point[0] / steps * (WIDTH - LEFT - 16)
        y = TOP + (high - min(point[1], high)) / (high - low) * (HEIGHT - BOTTOM - TOP)
        return f"{x:.1f},{y:.1f}"

    def label(y: float) -> str:
        return f"{10**y if logarithmic else y:.3g}"

    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="3" fill="#c33"/>' for x, y in (place(p).split(",") for p in validation)
    )
    ticks = "".join(
        f'<text x="{LEFT - 8}" y="{place((0, y)).split(",")[1]}" text-anchor="end">{label(y)}</text>'
        for y in (low + k / 4 * (high - low) for k in range(5))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{ticks}'
        f'<text x="{WIDTH - 16}" y="{HEIGHT - 12}" text-anchor="end">step {steps:,}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 12}" fill="#c33">validation</text>'
        f'<text x="{LEFT + 80}" y="{HEIGHT - 12}" fill="#99b">training</text>'
        f'<polyline fill="none" stroke="#99b" points="{" ".join(map(place, training))}"/>'
        f'<polyline fill="none" stroke="#c33" stroke-width="2" points="{" ".join(map(place, validation))}"/>'
        f"{dots}</svg>\n"
    )


if __name__ == "__main__":
    typer.run(main)
