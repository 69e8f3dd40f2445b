"""How a machine's cores are shared best, found by the run itself: what ``--workers auto`` does.

The first pairs of a long run are fused with the usual split, and then some with others, each for a few seconds; the
rest with the fastest. Nothing is done twice, and the pictures do not depend on the split. How far a network, decoding
and metrics use many cores, and how much Python's lock holds them up, is in what is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from diffuse_fuse.batch.job import Job, Result
from diffuse_fuse.batch.pipeline import default_workers, overlapped
from diffuse_fuse.batch.steps import Fused, Steps
from diffuse_fuse.machine import available_memory

_SECONDS = 2.0  # of the pairs of one trial
_LEAST = 3  # pairs of it, for each that the network has at once
_WORTH = 60.0  # seconds; a run that takes no longer is done before a better split pays
_BETTER = 1.05  # times the rate before: what is less may be chance
_MOST_TRIALS = 12

Rate = Callable[["Split"], float]


@dataclass(frozen=True)
class Split:
    """at_once: pictures that the network has at the same time, each by so many ``threads``. workers: threads that read
    and write beside it."""

    at_once: int
    threads: int
    workers: int

    def around(self, cores: int, most: int) -> Iterator[Split]:
        """Splits of twice and half as many; of at most ``cores`` workers, and ``most`` pictures at once."""
        for pictures, workers in ((2.0, 2.0), (1.0, 2.0), (2.0, 1.0), (0.5, 1.0), (1.0, 0.5)):
            at_once = max(1, min(int(self.at_once * pictures), most, cores))
            threads = self.threads if at_once == self.at_once else max(1, cores // at_once)
            split = Split(at_once, threads, max(1, min(int(self.workers * workers), max(cores, self.workers))))
            if split != self:
                yield split


def climbed(start: Split, cores: int, most: int, rate: Rate) -> tuple[Split, int]:
    """The fastest split that is found from ``start``, and how many were tried: of those around, the first that is
    faster, as long as there is one. ``rate``: what a split does in a second; 0 where nothing is left to do."""
    best, fastest, tried = start, rate(start), {start}
    found = True
    while found and fastest > 0:
        found = False
        for split in best.around(cores, most):
            if split in tried or len(tried) >= _MOST_TRIALS:
                continue
            tried.add(split)
            now = rate(split)
            if now > _BETTER * fastest:
                best, fastest, found = split, now, True
                break
    return best, len(tried)


@dataclass(frozen=True)
class Tuning:
    """cores: of the machine, or as many threads as were asked for. told: of the split that is taken, and how many were
    tried."""

    cores: int
    told: Callable[[Split, int], None] = lambda split, tried: None

    def run(
        self,
        jobs: Sequence[Job],
        steps: Steps,
        read: Callable[[Job], Any],
        emit: Callable[[Result], None],
        stop: Callable[[], bool],
    ) -> None:
        """``overlapped`` for all jobs."""
        start = Split(steps.at_once, max(1, self.cores // steps.at_once), default_workers())
        work, least = _Work(jobs, steps, read, emit, stop, start), _LEAST * start.at_once
        first = work.some(start, lambda count: count >= 1)  # the network is loaded and warms up
        if first and work.left:
            began = time.perf_counter()
            count = work.some(start, lambda count: count >= least)
            a_pair = (time.perf_counter() - began) / max(1, count)
            if a_pair * work.left > _WORTH:
                work.split = None  # until now PyTorch had the threads of the environment
                best, tried = climbed(start, self.cores, _most_at_once(steps, work.size), work.rate)
                self.told(best, tried)
                start = best
        work.some(start, lambda count: False)


class _Work:
    """The jobs of a run, of which some are done at a time, each time with another split."""

    def __init__(
        self,
        jobs: Sequence[Job],
        steps: Steps,
        read: Callable[[Job], Any],
        emit: Callable[[Result], None],
        stop: Callable[[], bool],
        start: Split,
    ) -> None:
        self._jobs, self._steps, self._read, self._emit, self._stop = jobs, steps, read, emit, stop
        self._next, self._values = 0, 0
        self.split: Split | None = start  # None: the fuser is to be told
        self.size = (0, 0)  # height and width of the largest picture

    @property
    def left(self) -> int:
        """Jobs that are not done."""
        return 0 if self._stop() else len(self._jobs) - self._next

    def rate(self, split: Split) -> float:
        """Values of pictures that it makes in a second."""
        start = time.perf_counter()
        least = _LEAST * split.at_once
        self.some(split, lambda count: count >= least and time.perf_counter() - start > _SECONDS)
        return self._values / (time.perf_counter() - start) if self.left else 0.0

    def some(self, split: Split, enough: Callable[[int], bool]) -> int:
        """Does the next jobs until ``enough`` says so of how many were fused, or all; gives that number."""
        made: list[tuple[int, ...]] = []

        def write(fused: Fused) -> Result:
            made.append(fused.picture.shape)
            return self._steps.write(fused)

        def emit(result: Result) -> None:
            self._next += 1
            self._emit(result)

        if self.left:
            if split != self.split:  # not before there is work to do: where there is none, no network is loaded
                self._steps.share(split.at_once, split.threads)
                self.split = split
            jobs = self._jobs[self._next :]
            stop = lambda: self._stop() or enough(len(made))  # noqa: E731 (it is short)
            overlapped(jobs, self._read, self._steps.work, write, emit, split.workers, stop, split.at_once)
            self._values = sum(height * width for height, width, *_ in made)
            sizes = [self.size, *((height, width) for height, width, *_ in made)]
            self.size = max(sizes, key=lambda size: size[0] * size[1])
        return len(made)


def _most_at_once(steps: Steps, size: tuple[int, int]) -> int:
    """Pictures of that size at once for which there is memory; where the network is on a GPU, or its threads cannot be
    changed, as many as now."""
    need, free = steps.memory(*size), available_memory()
    if need is None:
        return steps.at_once
    return max(steps.at_once, (free or 0) // (2 * max(1, need)))
