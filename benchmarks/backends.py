"""Which backend is faster: PyTorch, onnxruntime or OpenVINO; and how soon the first picture is there.

    python benchmarks/backends.py [--model base] [--size 640x480] [--threads 1] [--rounds 5] [--start]

The backends take turns, so that what else the machine does falls on all of them. Printed are seconds of the processor
for one pair, arrays in, array out, all threads together (median and fastest), which other programs lengthen less than
the wall clock, and that too. OpenVINO is measured where it is installed (it is not among dfuse's extras), on the same
ONNX file; its way from arrays to tensors and back is that of onnxruntime. "× onnx" is how many times the processor
time of onnxruntime another one takes. --start times `dfuse fuse` in a new process, the metrics left out.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from diffuse_fuse.backends import load_fuser
from diffuse_fuse.bench import synthetic_pair
from diffuse_fuse.extras import has
from diffuse_fuse.images.write import write_image
from diffuse_fuse.machine import available_cores
from diffuse_fuse.onnx import graphs
from diffuse_fuse.onnx.fuser import OnnxFuser


def main(
    model: Annotated[list[str] | None, typer.Option(help="Weights; may be repeated.")] = None,
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each backend.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Timed runs of each backend, after one that warms up.")] = 5,
    start: Annotated[bool, typer.Option("--start", help="Time a whole dfuse fuse too.")] = False,
) -> None:
    """Print a table for each model."""
    width, height = map(int, size.split("x"))
    pair = synthetic_pair(width, height)
    for name in model or ["base"]:
        graph = graphs.locate(name, lambda name, path: typer.echo(f"exporting {name}: {path}", err=True))
        fusers: dict[str, Callable[[], np.ndarray]] = {}
        for backend in ("torch", "onnx"):
            fuser = load_fuser(name, "cpu", threads, backend)
            fusers[backend] = lambda fuser=fuser: fuser.fuse(*pair)
        if has("openvino"):
            openvino = OpenVinoFuser(graph, threads)
            fusers["openvino"] = lambda fuser=openvino: fuser.fuse(*pair)
        typer.echo(f"{name}, {width}×{height}, {threads} of {available_cores()} cores, {rounds} rounds\n")
        typer.echo("| backend | CPU s, median | fastest | × onnx | wall s, median | fastest | from torch, of 255 |")
        typer.echo("|---|---|---|---|---|---|---|")
        times, pictures = timed(fusers, rounds)
        for backend, (cpu, wall) in times.items():
            ratio = statistics.median(cpu) / statistics.median(times["onnx"][0])
            apart = np.abs(pictures[backend].astype(int) - pictures["torch"]).max()
            columns = [f"{statistics.median(cpu):.3f}", f"{min(cpu):.3f}", f"{ratio:.2f}"]
            columns += [f"{statistics.median(wall):.3f}", f"{min(wall):.3f}", str(apart)]
            typer.echo(f"| {backend} | {' | '.join(columns)} |")
        if start:
            typer.echo("\n| dfuse fuse, a new process | CPU s, median | fastest | wall s, median | fastest |")
            typer.echo("|---|---|---|---|---|")
            for backend in ("torch", "onnx"):
                cpu, wall = started(name, backend, threads, rounds, pair)
                columns = [statistics.median(cpu), min(cpu), statistics.median(wall), min(wall)]
                typer.echo(f"| {backend} | {' | '.join(f'{seconds:.2f}' for seconds in columns)} |")
        typer.echo()


class OpenVinoFuser(OnnxFuser):
    """The same pictures by OpenVINO: only what runs the graph differs."""

    def __init__(self, graph: Path, threads: int) -> None:
        import openvino

        super().__init__(graph, threads)
        core = openvino.Core()
        settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        self._session = _Session(core.compile_model(core.read_model(graph), "CPU", settings))


class _Session:
    """OpenVINO's compiled model with the call that onnxruntime's session has."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        found = self._compiled(inputs)
        return [found[name] for name in names]


def timed(
    calls: dict[str, Callable[[], np.ndarray]], rounds: int
) -> tuple[dict[str, tuple[list[float], list[float]]], dict[str, np.ndarray]]:
    """Processor and wall seconds of each call in every round, in turn, and what each gives."""
    pictures = {name: call() for name, call in calls.items()}
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            cpu, wall = time.process_time(), time.perf_counter()
            call()
            times[name][0].append(time.process_time() - cpu)
            times[name][1].append(time.perf_counter() - wall)
    return times, pictures


def started(
    model: str, backend: str, threads: int, rounds: int, pair: tuple[np.ndarray, np.ndarray]
) -> tuple[list[float], list[float]]:
    """Processor and wall seconds of whole processes that fuse one pair of files."""
    cpu, wall = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in zip(("ir.png", "vis.png"), pair, strict=True):
            write_image(Path(folder) / name, picture)
        command = [sys.executable, "-m", "diffuse_fuse", "fuse", "ir.png", "vis.png", "-o", "out.png", "--overwrite"]
        command += ["-q", "--no-metrics", "--model", model, "--backend", backend, "--device", "cpu"]
        command += ["--threads", str(threads), "--workers", "1"]
        for _ in range(rounds):
            before, begin = os.times(), time.perf_counter()
            subprocess.run(command, check=True, cwd=folder)
            after = os.times()
            wall.append(time.perf_counter() - begin)
            cpu.append(sum(after[2:4]) - sum(before[2:4]))
    return cpu, wall


if __name__ == "__main__":
    typer.run(main)
