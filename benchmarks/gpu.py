"""How fast is a GPU? Fusing with base, fast and tiny, and 200 steps of training. One line:

    python benchmarks/gpu.py

It needs PyTorch, NumPy, OpenCV and this repository, nothing else: the few other packages that are imported on the way
get stand-ins where they are missing. --device cpu runs the same on a CPU; --size, --pairs and --steps make it smaller.

Printed is a Markdown table, a row for each model, size and batch: milliseconds a pair, arrays in, array out, one batch
after the other (median); pairs a second with several batches at once, each from a thread with a stream of its own, so
that re-lighting (on the CPU) and copies overlap with the network; the peak memory; and how far the picture is from the
CPU's, which is in float32. Then what a step of training takes. --balance 1 leaves re-lighting out.

--fixed adds a table of the network alone, tensors in, tensor out: as it is, as a CUDA graph, and by torch.compile.
dfuse uses neither of these two: nobody has measured whether they pay.
"""
# ruff: noqa: E402 (what is missing is put in before dfuse is imported)

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout is enough

import stand_ins

stand_ins.put_in()

import fixed_shapes
import numpy as np
import torch

from diffuse_fuse import models
from diffuse_fuse.fusion.fuser import Fuser
from diffuse_fuse.fusion.model import load_model
from diffuse_fuse.fusion.relight import as_whole, relight
from diffuse_fuse.fusion.tiles import fuse_in_bands
from diffuse_fuse.machine import peak_memory
from diffuse_fuse.networks.device import choose_device
from diffuse_fuse.training.loop import Settings, train
from diffuse_fuse.training.pairs import PairSet
from diffuse_fuse.training.student import STUDENT_AUGMENT, StudentTask, start_student

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MODELS = ("base", "fast", "tiny")
BATCHES = (1, 4, 16)
SIZES = ((640, 480), (1280, 1024))
HEADER = (
    "| model | size | batch | ms a pair | pairs/s | at once | peak MB | precision | equal to the CPU, % "
    "| within 1 level, % |"
)


@dataclass(frozen=True)
class Row:
    """One line of the table. seconds: of each pair, one batch after the other. rate: pairs a second, with ``at_once``
    batches at once. peak: bytes, or None where it is not known.
    equal, within: the parts of the values that are those of the CPU in float32, or at most one level from them."""

    model: str
    size: tuple[int, int]
    batch: int
    seconds: tuple[float, ...]
    rate: float
    at_once: int
    peak: int | None
    precision: str
    equal: float
    within: float

    def __str__(self) -> str:
        width, height = self.size
        peak = "–" if self.peak is None else f"{self.peak / 1e6:.0f}"
        columns = (
            *(self.model, f"{width}×{height}", str(self.batch)),
            *(f"{1000 * statistics.median(self.seconds):.4g}", f"{self.rate:.4g}"),
            *(str(self.at_once), peak, self.precision, f"{100 * self.equal:.2f}", f"{100 * self.within:.3f}"),
        )
        return f"| {' | '.join(columns)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what was asked for."""
    given = parsed(arguments)
    device = choose_device(given.device)
    print(f"{name_of(device)}, PyTorch {torch.__version__}, {torch.get_num_threads()} threads of the CPU\n")
    print(f"{HEADER}\n|---|---|---:|---:|---:|---:|---:|---|---:|---:|")
    for model in given.model or MODELS:
        for size in given.size or SIZES:
            for row in measured(model, size, device, given):
                print(row, flush=True)
    if given.fixed:
        print(f"\n{fixed_shapes.HEADER}\n|---|---|---:|---:|---:|---:|")
        for model in given.model or MODELS:
            network = Fuser(model, device).model
            for size in given.size or SIZES:
                for batch in given.batch or BATCHES:
                    print(f"| {model} {fixed_shapes.row(network, size, batch, device)}", flush=True)
    if given.steps:
        print(f"\n{trained(device, given.steps, given.crops, given.crop)}")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--model", action="append", help="weights; base, fast and tiny unless given")
    parser.add_argument("--size", action="append", type=size_of, help="such as 640x480; may be repeated")
    parser.add_argument("--pairs", type=int, default=50, help="pairs of each row")
    parser.add_argument("--batch", action="append", type=int, help="pairs of a batch; may be repeated; 1, 4 and 16")
    parser.add_argument("--at-once", type=int, default=4, help="batches at once for pairs/s")
    parser.add_argument("--balance", default="auto", help="as for dfuse fuse")
    parser.add_argument("--fixed", action="store_true", help="also as a CUDA graph and by torch.compile")
    parser.add_argument("--steps", type=int, default=200, help="steps of training; 0: none")
    parser.add_argument("--crops", type=int, default=32, help="crops of a step")
    parser.add_argument("--crop", type=int, default=160, help="side of a crop in pixels")
    return parser.parse_args(arguments)


def size_of(text: str) -> tuple[int, int]:
    """ "640x480" → (640, 480)."""
    width, _, height = text.partition("x")
    return int(width), int(height)


