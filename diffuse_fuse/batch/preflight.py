"""What a run will take, before it starts: pairs, sizes, time, disk space.

The sizes are those of some pairs, spread over the plan. Time and space are measured: a piece of one real pair goes
through every step of the run, into a temporary folder, and is scaled by the number of pixels.

Which pairs would be refused is told by their headers. Pairs whose headers are alike (format, size, orientation, what is
inside) share their fate, so one of each kind is loaded as the run would load it.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from diffuse_fuse.batch.job import Existing, FusesArrays, Job, Plan, Recipe, Result
from diffuse_fuse.batch.pipeline import Done, default_workers, read_all
from diffuse_fuse.batch.resume import Standing, standing
from diffuse_fuse.batch.steps import Ready, Steps
from diffuse_fuse.errors import DfuseError, ImageReadError
from diffuse_fuse.images import exif
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.header import read_header
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.machine import available_cores

_OPENED = 100  # pairs whose headers are read before a run; a dry run opens all
_LOOKED_AT = 40  # pairs whose size is looked up
_TRIED = 5  # pairs, until one can be read
_SLOW = 2.0  # seconds: a pair that takes longer to read is not read twice
_PIECE = (256, 320)  # height and width at most of what is timed
_LONG = 0.15  # seconds, at least, in which a step is timed
_START = 1 << 16  # bytes in which a JPEG says what else it holds

Likeness = tuple[object, ...]


@dataclass(frozen=True)
class Preflight:
    """What a plan holds and will take.

    pairs: all. to_do: of these, what is to be fused; of it, redone: outputs that are not up to date. kept: outputs that
    are there and stay. errors: why pairs cannot be fused: those that planning found, those whose files were opened and
    would be refused, and with ``checked`` also outputs that cannot be written.
    checked: whether existing outputs were compared with what would be made; without, each of them counts as kept.
    sizes: ("640×480", how many) of the ``looked_at`` pairs, the most frequent first.
    seconds, bytes: about, for what is to do; None where no pair could be measured. free: bytes left on the disk.
    """

    pairs: int
    to_do: int
    redone: int
    kept: int
    errors: tuple[str, ...]
    checked: bool
    sizes: tuple[tuple[str, int], ...]
    looked_at: int
    seconds: float | None
    bytes: int | None
    free: int

    def as_dict(self) -> dict[str, Any]:
        """As ``--dry-run --json`` prints it."""
        return {
            "pairs": self.pairs,
            "to_do": self.to_do,
            "redone": self.redone,
            "kept": self.kept,
            "failed": len(self.errors),
            "errors": list(self.errors),
            "sizes": dict(self.sizes),
            "looked_at": self.looked_at,
            "seconds": None if self.seconds is None else round(self.seconds, 4),
            "bytes": self.bytes,
            "free_bytes": self.free,
        }


def look_ahead(
    plan: Plan,
    fuser: FusesArrays | None,
    out_dir: Path,
    *,
    existing: Existing = "resume",
    recipe: Recipe = Recipe(),  # noqa: B008 (it is frozen)
    workers: int | None = None,
    check: bool = False,
) -> Preflight:
    """What ``run_folder`` would do with ``plan``. Nothing in ``out_dir`` is touched.

    fuser: without one, the time is not estimated. check: compare the outputs that are there, by reading all their
    sources, instead of only counting them, and open all pairs, instead of the first, to count only what can be done.
    """
    workers = workers or default_workers()
    if check:
        found = _standings(plan.jobs, existing, recipe, workers)
    else:
        found = [Standing(keep=existing == "resume" and job.out.exists()) for job in plan.jobs]
    found = _opened(plan.jobs, found, recipe, workers, everything=check)
    to_do = [job for job, state in zip(plan.jobs, found, strict=True) if not (state.keep or state.error)]
    sizes = [size for job in _spread(to_do, _LOOKED_AT) if (size := _size(job, recipe))]
    seconds = bytes_ = None
    if to_do and sizes and fuser:
        pixels = len(to_do) * sum(width * height for width, height in sizes) / len(sizes)
        with contextlib.suppress(OSError):  # no place for temporary files: the run can do without an estimate
            seconds, bytes_ = _measured(to_do, fuser, recipe, workers, pixels)
    return Preflight(
        pairs=len(plan.jobs) + len(plan.failed),
        to_do=len(to_do),
        redone=sum(state.redone is not None for state in found),
        kept=sum(state.keep for state in found),
        errors=tuple(state.error for state in found if state.error) + tuple(str(r.error) for r in plan.failed),
        checked=check,
        sizes=tuple(Counter(f"{width}×{height}" for width, height in sizes).most_common()),
        looked_at=len(sizes),
        seconds=seconds,
        bytes=bytes_,
        free=shutil.disk_usage(_existing_folder(out_dir)).free,
    )


def _standings(jobs: Sequence[Job], existing: Existing, recipe: Recipe, workers: int) -> list[Standing]:
    found: list[Standing] = []
    unnoted = replace(recipe, weights=None)  # for an output that is not there the sources need not be read

    def look(job: Job) -> Done[Standing]:
        state = standing(job, existing, recipe if os.path.lexists(job.out) else unnoted)
        return Done(state)

    read_all(jobs, look, found.append, workers)
    return found


def _opened(
    jobs: Sequence[Job], found: list[Standing], recipe: Recipe, workers: int, everything: bool
) -> list[Standing]:
    """The standings, with an error for pairs that the run would refuse; of the first ones, or of ``everything``."""
    waiting = [number for number, state in enumerate(found) if not (state.keep or state.error)]
    waiting = waiting if everything else waiting[:_OPENED]
    errors = refused([jobs[number] for number in waiting], recipe, workers)
    said = {number: error for number, error in zip(waiting, errors, strict=True) if error}
    return [Standing(error=said[number]) if number in said else state for number, state in enumerate(found)]


def _spread(jobs: Sequence[Job], count: int) -> list[Job]:
    count = min(count, len(jobs))
    return [jobs[(2 * number + 1) * len(jobs) // (2 * count)] for number in range(count)]


def _size(job: Job, recipe: Recipe) -> tuple[int, int] | None:
    """Width and height that the fused picture will have; None when the files cannot say."""
    try:
        found = _upright(job.ir if recipe.load.size == "ir" else job.vis)
        if found is None or recipe.load.size == "ir":
            return found
        field = recipe.load.field and (ir := _upright(job.ir)) and recipe.load.field.within(ir, found)
        if recipe.aligner and recipe.aligner.calibration:
            field = recipe.aligner.calibration.field_for(found)
        if not field:
            return found
        x0, y0, x1, y1 = field.inside()
        return x1 - x0, y1 - y0
    except DfuseError:
        return None


def _upright(path: Path) -> tuple[int, int] | None:
    data = read_bytes(path)
    found = read_header(data)
    if found is None:
        return None
    turned = exif.orientation(data) >= 5
    return (found.height, found.width) if turned else (found.width, found.height)


def _measured(
    jobs: Sequence[Job], fuser: FusesArrays, recipe: Recipe, workers: int, pixels: float
) -> tuple[float | None, int | None]:
    """Seconds and bytes for ``pixels`` pixels, from a piece of the first pair that can be fused."""
    steps = Steps(fuser, "replace", recipe)
    for job in _spread(jobs, _TRIED):
        ready, reading = _timed_read(steps, job)
        if isinstance(ready, Done):
            continue
        whole = ready.pair.vis.shape[0] * ready.pair.vis.shape[1]
        if said := _size(job, recipe):  # a field that is looked for leaves less than the headers say
            pixels *= whole / (said[0] * said[1])
        with tempfile.TemporaryDirectory() as folder:
            timed = _timed_piece(steps, _piece(ready, Path(folder) / job.out.name))
            written = sum(path.stat().st_size for path in Path(folder).iterdir())
        if timed is None:
            continue
        beside = reading / whole + timed.alone  # seconds a pixel of what the threads do
        if getattr(fuser, "device", "cpu") == "cpu":  # all of it shares the cores
            a_pixel = max(timed.network + beside * timed.together / timed.alone, beside / workers)
        else:
            a_pixel = max(timed.network, beside / workers)
        return pixels * a_pixel, round(pixels * written / (timed.pictures * timed.pixels))
    return None, None


class _Timed(NamedTuple):
    """Seconds a pixel: of the network, of measuring and writing alone, and of these while all cores do it."""

    network: float
    alone: float
    together: float
    pictures: int
    pixels: int


def _timed_piece(steps: Steps, piece: Ready) -> _Timed | None:
    """What the steps take, as many at once as the run will have: other programs hold some of the cores."""
    size, cores = piece.pair.vis.shape[0] * piece.pair.vis.shape[1], available_cores()
    out = piece.job.out
    fused = steps.fuse(piece)  # the first run of a network is slower
    network = _seconds_each(lambda _: steps.fuse(piece), steps.at_once)
    if isinstance(fused, Done):
        return None
    pictures = [
        replace(fused, ready=replace(piece, job=replace(piece.job, out=out.with_name(f"{number}-{out.name}"))))
        for number in range(cores)
    ]
    start = time.perf_counter()
    result = steps.write(pictures[0])
    alone = time.perf_counter() - start
    together = _seconds_each(lambda number: steps.write(pictures[number]), cores) if cores > 1 else alone
    if result.status == "failed":
        return None
    return _Timed(network / size, alone / size, min(together, alone) / size, len(pictures), size)


def _seconds_each(work: Callable[[int], object], threads: int) -> float:
    """Seconds of the wall clock for each call, while so many threads call ``work`` with their numbers."""
    begin = time.perf_counter()

    def calls(number: int) -> int:
        count = 0
        while not count or time.perf_counter() < begin + _LONG:
            work(number)
            count += 1
        return count

    with ThreadPoolExecutor(threads) as pool:
        count = sum(pool.map(calls, range(threads)))
    return (time.perf_counter() - begin) / count


def _timed_read(steps: Steps, job: Job) -> tuple[Ready | Done[Result], float]:
    """A pair and the seconds that reading it takes; once more where that is quick, for the first time is slower."""
    seconds = math.inf
    for _ in range(2):
        start = time.perf_counter()
        ready = steps.read(job)
        seconds = min(seconds, time.perf_counter() - start)
        if seconds > _SLOW or isinstance(ready, Done):
            break
    return ready, seconds


def _piece(ready: Ready, out: Path) -> Ready:
    """The middle of a pair."""
    height, width = ready.pair.vis.shape[:2]
    h, w = min(height, _PIECE[0]), min(width, _PIECE[1])
    part = (slice((height - h) // 2, (height - h) // 2 + h), slice((width - w) // 2, (width - w) // 2 + w))
    holes = None if ready.pair.holes is None else ready.pair.holes[part]
    pair = replace(ready.pair, ir=ready.pair.ir[part], vis=ready.pair.vis[part], holes=holes)
    return replace(ready, job=replace(ready.job, out=out), pair=pair)


def _existing_folder(path: Path) -> Path:
    path = Path(os.path.abspath(path))
    while not path.is_dir():
        path = path.parent
    return path


def refused(jobs: Sequence[Job], recipe: Recipe, workers: int) -> list[str | None]:
    """For each job the sentence with which the run would refuse it, or None."""
    kinds: list[Likeness | str | None] = []
    read_all(jobs, lambda job: Done(_kind(job, recipe)), kinds.append, workers)
    fates: dict[Likeness, str | None] = {}
    return [_fate(job, kind, recipe, fates) for job, kind in zip(jobs, kinds, strict=True)]


def _fate(job: Job, kind: Likeness | str | None, recipe: Recipe, fates: dict[Likeness, str | None]) -> str | None:
    """What becomes of a job by its kind (see ``_kind``); ``fates`` are those of the kinds that were tried."""
    if isinstance(kind, str):
        return kind
    if kind is None or kind not in fates:
        try:
            _load(job, recipe)
            fate = None
        except ImageReadError as error:  # of this file alone
            return str(error)
        except DfuseError as error:
            fate = str(error)
        if kind is None:
            return None if fate is None else f"{job}: {fate}"
        fates[kind] = fate
    return None if fates[kind] is None else f"{job}: {fates[kind]}"


def _load(job: Job, recipe: Recipe) -> None:
    """Loads a pair as the run would, but for looking for a field: that takes as long as fusing, and each pair has its
    own answer."""
    aligner, load = recipe.aligner, recipe.load
    if aligner is not None and aligner.calibration is None:
        load, aligner = replace(load, stretch=True), None
    load_pair(job.ir, job.vis, load, locate=aligner.locate if aligner else None)


def _kind(job: Job, recipe: Recipe) -> Likeness | str | None:
    """What a pair's headers say; the sentence for a file that cannot be opened; None where the headers say nothing."""
    found: list[object] = [job.ir == job.vis]
    for path in dict.fromkeys((job.ir, job.vis)):
        try:
            kind = _header(path, recipe.load.page if path == job.ir else 1)
        except ImageReadError as error:
            return str(error)
        if kind is None:
            return None
        found.append(kind)
    return tuple(found)


def _header(path: Path, page: int) -> Likeness | None:
    data = read_bytes(path)
    header = read_header(data, page)
    if header is None:
        return None
    inside = b"FLIR\0" in data[:_START]
    return header.format, header.width, header.height, header.pages, header.channels, exif.orientation(data), inside
