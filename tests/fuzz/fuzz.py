"""Damages files of every kind that dfuse reads, and reads them: each time something sound, or one clear sentence.

    python -m tests.fuzz.fuzz --cases 100000 --seed 2

prints a summary as JSON; exit code 1 with the failures' names and numbers when there are any. --case N repeats one,
with its traceback, and --keep FOLDER puts its file there. Each case has a gigabyte of memory and ten seconds of the
processor. The cases of a seed are the same with any number of --workers, and whichever is the --first of them. With
--journal FILE what became of each is noted there, and the same command goes on where it was stopped.

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
import contextlib
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
    clock: float = 0.0  # seconds of runs before this one
    began: float = field(default_factory=time.perf_counter)
    done: set[int] = field(default_factory=set)  # numbers of cases
    journal: Path | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def so_far(cls, journal: Path, what: dict[str, int]) -> Found:
        """What a ``journal`` tells of runs of the same cases. Raises SystemExit where it is of others."""
        found = cls()
        lines = journal.read_text("utf-8").splitlines() if journal.exists() else []
        for line in lines:
            with contextlib.suppress(ValueError):  # the last one, where the run was killed
                if (entry := json.loads(line)).pop("of", what) != what:
                    raise SystemExit(f"{journal} is of other cases: give another file, or the same options.")
                if entry:
                    found.clock = entry.pop("clock")
                    (found.died if "code" in entry else found.take)(**entry)
        found.journal = journal
        with journal.open("a", encoding="utf-8") as file:
            file.write("\n" * bool(lines))  # after one that may not be whole
        found._note(of=what)
        return found

    def time(self) -> float:
        """Seconds since the first run began, without the pauses."""
        return self.clock + time.perf_counter() - self.began

    def _note(self, **entry: object) -> None:
        if self.journal:
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def next(self, cases: range) -> int:
        """The first of a worker's cases that is not done."""
        return next((number for number in cases if number not in self.done), cases.stop)

    def take(self, number: int, name: str, outcome: str, seconds: float, peak: int, wrong: str) -> None:
        with self.lock:
            self._note(
                number=number, name=name, outcome=outcome, seconds=seconds, peak=peak, wrong=wrong, clock=self.time()
            )
            self.done.add(number)
            self.outcomes[outcome] += 1
            self.seconds += seconds
            self.slowest = max(self.slowest, (seconds, f"{name}, case {number}"))
            self.peak = max(self.peak, (peak, f"{name}, case {number}"))
            if wrong:
                self.failures.append(f"{name}, case {number}: {wrong}")

    def died(self, number: int, code: int, said: str) -> None:
        with self.lock:
            self._note(number=number, code=code, said=said[-1500:], clock=self.time())
            self.done.add(number)
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


def run(cases: int, seed: int, workers: int, first: int = 0, journal: Path | None = None) -> dict[str, Any]:
    """Damage and read ``cases`` files in ``workers`` processes; the summary, with a line for each failure."""
    what = {"cases": cases, "seed": seed, "workers": workers, "first": first}
    found = Found.so_far(journal, what) if journal else Found()
    with tempfile.TemporaryDirectory() as folder:
        count = write_seeds(Path(folder))
        end = first + cases
        threads = [
            threading.Thread(
                target=go_through,
                args=(WORKER, Path(folder), seed, found.next(range(first + number, end, workers)), workers, end, found),
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
        "seconds": round(found.time(), 1),
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
    parser.add_argument("--journal", type=Path, metavar="FILE", help="note each case there, and go on after a stop")
    parser.add_argument("--case", type=int, help="only this one, with its traceback")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="with --case: put its file there")
    arguments = parser.parse_args()
    if arguments.case is not None:
        warnings.simplefilter("error")
        repeat(arguments.case, arguments.seed, arguments.keep)
        sys.exit()
    summary = run(arguments.cases, arguments.seed, arguments.workers, arguments.first, arguments.journal)
    print(json.dumps(summary, indent=2))
    sys.exit(bool(summary["failures"]))
