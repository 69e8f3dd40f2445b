"""What does a pair take beside other programs, with and without the bound on how long threads spin?

    python benchmarks/busy.py [--model base] [--size 640x480] [--loops 0,2,6] [--runs 5]

Each cell is a process of its own that fuses a synthetic pair once and then ``--runs`` times: the median of these, in
seconds of the wall clock, while so many processes do nothing but count. "Bounded" is what the package sets
(``diffuse_fuse.spinning``), "free" what OpenMP's runtime does by itself. A line before the table says how busy the
machine was before: nothing else should run.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from contestants import markdown

from diffuse_fuse.machine import available_cores
from diffuse_fuse.spinning import BOUND, DECIDED

PAIR = """
import sys, time
if sys.argv[5] == "free":
    import torch  # before dfuse, whose bound then comes too late
import numpy as np
from diffuse_fuse import Fuser
width, height, runs = map(int, sys.argv[2:5])
rng = np.random.default_rng(0)
ir = rng.integers(256, size=(height, width), dtype=np.uint8)
vis = rng.integers(256, size=(height, width, 3), dtype=np.uint8)
fuser = Fuser(sys.argv[1], "cpu")
fuser.fuse(ir, vis)
for _ in range(runs):
    start = time.perf_counter()
    fuser.fuse(ir, vis)
    print(time.perf_counter() - start)
"""
# ends with the process that started it, even where that is killed
LOOP = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1000000):
        pass
"""
WAYS = ("free", "bounded")


def main(
    model: Annotated[str, typer.Option(help="Weights.")] = "base",
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    loops: Annotated[str, typer.Option(help="How many busy loops, one row each.")] = "0,2,6",
    runs: Annotated[int, typer.Option(min=1, help="Pairs in each process.")] = 5,
) -> None:
    """Prints a table."""
    width, height = map(int, size.split("x"))
    if hasattr(os, "getloadavg"):
        print(f"{available_cores()} cores, load {os.getloadavg()[0]:.1f} before")
    rows = []
    for count in map(int, loops.split(",")):
        with busy(count):
            rows.append([str(count), *(f"{seconds(model, width, height, runs, way):.2f}" for way in WAYS)])
    bounds = ", ".join(f"{name}={value}" for name, value in BOUND.items())
    print(markdown(("busy loops", "free, s a pair", f"bounded ({bounds})"), rows))


@contextlib.contextmanager
def busy(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many processes that keep a core each busy."""
    processes = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def seconds(model: str, width: int, height: int, runs: int, way: str) -> float:
    """The median time of a pair in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in DECIDED}
    command = [sys.executable, "-c", PAIR, model, str(width), str(height), str(runs), way]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return statistics.median(map(float, done.stdout.split()))


if __name__ == "__main__":
    typer.run(main)