def name_of(device: str) -> str:
    """What the device is called."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return {"mps": "Apple's GPU"}.get(device, "CPU")


def measured(model: str, size: tuple[int, int], device: str, given: argparse.Namespace) -> Iterator[Row]:
    """Time, memory and difference of one model at one size (width, height): a row for each batch."""
    fuser = Fuser(model, device, balance=given.balance)
    fuser.sharers = given.at_once
    seen = [drawn(*size, seed) for seed in range(2)]
    expected = in_float32(model, *seen[0], fuser.balance)
    precision = str(fuser.precision.dtype).removeprefix("torch.")
    for batch in given.batch or BATCHES:
        pairs = [seen[number % 2] for number in range(batch)]
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        apart = np.abs(fuser.fuse_many(pairs)[0].astype(np.int16) - expected)  # which warms up too
        fuser.fuse_many(pairs)
        seconds = []
        for _ in range(-(-given.pairs // batch)):
            start = time.perf_counter()
            fuser.fuse_many(pairs)  # arrays come back, so the GPU has done all of it
            seconds.append((time.perf_counter() - start) / batch)
        rate = _rate(fuser, pairs, given.at_once, len(seconds))
        peak = torch.cuda.max_memory_allocated() if device == "cuda" else peak_memory()
        equal, within = float((apart == 0).mean()), float((apart <= 1).mean())
        yield Row(model, size, batch, tuple(seconds), rate, given.at_once, peak, precision, equal, within)


def _rate(fuser: Fuser, pairs: Sequence[tuple[np.ndarray, np.ndarray]], at_once: int, calls: int) -> float:
    """Pairs a second with so many batches at once."""
    calls = max(calls, 2 * at_once)
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda _: fuser.fuse_many(pairs), range(at_once)))
        start = time.perf_counter()
        list(pool.map(lambda _: fuser.fuse_many(pairs), range(calls)))
        return calls * len(pairs) / (time.perf_counter() - start)


def in_float32(model: str, ir: np.ndarray, vis: np.ndarray, balance: float | str = "auto") -> np.ndarray:
    """The CPU's picture in float32."""
    network = load_model(models.locate(model)).to(memory_format=torch.channels_last)
    return fuse_in_bands(network, *relight(*as_whole(ir, vis), balance))


def drawn(width: int, height: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A pair of texture, edges and a hot spot: infrared (H, W) and visible (H, W, 3), uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    edges = 60 * ((x // 40 + y // 30) % 2)
    hot = 120 * np.exp(-((x - width / 3) ** 2 + (y - height / 2) ** 2) / 400)
    ir = 40 + 60 * y / height + edges / 2 + hot + rng.normal(0, 6, (height, width))
    vis = 50 + 60 * (x / width)[..., None] + edges[..., None] * (1, 1.4, 0.7) + rng.normal(0, 6, (height, width, 3))
    return np.clip(ir, 0, 255).astype(np.uint8), np.clip(vis, 0, 255).astype(np.uint8)


class DrawnPairs(PairSet):
    """Pairs that are drawn instead of read."""

    def __init__(self, count: int, side: int) -> None:
        super().__init__([(Path(f"{number}.png"), Path(f"{number}.png")) for number in range(count)], names=["drawn"])
        pairs = [drawn(side, side, number) for number in range(count)]
        self._drawn = [np.dstack([vis, ir]) for ir, vis in pairs]

    def __getitem__(self, index: int) -> np.ndarray:
        return self._drawn[index]


def trained(device: str, steps: int, batch: int, crop: int) -> str:
    """What a step of ``dfuse train student`` takes, with base as the teacher."""
    student, _ = start_student("fast", seed=0)
    pairs, val = DrawnPairs(16, 2 * crop), DrawnPairs(2, 2 * crop)
    teacher = load_model(models.locate("base"))
    augment = replace(STUDENT_AUGMENT, crop=crop)
    task = StudentTask(student, teacher, pairs, val, augment=augment, batch=batch, device=device)
    timed = Timed(task)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "run", steps=steps, checkpoint_minutes=1e9, quiet=True)
        train(timed, settings)
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else peak_memory()
    memory = "" if peak is None else f", peak {peak / 1e6:.0f} MB"
    first, last = timed.losses[0], statistics.mean(timed.losses[-5:])
    return (
        f"Training: {steps} steps of a fast student, batch {batch}, crops of {crop} pixels: {timed.seconds:.1f} s, "
        f"{steps / timed.seconds:.3g} steps/s{memory}; loss {first:.3g} at first, {last:.3g} at last."
    )


class Timed:
    """A task that notes the seconds from its first step to its first validation, and its losses."""

    def __init__(self, task: Any) -> None:
        self._task = task
        self._start: float | None = None
        self.seconds, self.losses = 0.0, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def loss(self, model: torch.nn.Module, step: int) -> torch.Tensor:
        self._start = time.perf_counter() if self._start is None else self._start
        loss = self._task.loss(model, step)
        self.losses.append(float(loss.detach()))
        return loss

    def validate(self, model: torch.nn.Module) -> dict[str, float]:
        self.seconds = self.seconds or time.perf_counter() - self._start
        return self._task.validate(model)


if __name__ == "__main__":
    main()
