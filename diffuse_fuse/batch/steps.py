"""The three steps of one pair: read it, fuse it, measure and write the picture. Errors become failed results."""

from __future__ import annotations

import hashlib
import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import EllipsisType
from typing import Any, Protocol

import numpy as np

from diffuse_fuse import metrics, shortage
from diffuse_fuse.batch.job import Existing, FusesArrays, Job, Recipe, Result, failed
from diffuse_fuse.batch.pipeline import Done, Together
from diffuse_fuse.batch.resume import KEPT_UNKNOWN, Standing, is_noted, noted_of, standing
from diffuse_fuse.errors import DfuseError, ImageReadError, ImageWriteError, MetricError, UsageError, WeightsError
from diffuse_fuse.images import seam, show
from diffuse_fuse.images.arrays import to_uint8_grey, to_uint8_rgb
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.load import LoadedPair, ReadBytes, load_pair
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.provenance import Provenance
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import OutputMetadata, write_image, write_world_file


class Scores(Protocol):
    """What keeps the metrics of a run; ``MetricsFile`` is one. Called from any thread."""

    def has(self, picture: Path) -> bool:
        """Whether it knows the metrics of ``picture``."""

    def add(self, picture: Path, values: Mapping[str, float]) -> None:
        """Told right before the picture is written."""


