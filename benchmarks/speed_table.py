"""The table of speed and memory: every shipped model at several sizes, each in a process of its own.

    python benchmarks/speed_table.py [--model base] [--size 640x480] [--runs 5] [--threads 2]
    python benchmarks/speed_table.py --large [--model fast] [--size 11600x8700]

Each row is a `dfuse bench`: median seconds, arrays in, array out, and the peak memory of the whole process. Above the
table stands how fast this machine computes a plain convolution (the median of all rows), with which its times can be
compared with another machine's. --large compares a very large picture with one of a megapixel: seconds a megapixel,
which are to be within 15 % of each other, and memory; both in a process that computes nothing else, without a warm-up
of the large one.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Annotated, Any

import typer

from diffuse_fuse import models
from diffuse_fuse.machine import available_cores

SIZES = ("320x240", "640x480", "1280x1024", "4000x3000")
LARGE = "11600x8700"
ONE_MEGAPIXEL = "1160x870"

# fuses one pair of a size once, after a small one that warms up, and prints what it took
ONCE = """
import json, sys, time
from diffuse_fuse.bench import synthetic_pair
from diffuse_fuse.fusion.fuser import Fuser
from diffuse_fuse.machine import peak_memory

model, width, height, threads, runs = sys.argv[1], *map(int, sys.argv[2:])
fuser = Fuser(model, "cpu", threads or None)
pair = synthetic_pair(width, height)
fuser.fuse(*(picture[:256] for picture in pair))
seconds, cpu = [], []
for _ in range(runs):
    wall, busy = time.perf_counter(), time.process_time()
    fuser.fuse(*pair)
    seconds.append(time.perf_counter() - wall)
    cpu.append(time.process_time() - busy)
print(json.dumps({"seconds": sorted(seconds)[runs // 2], "cpu": sorted(cpu)[runs // 2], "peak": peak_memory()}))
"""


app = typer.Typer(add_completion=False)


@app.command()
def main(
    model: Annotated[list[str] | None, typer.Option(help="Weights; all shipped ones that fuse unless given.")] = None,
    size: Annotated[list[str] | None, typer.Option(help="Width and height; may be repeated.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="Timed runs of each process.")] = 5,
    processes: Annotated[
        int, typer.Option(min=1, help="Of each row: where memory lies differs from one to the next.")
    ] = 3,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; as many as cores unless given.")] = None,
    large: Annotated[bool, typer.Option("--large", help="A very large picture against one of a megapixel.")] = False,
) -> None:
    """Print a Markdown table."""
    names = model or [card.name for card in models.available() if card.kind in models.FUSES]
    if large:
        print_large(names, (size or [LARGE])[0], threads)
        return
    options = ["--runs", str(runs), *(["--threads", str(threads)] if threads else [])]
    rows = []
    for name in names:
        for each in size or SIZES:
            typer.echo(f"{name}, {each}", err=True)
            command = [sys.executable, "-m", "diffuse_fuse", "bench", "--model", name, "--size", each]
            found = [json.loads(run([*command, "--device", "cpu", "--json", "-q", *options])) for _ in range(processes)]
            row = sorted(found, key=lambda row: row["median"])[(processes - 1) // 2]
            row["fastest"], row["slowest"] = (
                end(x[k] for x in found) for end, k in ((min, "fastest"), (max, "slowest"))
            )
            rows.append(row)
    speed = statistics.median(row["convolution_gflops"] for row in rows)
    typer.echo(
        f"{rows[0]['threads']} of {available_cores()} cores, {speed:.0f} GFLOP/s in float32 convolutions, "
        f"PyTorch {rows[0]['torch']}, dfuse {rows[0]['version']}, of {processes} processes the one between, of its "
        f"{runs} runs the median (fastest to slowest of all)\n"
    )
    typer.echo("| model | size | s a pair | pairs/s | s a megapixel | peak MB |")
    typer.echo("|---|---|---:|---:|---:|---:|")
    for row in rows:
        typer.echo(described(row))


def described(row: dict[str, Any]) -> str:
    """One line of the table from what ``dfuse bench --json`` prints."""
    spread = f"{significant(row['median'])} ({significant(row['fastest'])} to {significant(row['slowest'])})"
    peak = "–" if row["peak_memory"] is None else f"{row['peak_memory'] / 1e6:.0f}"
    return (
        f"| {row['model']} | {row['width']}×{row['height']} | {spread} | {significant(1 / row['median'])} "
        f"| {significant(row['seconds_per_megapixel'])} | {peak} |"
    )


def print_large(names: list[str], size: str, threads: int | None) -> None:
    """Seconds a megapixel and memory of a large picture, and of one of a megapixel before and after it."""
    typer.echo("| model | size | s a megapixel | processor s a megapixel | against 1 megapixel | peak MB |")
    typer.echo("|---|---|---:|---:|---:|---:|")
    for name in names:
        # the small one on both sides of the large one, which takes minutes in which the machine may change
        found = []
        for each, runs in ((ONE_MEGAPIXEL, 5), (size, 1), (ONE_MEGAPIXEL, 5)):
            typer.echo(f"{name}, {each}", err=True)
            width, height = map(int, each.split("x"))
            command = [sys.executable, "-c", ONCE, name, str(width), str(height), str(threads or 0), str(runs)]
            found.append((each, width * height / 1e6, json.loads(run(command))))
        one = statistics.mean(result["seconds"] / megapixels for each, megapixels, result in (found[0], found[2]))
        for each, megapixels, result in found[:2]:
            wall, cpu = result["seconds"] / megapixels, result["cpu"] / megapixels
            peak = "–" if result["peak"] is None else f"{result['peak'] / 1e6:.0f}"
            columns = [
                name,
                each.replace("x", "×"),
                significant(wall),
                significant(cpu),
                f"{wall / one - 1:+.0%}",
                peak,
            ]
            typer.echo(f"| {' | '.join(columns)} |")


def run(command: list[str]) -> str:
    """The output of a process; what it says on stderr is shown."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def significant(value: float) -> str:
    """Three digits that count, without an exponent: 0.0317, 3.61, 61.9, 342."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


if __name__ == "__main__":
    app()
