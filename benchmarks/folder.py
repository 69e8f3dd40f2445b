"""How busy is the network in a folder run, how much memory does it take, how long does it take to find all up to date?

    python benchmarks/folder.py [--pairs 60] [--size 320x240] [--data DIR] [--model FILE] [--workers N|auto] [--batch N]

Fuses pairs into a temporary folder as ``dfuse fuse`` does, then runs once more, where every output is compared with its
sources and nothing is fused. The pairs are synthetic unless DIR gives folders ir/ and vi/; of these every picture is
brought to --size. Peak memory is that of the whole process, weights and PyTorch included: run with another --pairs, it
tells whether memory grows with their number.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from kill import untrained

from diffuse_fuse import batch
from diffuse_fuse.batch.network import choose
from diffuse_fuse.batch.tuning import Tuning
from diffuse_fuse.bench import synthetic_pair
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.pairs import find_pair_folders, find_pairs
from diffuse_fuse.images.write import write_image
from diffuse_fuse.machine import available_cores, peak_memory


def main(
    pairs: Annotated[int, typer.Option(min=1)] = 60,
    size: Annotated[str, typer.Option(metavar="WxH")] = "320x240",
    model: Annotated[str, typer.Option(help="As for dfuse fuse; untrained: the small one of kill.py.")] = "default",
    threads: Annotated[int | None, typer.Option(min=1, help="Of the network.")] = None,
    workers: Annotated[str | None, typer.Option(metavar="N|auto", help="As for dfuse fuse.")] = None,
    together: Annotated[int | None, typer.Option("--batch", min=1, help="As for dfuse fuse.")] = None,
    no_metrics: Annotated[bool, typer.Option("--no-metrics")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder with ir/ and vi/.")] = None,
) -> None:
    """Prints seconds a pair, the network's share of the time, peak memory, and the pairs a second of the second run."""
    width, height = map(int, size.split("x"))
    beside = batch.default_workers() if workers in (None, "auto") else int(workers)
    taken = []
    ways = Tuning(threads or available_cores(), lambda *split: taken.append(split)) if workers == "auto" else beside
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = str(untrained(folder / "untrained.safetensors")) if model == "untrained" else model
        _make(folder, pairs, (width, height), data)
        plan = batch.plan_folders(folder / "ir", folder / "vi", folder / "out")
        chosen = choose(weights, "auto", threads, None, jobs=plan.jobs)
        chosen.fuser.batch = together
        recipe = batch.Recipe(measure=not no_metrics, model=chosen.name, weights=chosen.weights, more=chosen.more)
        expected = batch.look_ahead(plan, chosen.fuser, folder / "out", recipe=recipe, workers=beside)
        load = os.getloadavg()[0]
        start = time.perf_counter()
        results = batch.run_folder(plan, chosen.fuser, folder / "out", recipe=recipe, workers=ways)
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        again = batch.run_folder(plan, chosen.fuser, folder / "out", recipe=recipe, workers=beside)
        checking = time.perf_counter() - start
    assert all(result.status == "ok" for result in results) and all(result.status == "skipped" for result in again)
    busy = sum(result.network for result in results)
    print(
        f"{pairs} pairs of {size}, {chosen.name}, {available_cores()} cores, {beside} workers, load before {load:.1f}"
    )
    print(f"{seconds / pairs:.3f} s a pair (expected {expected.seconds / pairs:.3f}), the network {busy / pairs:.3f} s")
    for split, tried in taken:
        print(f"the fastest of {tried}: {split}")
    print(f"the network was busy {busy / seconds:.1%} of the time")
    print(f"peak memory of the process {(peak_memory() or 0) / 1e6:.0f} MB")
    print(f"finding all up to date: {pairs / checking:.0f} pairs a second")


def _make(folder: Path, pairs: int, size: tuple[int, int], data: Path | None) -> None:
    """ir/ and vi/ with ``pairs`` pairs of ``size``; those of ``data`` over and over where it has fewer."""
    if data is None:
        ir, vis = synthetic_pair(*size)
        sources = itertools.repeat((ir, vis))
    else:
        found = find_pairs(*find_pair_folders(data)).pairs
        loaded = (load_pair(pair.ir, pair.vis, LoadOptions()) for pair in itertools.cycle(found))
        sources = ((pair.ir, pair.vis) for pair in loaded)
    for number, (ir, vis) in enumerate(itertools.islice(sources, pairs)):
        for side, picture in (("ir", ir), ("vi", vis)):
            scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            write_image(folder / side / f"{number:05}.png", np.roll(scaled, number, axis=1))


if __name__ == "__main__":
    typer.run(main)