@dataclass(frozen=True)
class Ready:
    """A pair that has been read and, if asked for, aligned."""

    job: Job
    pair: LoadedPair
    alignment: dict[str, Any] | None
    seconds: float
    redone: str | None = None
    provenance: Provenance | None = None

    @property
    def nbytes(self) -> int:
        """What it holds, and what its fused picture will."""
        return self.pair.ir.nbytes + 2 * self.pair.vis.nbytes

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the fused picture."""
        height, width = self.pair.vis.shape[:2]
        return height, width

    def is_alike(self, other: Ready) -> bool:
        """Whether the network can have both in one batch."""
        return self.size == other.size


@dataclass(frozen=True)
class Fused:
    """A pair with its fused picture, uint8 or uint16 H×W×3."""

    ready: Ready
    picture: np.ndarray
    network: float


class Steps:
    """The steps as ``pipeline.overlapped`` calls them, for one run.

    scores: see ``run``. at_once: pictures that the fuser takes at the
    same time; the seconds of each that count are its share of them.
    """

    def __init__(
        self, fuser: FusesArrays | None, existing: Existing, recipe: Recipe, scores: Scores | None = None
    ) -> None:
        self._fuser, self._existing, self._recipe, self._scores = fuser, existing, recipe, scores
        self.at_once: int = getattr(fuser, "at_once", 1)

    def read(self, job: Job) -> Ready | Done[Result]:
        """The pair, unless its picture is there already."""
        start = time.perf_counter()
        try:
            found = standing(job, self._existing, self._recipe)
            if found.error:
                return Done(failed(job, found.error))
            if found.keep:
                return Done(self._kept(job, found))
            files = _Files()
            pair, alignment = load(job, self._recipe, files if is_noted(job, self._recipe) else read_bytes)
            provenance = noted_of(job, self._recipe, files.hashes) if files.hashes else None
        except Exception as error:
            return Done(_failure(job, error, time.perf_counter() - start))
        return Ready(job, pair, alignment, time.perf_counter() - start, found.redone, provenance)

    def _kept(self, job: Job, found: Standing) -> Result:
        """What is there stays; its metrics are measured where they were lost, as with another run in the same folder.

        Not of a picture that says nothing of its making: it may be of anything.
        """
        result = Result(job.ir, job.vis, job.out, "skipped", warnings=(found.warning,) if found.warning else ())
        if not (self._scores and self._recipe.measure) or found.warning == KEPT_UNKNOWN or self._scores.has(job.out):
            return result
        again = self.measure(job).value
        warning = again.error and f"The metrics of {shown(job.out)} are missing and cannot be computed: {again.error}"
        warnings = (*result.warnings, warning) if warning else result.warnings
        return replace(result, seconds=again.seconds, metrics=again.metrics, warnings=warnings)

    def fuse(self, ready: Ready) -> Fused | Done[Result]:
        """The fused picture. Raises what would befall every pair: wrong weights and wrong usage."""
        assert self._fuser is not None, "a run with work to do needs a fuser"
        start = time.perf_counter()
        depth = {"depth": self._recipe.depth} if self._recipe.depth != 8 else {}
        try:
            fused = self._fuser.fuse(ready.pair.ir, ready.pair.vis, **depth)
        except (UsageError, WeightsError):
            raise
        except Exception as error:
            seconds = (time.perf_counter() - start) / self.at_once
            return Done(_failure(ready.job, error, ready.seconds + seconds, ready.pair.warnings, seconds))
        fused = seam.over_holes(fused, ready.pair.vis, ready.pair.holes)
        return Fused(ready, fused, (time.perf_counter() - start) / self.at_once)

    def share(self, at_once: int, threads: int) -> None:
        """From now on the fuser is given so many pictures at once, each computed by so many ``threads``."""
        self.at_once = at_once
        if share := self._of_fuser("share"):
            share(at_once, threads)

    def memory(self, height: int, width: int) -> int | None:
        """See ``network.Lazy.memory``."""
        found: int | None = told(height, width) if (told := self._of_fuser("memory")) else None
        return found

    def _of_fuser(self, name: str) -> Callable[..., Any] | None:
        """What not every fuser can do."""
        return getattr(self._fuser, name, None)

    @property
    def work(self) -> Callable[[Ready], Fused | Done[Result]] | Together[Ready]:
        """``fuse``, or ``fuse_together`` where the fuser takes several pairs at a time."""
        together = self._of_fuser("together")
        if together is None:
            return self.fuse
        return Together(self.fuse_together, Ready.is_alike, lambda ready: together(*ready.size))

    def fuse_together(self, group: list[Ready]) -> list[Fused | Done[Result]]:
        """As ``fuse``, of pairs of one size. Where something is wrong each is fused by itself: so it fails alone."""
        if len(group) == 1:
            return [self.fuse(group[0])]
        start = time.perf_counter()
        depth = {"depth": self._recipe.depth} if self._recipe.depth != 8 else {}
        fuse_many = self._of_fuser("fuse_many")
        assert fuse_many is not None, "a fuser that takes several together takes them"
        try:
            made = fuse_many([(ready.pair.ir, ready.pair.vis) for ready in group], **depth)
        except (UsageError, WeightsError):
            raise
        except Exception:
            return [self.fuse(ready) for ready in group]
        pairs = zip(group, made, strict=True)
        fused = [(ready, seam.over_holes(picture, ready.pair.vis, ready.pair.holes)) for ready, picture in pairs]
        seconds = (time.perf_counter() - start) / len(group) / self.at_once
        return [Fused(ready, picture, seconds) for ready, picture in fused]

    def write(self, fused: Fused) -> Result:
        """Metrics first, so that there is no picture that lacks them; the GIF before the picture, likewise."""
        ready, recipe = fused.ready, self._recipe
        job, pair, seconds = ready.job, ready.pair, ready.seconds + fused.network
        try:
            values, more = measured(pair, fused.picture) if recipe.measure else ({}, ())
            start = time.perf_counter()
            if self._scores:
                self._scores.add(job.out, values)
            picture = fused.picture
            if recipe.side_by_side:
                picture = show.side_by_side(pair.ir, pair.vis, picture)
            if recipe.gif:
                show.write_gif(job.gif, _frames(pair, fused.picture))
            told = OutputMetadata(pair.metadata, ready.provenance)
            if recipe.world_file:
                more += write_world_file(job.out, picture, told, self._existing == "replace" or bool(ready.redone))
            write_image(job.out, picture, told)
        except Exception as error:
            return _failure(job, error, seconds, pair.warnings, fused.network)
        return Result(
            job.ir,
            job.vis,
            job.out,
            "ok",
            seconds + time.perf_counter() - start,
            values,
            warnings=pair.warnings + more,
            alignment=ready.alignment,
            network=fused.network,
            redone=ready.redone,
        )

    def measure(self, job: Job) -> Done[Result]:
        """The metrics of a picture that is there, whoever made it: all of ``--only-metrics``."""
        start = time.perf_counter()
        try:
            pair, alignment = load(job, self._recipe)
            values, more = measured(pair, self._fused(job, pair))
            if not values:
                return Done(_failure(job, MetricError(more[0]), time.perf_counter() - start))
            if self._scores:
                self._scores.add(job.out, values)
        except Exception as error:
            return Done(_failure(job, error, time.perf_counter() - start))
        seconds = time.perf_counter() - start
        return Done(
            Result(job.ir, job.vis, job.out, "ok", seconds, values, warnings=pair.warnings + more, alignment=alignment)
        )

    def _fused(self, job: Job, pair: LoadedPair) -> np.ndarray:
        """The fused picture in the output's file: the right one of three where they stand side by side."""
        load, height, width = self._recipe.load, *pair.vis.shape[:2]
        if self._recipe.side_by_side:
            load = replace(load, max_pixels=max(load.max_pixels, 4 * height * width))
        picture = read_visible(job.out, load)
        return picture[:, -width:] if self._recipe.side_by_side and picture.shape[1] > 3 * width else picture


