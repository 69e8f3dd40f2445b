"""Do several runs at once in one output folder end with the same bytes as one run alone, also when one is killed?

    python benchmarks/at_once.py [--pairs 300] [--runs 3] [--rounds 4] [--size 32] [--model FILE] [--seed 0]

Makes pairs of noise and fuses them once by one run. Then, a round at a time, into another folder by several runs that
start together: in every second round all of them fuse all pairs, in the others each a part of its own, by a manifest.
One of them is killed (SIGKILL) at a random moment of its work, and when the others have ended the runs are started
again one after the other, as a person would. Said is how many rows metrics.csv has before that, and which files differ
from those of the one run after it. Exit code 1: not equal.
Without --model it is a small untrained one, so that much is read and written in little time.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import kill
import typer


def together(commands: Sequence[Sequence[str]], out: Path, pairs: int, rng: random.Random) -> int:
    """Starts ``commands``, which write into ``out``, kills one and waits for the others; how many rows there are."""
    processes = [kill.started(command) for command in commands]
    doomed, until = rng.choice(processes), rng.randrange(1, pairs // 2)
    while kill.pictures(out) < until and doomed.poll() is None:
        time.sleep(0.005)
    doomed.kill()
    for process in processes:
        _, said = process.communicate()
        if process is not doomed and process.returncode:
            raise RuntimeError(f"A run ended with {process.returncode}: {said}")
    table = out / "metrics.csv"
    return len(table.read_text().splitlines()) - 1 if table.exists() else 0


def manifests(folder: Path, pairs: int, runs: int) -> list[Path]:
    """One a run: every pair stands in one of them."""
    found = []
    for part in range(runs):
        path = folder / f"part{part}.csv"
        names = [f"{number:05}.png" for number in range(part, pairs, runs)]
        path.write_text("\n".join(["ir,vis,out", *(f"ir/{name},vi/{name},{name}" for name in names)]))
        found.append(path)
    return found


def main(
    pairs: Annotated[int, typer.Option(min=4)] = 300,
    runs: Annotated[int, typer.Option(min=2, help="At once.")] = 3,
    rounds: Annotated[int, typer.Option(min=1)] = 4,
    size: Annotated[int, typer.Option(min=16, help="Of the pictures, in pixels.")] = 32,
    model: Annotated[str | None, typer.Option(help="Weights; a small untrained model unless given.")] = None,
    seed: Annotated[int, typer.Option(help="Of the pictures and the moments.")] = 0,
) -> None:
    """Prints a line for each round."""
    rng, odd = random.Random(seed), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kill.make_pairs(folder, pairs, size, seed)
        weights = model or str(kill.untrained(folder / "untrained.safetensors"))
        begin, end = [sys.executable, "-m", "diffuse_fuse", "fuse"], ["--model", weights, "--threads", "1", "-q", "-o"]
        whole = [str(folder / "ir"), str(folder / "vi")]
        alone = folder / "alone"
        subprocess.run([*begin, *whole, *end, str(alone)], check=True, stdout=subprocess.DEVNULL)
        parts = [["--manifest", str(path)] for path in manifests(folder, pairs, runs)]
        for number in range(rounds):
            out = folder / f"round{number}"
            calls = parts if number % 2 else [whole] * runs
            commands = [[*begin, *call, *end, str(out)] for call in calls]
            rows = together(commands, out, pairs, rng)
            there = kill.pictures(out)
            for command in commands if number % 2 else commands[:1]:
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            different = kill.differences(alone, out)
            odd += different
            what = "a part each" if number % 2 else "all pairs each"
            print(
                f"{runs} runs at once, {what}, one killed: {rows} rows of {there} pictures; "
                f"resumed: different or left over: {len(different)} {different[:5]}"
            )
    if odd:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
