"""Damages files of every kind that dfuse reads, and reads them: each time something sound, or one clear sentence.

    python -m tests.fuzz.fuzz --cases 100000 --seed 2

prints a summary as JSON; exit code 1 with the failures' names and numbers when there are any. --case N repeats one,
with its traceback, and --keep FOLDER puts its file there. Each case has a gigabyte of memory and ten seconds of the
processor. The cases of a seed are the same with any number of --workers, and whichever is the --first of them.

    damage.py      bits, numbers, noise, pieces cut out or repeated
    structure.py   the numbers and pieces of TIFF, PNG, JPEG, JPEG 2000, WebP, BMP, NumPy, EXIF, ICC, FLIR, MP4, AVI
    text.py        JSON, tables, XMP, headers that are text
    others.py      rigs, manifests, metrics.csv, weights, ONNX graphs, training states, videos
    large.py       small files that stand for large pictures
    readers.py     what dfuse does with each
    worker.py      the process that does it
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffuse_fuse.machine import available_cores
from tests.fuzz.large import large_seeds
from tests.fuzz.others import other_seeds
from tests.fuzz.seeds import seeds

ROOT = Path(__file__).parents[2]
WORKER = (sys.executable, "-m", "tests.fuzz.worker")


@dataclass
class Found:
    """What the workers have told so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    peak: tuple[int, str] = (0, "")
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, number: int, name: str, outcome: str, seconds: float, peak: int, wrong: str) -> None:
        with self.lock:
            self.outcomes[outcome] += 1
            self.seconds += seconds
            self.slowest = max(self.slowest, (seconds, f"{name}, case {number}"))
            self.peak = max(self.peak, (peak, f"{name}, case {number}"))
            if wrong:
                self.failures.append(f"{name}, case {number}: {wrong}")

    def died(self, number: int, code: int, said: str) -> None:
        with self.lock:
            self.outcomes["died"] += 1
            how = signal.Signals(-code).name if code < 0 else f"code {code}"
            self.failures.append(f"case {number}: the process ended with {how}: {said[-1500:]}")


def write_seeds(folder: Path) -> int:
    """The whole files that are damaged, below ``folder``; how many."""
    kinds = {"small": {**seeds(), **other_seeds()}, "large": large_seeds()}
    for kind, files in kinds.items():
        (folder / kind).mkdir()
        for name, data in files.items():
            (folder / kind / name).write_bytes(data)
    return sum(map(len, kinds.values()))


def run(cases: int, seed: int, workers: int, first: int = 0) -> dict[str, Any]:
    """Damage and read ``cases`` files in ``workers`` processes; the summary, with a line for each failure."""
    found, start = Found(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        count = write_seeds(Path(folder))
        threads = [
            threading.Thread(
                target=go_through, args=(WORKER, Path(folder), seed, first + number, workers, first + cases, found)
            )
            for number in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return {
        "cases": cases,
        "files": count,
        **{name: found.outcomes[name] for name in ("read", "refused", "failed", "died")},
        "failures": sorted(found.failures),
        "seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(found.seconds, 1),
        "slowest": found.slowest[1],
        "slowest_seconds": round(found.slowest[0], 2),
        "largest": found.peak[1],
        "peak_megabytes": found.peak[0] >> 20,
    }


def go_through(command: Sequence[str], folder: Path, seed: int, first: int, step: int, end: int, found: Found) -> None:
    """The cases of one worker; a process that died is followed by another, from the case after."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    silent = 0  # processes in a row that told nothing: something else is wrong
    while first < end and silent < 5:
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [*command, *map(str, (folder, seed, first, step, end))],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
            assert process.stdout
            silent += 1
            for line in process.stdout:
                result = json.loads(line)
                found.take(*result)
                first, silent = result[0] + step, 0
            if code := process.wait():
                errors.seek(0)
                found.died(first, code, errors.read().decode(errors="replace"))
                first += step


def repeat(number: int, seed: int, keep: Path | None) -> None:
    """One case in this process, without limits, so that its traceback is seen."""
    from tests.fuzz.readers import read
    from tests.fuzz.worker import case, make, np

    with tempfile.TemporaryDirectory() as folder:
        write_seeds(Path(folder))
        small, large = (sorted((Path(folder) / kind).iterdir()) for kind in ("small", "large"))
        name, data, rng = case(number, seed, small, large)
        path = Path(folder) / (name if name in ("metrics.csv", "cache.jsonl") else f"case{Path(name).suffix}")
        path.write_bytes(data)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, keep / f"{seed}-{number}-{name}")
        partner = Path(folder) / "partner.png"
        partner.write_bytes(make.encode(".png", np.full((36, 40, 3), 99, np.uint8)))
        print(f"{name}: {read(path, name, partner, rng)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="only this one, with its traceback")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="with --case: put its file there")
    arguments = parser.parse_args()
    if arguments.case is not None:
        warnings.simplefilter("error")
        repeat(arguments.case, arguments.seed, arguments.keep)
        sys.exit()
    summary = run(arguments.cases, arguments.seed, arguments.workers, arguments.first)
    print(json.dumps(summary, indent=2))
    sys.exit(bool(summary["failures"]))
