"""Many pairs in, many pictures out: what ``dfuse fuse`` does, for Python as well.

    plan = plan_folders("ir", "vis", "fused")
    results = run_folders(plan, Fuser(), "fused")

A bad pair is a result with status "failed"; the rest goes on.
"""

from __future__ import annotations

import math
import os
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from diffuse_fuse import metrics
from diffuse_fuse.alignment import Aligner
from diffuse_fuse.errors import DataError, DfuseError, ImageReadError, ImageWriteError, MetricError, UsageError
from diffuse_fuse.images.arrays import to_uint8_grey
from diffuse_fuse.images.load import LoadedPair, load_pair, load_range
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.pairs import find_pairs, find_pictures
from diffuse_fuse.images.thermal import series_range
from diffuse_fuse.images.write import SUFFIXES, require_suffix, write_image
from diffuse_fuse.metrics_file import MetricsFile

Status = Literal["ok", "skipped", "failed"]
Existing = Literal["skip", "refuse", "replace"]


class FusesArrays(Protocol):
    """What ``run`` needs of a fuser; ``diffuse_fuse.Fuser`` is one."""

    def fuse(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Job:
    """One pair and where its picture goes. ``vis`` is ``ir`` for a file that holds its own visible picture."""

    ir: Path
    vis: Path
    out: Path


@dataclass(frozen=True)
class Result:
    """What became of a job. ``seconds``: reading, aligning, fusing and writing, without the metrics.

    alignment: what was found and done, see ``alignment.Aligned.report``; None where it was not asked for.
    """

    ir: Path
    vis: Path
    out: Path
    status: Status
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    warnings: tuple[str, ...] = ()
    traceback: str | None = None  # of an error that dfuse did not expect
    alignment: dict[str, Any] | None = None

    def as_dict(self) -> dict:
        """The result as ``dfuse fuse --json`` prints it: only what JSON can hold, so NaN becomes None."""
        return {
            "ir": str(self.ir),
            "vis": str(self.vis),
            "out": str(self.out),
            "status": self.status,
            "seconds": round(self.seconds, 4),
            "metrics": {name: value if math.isfinite(value) else None for name, value in self.metrics.items()},
            "error": self.error,
            **({"alignment": self.alignment} if self.alignment else {}),
        }


@dataclass(frozen=True)
class Plan:
    """The jobs of two folders, pairs that cannot be jobs (as failed results), and files without a partner."""

    jobs: tuple[Job, ...]
    failed: tuple[Result, ...]
    ir_only: tuple[Path, ...]
    vis_only: tuple[Path, ...]


def plan_pair(ir: Path, vis: Path, out: Path, suffix: str | None = None) -> Job:
    """The job for two files. ``out`` is a file, or an existing folder: then ``<out>/<visible stem><suffix>``.

    suffix: the format asked for, ".png" by default; a file name without a suffix gets it. Raises UsageError
    when ``out`` has another suffix than the one asked for, is an input, or cannot be written as a picture.
    """
    if out.is_dir():
        out = out / (vis.stem + (suffix or ".png"))
    elif not out.suffix:
        out = out.with_name(out.name + (suffix or ".png"))
    elif suffix and _canonical(out.suffix) != _canonical(suffix):
        raise UsageError(f"The output {out} and the format {suffix[1:]} contradict each other: give one of them.")
    try:
        require_suffix(out)
    except ImageWriteError as error:
        raise UsageError(str(error)) from error
    job = Job(ir, vis, out)
    _refuse_inputs_as_outputs([job])
    return job


def plan_folders(
    ir_dir: Path, vis_dir: Path, out_dir: Path, recursive: bool = False, suffix: str | None = None
) -> Plan:
    """The jobs for two folders: pairs by stem, each output named after the visible file.

    recursive: subfolders are searched too and stand in the output folder again.
    Raises UsageError when the folders are the same one, hold no pair, or an output would replace an input;
    DataError when a folder cannot be read.
    """
    if os.path.realpath(ir_dir) == os.path.realpath(vis_dir):
        raise UsageError(f"{ir_dir} is given as the infrared and as the visible folder: two folders are needed.")
    _refuse_folder(out_dir, (ir_dir, vis_dir))
    suffix = suffix or ".png"
    pairing = find_pairs(ir_dir, vis_dir, recursive, exclude=out_dir)

    def output(relative: Path) -> Path:
        return out_dir / relative.with_name(relative.name + suffix)  # the stem may hold dots

    jobs = [Job(pair.ir, pair.vis, output(pair.relative)) for pair in pairing.pairs]
    failed = [
        Result(name.ir[0], name.vis[0], output(name.relative), "failed", error=str(name)) for name in pairing.ambiguous
    ]
    if not jobs and not failed:
        raise UsageError(_why_no_pairs(ir_dir, vis_dir, len(pairing.ir_only), len(pairing.vis_only), recursive))
    _refuse_inputs_as_outputs(jobs)
    return Plan(tuple(jobs), tuple(failed), pairing.ir_only, pairing.vis_only)


def plan_single_folder(ir_dir: Path, out_dir: Path, recursive: bool = False, suffix: str | None = None) -> Plan:
    """The jobs for a folder of radiometric JPEGs that hold their own visible pictures; see ``plan_folders``."""
    _refuse_folder(out_dir, (ir_dir,))
    pictures = find_pictures(ir_dir, recursive, exclude=out_dir)
    if not pictures:
        deeper = "" if recursive else ": add -r if they are in subfolders"
        raise UsageError(f"There are no pictures in {ir_dir}{deeper}.")
    suffix = suffix or ".png"
    jobs, failed, taken = [], [], set()
    for path in pictures:
        relative = path.relative_to(ir_dir)
        job = Job(path, path, out_dir / relative.with_name(relative.stem + suffix))
        if job.out in taken:
            error = f"{path} and another picture of the same name would both become {job.out}: rename one."
            failed.append(Result(path, path, job.out, "failed", error=error))
        else:
            jobs.append(job)
            taken.add(job.out)
    _refuse_inputs_as_outputs(jobs)
    return Plan(tuple(jobs), tuple(failed), (), ())


def with_series_range(jobs: Iterable[Job], load: LoadOptions) -> tuple[LoadOptions, str | None]:
    """``load`` with one thermal range that holds the robust range of every infrared file; and its unit.

    8-bit pictures share a scale already: with none but those, ``load`` comes back as it is, and None. Files that
    cannot be read are passed over here. Raises DataError when the files have no unit in common.
    """
    ranges, units = [], set()
    for job in jobs:
        try:
            found = load_range(job.ir, load)
        except ImageReadError:
            continue  # fusing it fails with its own message
        units.add(found[1] if found else "8-bit levels")
        if found:
            ranges.append(found[0])
    if len(units) > 1:
        kinds = " and ".join(sorted(units))
        raise DataError(f"The infrared pictures have {kinds}: no one range fits them all, so fuse them by kind.")
    common = series_range(ranges)
    if common is None or common[1] <= common[0]:
        return load, None
    return replace(load, thermal_range=common), units.pop()


def count_work(jobs: Iterable[Job], existing: Existing) -> int:
    """How many pairs ``run`` will fuse; with none, it needs no model."""
    return sum(existing == "replace" or not job.out.exists() for job in jobs)


def run(
    jobs: Iterable[Job],
    fuser: FusesArrays | None,
    *,
    existing: Existing = "refuse",
    measure: bool = True,
    load: LoadOptions = DEFAULT,
    aligner: Aligner | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Fuse every job and write its picture; one result each, in order. Never raises for a bad pair.

    fuser: may be None when there is no work (see ``count_work``).
    existing: what happens to an output that is there: "skip" it, "refuse" (a failed result), or "replace" it.
    measure: compute the fidelity metrics ``metrics.FUSE`` of every fused picture.
    load: how the pictures are read and brought to one size.
    aligner: moves the infrared picture onto the visible one after that; without, they are taken as they are.
    on_result: called after each job, for progress.
    """
    results = []
    for job in jobs:
        if job.out.exists() and existing == "skip":
            result = Result(job.ir, job.vis, job.out, "skipped")
        elif job.out.exists() and existing == "refuse":
            error = f"{job.out} exists already: name another output, or add --overwrite."
            result = Result(job.ir, job.vis, job.out, "failed", error=error)
        else:
            result = _fuse_one(job, fuser, measure, load, aligner)
        results.append(result)
        if on_result:
            on_result(result)
    return results


def run_folders(
    plan: Plan,
    fuser: FusesArrays | None,
    out_dir: Path,
    *,
    existing: Existing = "skip",
    measure: bool = True,
    load: LoadOptions = DEFAULT,
    aligner: Aligner | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> list[Result]:
    """``run`` for two folders: keeps ``out_dir/metrics.csv`` up to date, and adds what was ambiguous as failed.

    Interrupted, it leaves complete pictures and their metrics; called again, it goes on from there. Raises
    ImageWriteError when metrics.csv cannot be written or is none of dfuse's.
    """
    scores = MetricsFile(out_dir) if measure or MetricsFile.is_in(out_dir) else None

    def record(result: Result) -> None:
        if scores and result.status == "ok":
            scores.record(result.out, result.metrics)
        if on_result:
            on_result(result)

    try:
        results = run(
            plan.jobs, fuser, existing=existing, measure=measure, load=load, aligner=aligner, on_result=record
        )
    finally:
        if scores:
            scores.save()
    return results + list(plan.failed)


def mean_metrics(results: Sequence[Result]) -> dict[str, float]:
    """The mean of each metric over the results where it is a finite number; NaN where there is none."""
    means = {}
    for name in dict.fromkeys(name for result in results for name in result.metrics):
        values = [result.metrics[name] for result in results if math.isfinite(result.metrics.get(name, math.nan))]
        means[name] = sum(values) / len(values) if values else math.nan
    return means


def _fuse_one(job: Job, fuser: FusesArrays, measure: bool, load: LoadOptions, aligner: Aligner | None) -> Result:
    start = time.perf_counter()
    warnings: tuple[str, ...] = ()
    trace = alignment = None
    try:
        pair = load_pair(job.ir, job.vis, load)
        warnings = pair.warnings
        if aligner:
            aligned = aligner.align(pair.ir, pair.vis)
            warnings += aligned.warnings
            pair, alignment = replace(pair, ir=aligned.ir), aligned.report
        fused = fuser.fuse(pair.ir, pair.vis)
        # measured before writing, so that an interrupt leaves no picture that lacks its metrics
        measuring = time.perf_counter()
        values, more_warnings = _measure(pair, fused) if measure else ({}, ())
        start += time.perf_counter() - measuring
        write_image(job.out, fused)
        seconds = time.perf_counter() - start
        warnings += more_warnings
        return Result(job.ir, job.vis, job.out, "ok", seconds, values, None, warnings, alignment=alignment)
    except (ImageReadError, ImageWriteError) as error:  # these name their file
        text = str(error)
    except DfuseError as error:
        text = f"{_both(job)}: {error}"
    except Exception as error:  # one pair that trips over a bug must not cost the other thousand
        if _is_out_of_memory(error):
            text = f"{_both(job)}: there is not enough memory for pictures of this size."
        else:
            text = f"{_both(job)}: this is a bug in dfuse: {type(error).__name__}: {error}"
            trace = traceback.format_exc()
    return Result(job.ir, job.vis, job.out, "failed", time.perf_counter() - start, {}, text, warnings, trace)


def _both(job: Job) -> str:
    return shown(job.ir) if job.ir == job.vis else f"{shown(job.ir)} and {shown(job.vis)}"


def _measure(pair: LoadedPair, fused: np.ndarray) -> tuple[dict[str, float], tuple[str, ...]]:
    """The metrics of a fused picture; where they are not defined, a warning instead: the picture is good."""
    try:
        return dict(metrics.compute(to_uint8_grey(pair.ir), pair.vis, fused, metrics.FUSE)), ()
    except MetricError as error:
        return {}, (f"The metrics cannot be computed: {error}",)


def _is_out_of_memory(error: Exception) -> bool:
    """PyTorch and OpenCV say it with exceptions of their own, which have only the text in common."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "not enough memory" in text


def _refuse_folder(out_dir: Path, inputs: Sequence[Path]) -> None:
    if out_dir.exists() and not out_dir.is_dir():
        raise UsageError(f"The output {out_dir} is a file: folders are fused into a folder.")
    for folder in inputs:
        if os.path.realpath(out_dir) == os.path.realpath(folder):
            raise UsageError(f"The output {out_dir} is an input folder: give a folder of its own.")


def _refuse_inputs_as_outputs(jobs: Sequence[Job]) -> None:
    """Compared by inode, so that links and other spellings of a path do not slip through."""
    inputs = {identity for job in jobs for path in (job.ir, job.vis) if (identity := _identity(path))}
    for job in jobs:
        if _identity(job.out) in inputs:
            raise UsageError(f"The output {job.out} is one of the input pictures: give another output.")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _canonical(suffix: str) -> str:
    return {".jpeg": ".jpg", ".tiff": ".tif"}.get(suffix.lower(), suffix.lower())


def _why_no_pairs(ir_dir: Path, vis_dir: Path, irs: int, vises: int, recursive: bool) -> str:
    if irs and vises:
        return (
            f"No picture in {ir_dir} ({irs}) has the name of one in {vis_dir} ({vises}): "
            "pairs are found by equal names, suffixes aside."
        )
    empty = " and ".join(str(folder) for folder, count in ((ir_dir, irs), (vis_dir, vises)) if not count)
    deeper = "" if recursive else ": add -r if they are in subfolders"
    return f"There are no pictures in {empty}{deeper}."


def format_suffix(name: str) -> str:
    """The suffix of a format name: "png" → ".png". Raises UsageError for a format that cannot be written."""
    suffix = "." + name.lower().lstrip(".")
    if suffix not in SUFFIXES:
        known = ", ".join(known[1:] for known in SUFFIXES)
        raise UsageError(f"The format {name} is unknown: use one of {known}.")
    return suffix