def measured(pair: LoadedPair, fused: np.ndarray) -> tuple[dict[str, float], tuple[str, ...]]:
    """The metrics of a fused picture; where they are not defined, a warning instead: the picture is good.

    Of a pair with holes they are those of the largest rectangle without any.
    """
    part: EllipsisType | tuple[slice, slice] = ...
    if pair.holes is not None and fused.shape[:2] == pair.holes.shape:  # another size is not to be hidden by a cut
        part = seam.measured_part(pair.holes)
    try:
        values = metrics.compute(
            to_uint8_grey(pair.ir)[part], to_uint8_rgb(pair.vis)[part], to_uint8_rgb(fused, "fused")[part], metrics.FUSE
        )
    except MetricError as error:
        return {}, (f"The metrics cannot be computed: {error}",)
    return dict(values), ()


class _Files:
    """Reads files and keeps the SHA-256 of the very bytes that it gave: a file may be replaced at any moment."""

    def __init__(self) -> None:
        self.hashes: dict[Path, str] = {}

    def __call__(self, path: str | os.PathLike[str]) -> bytes:
        data = read_bytes(path)
        self.hashes[Path(path)] = hashlib.sha256(data).hexdigest()
        return data


def load(job: Job, recipe: Recipe, read_file: ReadBytes = read_bytes) -> tuple[LoadedPair, dict[str, Any] | None]:
    """The pair, aligned if that is asked for, and the report of that."""
    if recipe.aligner is None:
        return load_pair(job.ir, job.vis, recipe.load, read_file), None
    return recipe.aligner.load(job.ir, job.vis, recipe.load, read_file)


def _frames(pair: LoadedPair, fused: np.ndarray) -> list[np.ndarray]:
    return [to_uint8_rgb(pair.vis), to_uint8_grey(pair.ir), to_uint8_rgb(fused, "fused")]


def _failure(
    job: Job, error: Exception, seconds: float, warnings: tuple[str, ...] = (), network: float = 0.0
) -> Result:
    trace = None
    if isinstance(error, (ImageReadError, ImageWriteError)):  # these name their file
        text = str(error)
    elif isinstance(error, DfuseError):
        text = f"{job}: {error}"
    elif shortage.of_memory(error):
        text = f"{job}: not enough memory for pictures of this size, or the memory limit (ulimit -v) is too low."
    elif lacking := shortage.sentence(error):
        text = f"{job}: {lacking}"
    else:  # one pair that trips over a bug must not cost the other thousand
        text = f"{job}: this is a bug in dfuse: {type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
    return Result(job.ir, job.vis, job.out, "failed", seconds, {}, text, warnings, trace, network=network)
