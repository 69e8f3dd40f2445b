"""Where the time of one dfuse fuse goes, from the start of the process to its end.

    python benchmarks/cold_start.py [--model base] [--model fast] [--size 640x480] [--runs 5] [--threads 2]

First the whole command in a process of its own, metrics included, and beside it a process that imports PyTorch and
nothing else: medians over the runs, of the wall clock and of the processor (all threads together, which other programs
lengthen less). Then the stages, one after the other in a further process: what the command overlaps is not overlapped
there, so that they add up to a little more. "dfuse beyond PyTorch" are all imports of the command that PyTorch does not
bring itself. --threads is for the whole command; stages run with it too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from diffuse_fuse.machine import available_cores

STAGES = """
import json, os, sys, time
from pathlib import Path

stages, last = [], [time.perf_counter(), time.process_time()]

def done(name):
    now = time.perf_counter(), time.process_time()
    stages.append((name, now[0] - last[0], now[1] - last[1]))
    last[:] = time.perf_counter(), time.process_time()

model, threads = sys.argv[1], int(sys.argv[2]) or None
import gc
gc.disable()
import torch
gc.freeze()  # as dfuse does
gc.enable()
done("import of PyTorch")
import diffuse_fuse.cli.commands, diffuse_fuse.batch, diffuse_fuse.backends, diffuse_fuse.fusion.fuser
done("imports of dfuse beyond PyTorch")
from diffuse_fuse import models
from diffuse_fuse.batch.steps import measured
from diffuse_fuse.files import sha256
from diffuse_fuse.fusion.tiles import fuse_in_bands
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.write import write_image
for path in (models.locate(model), "ir.png", "vis.png"):
    sha256(path)
done("hashes of weights and sources")
fuser = diffuse_fuse.fusion.fuser.Fuser(model, "cpu", threads)
done("weights")
pair = load_pair("ir.png", "vis.png")
done("decoding")
parts = {}
fused = fuse_in_bands(fuser.model, pair.ir, pair.vis, seconds=parts)
done("network, first picture")
measured(pair, fused)
done("metrics")
write_image(Path("stages.png"), fused)
done("encoding and writing")
stages[-3:-2] = [stages[-3], *((f"  {name}", seconds, None) for name, seconds in parts.items())]
print(json.dumps(stages))
"""


def main(
    model: Annotated[list[str] | None, typer.Option(help="Weights; may be repeated.")] = None,
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    runs: Annotated[int, typer.Option(min=1, help="Processes of each kind.")] = 5,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of PyTorch; as many as cores else.")] = None,
) -> None:
    """Print two tables for each model."""
    width, height = map(int, size.split("x"))
    for name in model or ["base", "fast"]:
        with tempfile.TemporaryDirectory() as folder:
            make_pair(Path(folder), width, height)
            command = [
                sys.executable,
                "-m",
                "diffuse_fuse",
                "fuse",
                "ir.png",
                "vis.png",
                "-o",
                "out.png",
                "--overwrite",
            ]
            command += ["-q", "--model", name, "--device", "cpu", *(["--threads", str(threads)] if threads else [])]
            times: dict[str, list[tuple[float, float]]] = {"dfuse fuse": [], "import torch": [], "python": []}
            for _ in range(runs):  # in turn, so that what else the machine does falls on all
                times["dfuse fuse"].append(timed(command, folder))
                times["import torch"].append(timed([sys.executable, "-c", "import torch"], folder))
                times["python"].append(timed([sys.executable, "-c", ""], folder))
            found = [json.loads(stages(folder, name, threads)) for _ in range(runs)]
        typer.echo(f"{name}, {width}×{height}, {available_cores()} cores, medians of {runs} runs\n")
        typer.echo("| process | wall s | processor s |\n|---|---:|---:|")
        for kind, each in times.items():
            typer.echo(f"| {kind} | {middle(wall for wall, _ in each):.2f} | {middle(cpu for _, cpu in each):.2f} |")
        typer.echo("\n| stage | wall s | processor s |\n|---|---:|---:|")
        for rows in zip(*found, strict=True):
            cpu = "" if rows[0][2] is None else f"{middle(row[2] for row in rows):.3f}"
            typer.echo(f"| {rows[0][0]} | {middle(row[1] for row in rows):.3f} | {cpu} |")
        typer.echo()


def make_pair(folder: Path, width: int, height: int) -> None:
    """ir.png and vis.png, written by a process of its own: what is imported here slows the others' start down."""
    program = (
        "import sys; from pathlib import Path; from diffuse_fuse.bench import synthetic_pair; "
        "from diffuse_fuse.images.write import write_image; "
        f"[write_image(Path(name), picture) for name, picture in "
        f"zip(('ir.png', 'vis.png'), synthetic_pair({width}, {height}))]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=folder)


def stages(folder: str, model: str, threads: int | None) -> str:
    """The stages as JSON: (name, seconds of the wall clock, of the processor)."""
    command = [sys.executable, "-c", STAGES, model, str(threads or 0)]
    return subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True).stdout


def timed(command: list[str], folder: str) -> tuple[float, float]:
    """Seconds of the wall clock and of the processor of a whole process."""
    before, begin = os.times(), time.perf_counter()
    subprocess.run(command, check=True, cwd=folder)
    wall, after = time.perf_counter() - begin, os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


def middle(values: object) -> float:
    """The median."""
    return statistics.median(list(values))


if __name__ == "__main__":
    typer.run(main)
