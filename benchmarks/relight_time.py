"""What re-lighting costs: a pair with and without it, in turn, in one process.

    python benchmarks/relight_time.py [--model fast --model tiny] [--size 640x480] [--rounds 30] [--threads 2]

The pair is the rendered street by day (examples/scene.py), which is re-lit as far as can be. Arrays in, array out;
medians over the rounds. Nothing else should run meanwhile.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from scene import render

from diffuse_fuse import Fuser

BALANCES = (1, "auto")


def main(
    model: Annotated[list[str] | None, typer.Option(help="Weights; several times. fast and tiny unless given.")] = None,
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    rounds: Annotated[int, typer.Option(min=1, help="How often each is timed.")] = 30,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Prints a Markdown table: milliseconds with each balance, and what re-lighting adds."""
    width, height = map(int, size.split("x"))
    pair = render("day", width, height)
    print(f"| {size} | balance 1, ms | auto, ms | more |\n|---|---:|---:|---:|")
    for name in model or ["fast", "tiny"]:
        without, with_it = measured(name, pair, rounds, threads)
        print(f"| {name} | {1e3 * without:.1f} | {1e3 * with_it:.1f} | {with_it / without - 1:+.0%} |")


def measured(model: str, pair: tuple[np.ndarray, np.ndarray], rounds: int, threads: int | None) -> list[float]:
    """Median seconds a pair with each of ``BALANCES``, which take turns."""
    fusers = [Fuser(model, "cpu", threads, balance) for balance in BALANCES]
    seconds: list[list[float]] = [[] for _ in fusers]
    for turn in range(rounds + 1):
        for fuser, times in zip(fusers, seconds, strict=True):
            start = time.perf_counter()
            fuser.fuse(*pair)
            if turn:  # the first one warms up
                times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in seconds]


if __name__ == "__main__":
    typer.run(main)
