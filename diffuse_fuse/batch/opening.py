"""Which pairs of a plan would be refused, without decoding all of them.

The headers of all files are read. Pairs whose headers are alike (format, size, orientation, what is inside) share their
fate, so one of each kind is loaded as the run would load it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from diffuse_fuse.batch.job import Job
from diffuse_fuse.batch.pipeline import Done, read_all
from diffuse_fuse.batch.recipe import Recipe
from diffuse_fuse.errors import DfuseError, ImageReadError
from diffuse_fuse.images import exif
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.header import read_header
from diffuse_fuse.images.load import load_pair

_START = 1 << 16  # bytes in which a JPEG says what else it holds

Likeness = tuple[object, ...]


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
