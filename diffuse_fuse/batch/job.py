"""What is to be done with which pairs, and what became of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from diffuse_fuse.errors import UsageError, one_line
from diffuse_fuse.images.enlarging import name_of
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import DEFAULT as DEFAULT_LOAD
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.write import SUFFIXES

if TYPE_CHECKING:
    from diffuse_fuse.alignment import Aligner  # which brings SciPy: a fifth of a second

Status = Literal["ok", "skipped", "failed"]
Existing = Literal["resume", "refuse", "replace", "measure"]


class FusesArrays(Protocol):
    """What ``run`` needs of a fuser; ``diffuse_fuse.Fuser`` is one. ``depth`` is given only where it is not 8."""

    def fuse(self, ir: np.ndarray, vis: np.ndarray, *, depth: int = 8) -> np.ndarray: ...


@dataclass(frozen=True)
class Job:
    """One pair and where its picture goes. ``vis`` is ``ir`` for a file that holds its own visible picture."""

    ir: Path
    vis: Path
    out: Path

    def __str__(self) -> str:
        return shown(self.ir) if self.ir == self.vis else f"{shown(self.ir)} and {shown(self.vis)}"

    @property
    def gif(self) -> Path:
        """Where the animation beside the picture goes."""
        return self.out.with_name(self.out.name[: -len(self.out.suffix)] + ".gif")


@dataclass(frozen=True)
class Result:
    """What became of a job.

    seconds: reading, aligning, fusing and writing, without the metrics and without waiting. network: of these, the
    fusing. redone: why an output that was there was made again, None where there was none.
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
    network: float = 0.0
    redone: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The result as ``dfuse fuse --json`` prints it: only what JSON can hold, so NaN becomes None."""
        return {
            "ir": str(self.ir),
            "vis": str(self.vis),
            "out": str(self.out),
            "status": self.status,
            "seconds": round(self.seconds, 4),
            "metrics": {name: value if math.isfinite(value) else None for name, value in self.metrics.items()},
            "error": self.error,
            "warnings": list(self.warnings),
            **({"redone": self.redone} if self.redone else {}),
            **({"alignment": self.alignment} if self.alignment else {}),
        }


@dataclass(frozen=True)
class Plan:
    """The jobs of a run, pairs that cannot be jobs (as failed results), and files without a partner.

    passed_over, notes: see ``images.pairs.Pairing``.
    """

    jobs: tuple[Job, ...]
    failed: tuple[Result, ...] = ()
    ir_only: tuple[Path, ...] = ()
    vis_only: tuple[Path, ...] = ()
    passed_over: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def failed(job: Job, error: str) -> Result:
    """The result of a job that was not begun."""
    return Result(job.ir, job.vis, job.out, "failed", error=one_line(error))


def mean_metrics(results: Sequence[Result]) -> dict[str, float]:
    """The mean of each metric over the results where it is a finite number; NaN where there is none."""
    means = {}
    for name in dict.fromkeys(name for result in results for name in result.metrics):
        values = [result.metrics[name] for result in results if math.isfinite(result.metrics.get(name, math.nan))]
        means[name] = sum(values) / len(values) if values else math.nan
    return means


@dataclass(frozen=True)
class Recipe:
    """How the pairs of a run become pictures.

    load: how they are read and brought to one size. aligner: moves the infrared picture onto the visible one after
    that; without, they are taken as they are. measure: compute the fidelity metrics ``metrics.FUSE``.
    depth: bits a channel of the output, 8 or 16. side_by_side: the output shows infrared, visible and fused beside
    each other. gif: an animation of the three is written too. world_file: where a map lies is written beside it, too.
    model, weights: name and SHA-256 of the fuser's weights, noted in each picture, so that a later run can tell
    whether it is up to date; without weights nothing is noted. more: whatever else changes the pixels, as JSON values.
    """

    load: LoadOptions = DEFAULT_LOAD
    aligner: Aligner | None = None
    measure: bool = True
    depth: Literal[8, 16] = 8
    side_by_side: bool = False
    gif: bool = False
    world_file: bool = False
    model: str = ""
    weights: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def options(self, out: Path) -> dict[str, Any]:
        """Everything that decides about the bytes of ``out`` besides weights and sources, as JSON can hold it.

        All of it, defaults too: what a picture says about itself must not depend on what the defaults were.
        """
        load = self.load
        return {
            "page": load.page,
            "thermal_range": list(given) if isinstance(given := load.thermal_range, tuple) else given,
            "polarity": load.polarity,
            "size": load.size,
            "stretch": load.stretch,
            "gps": load.gps,
            **({} if load.nodata is None else {"nodata": load.nodata}),
            **({} if load.field is None else {"ir_field": load.field.as_json()}),
            **load.of_the_file(),
            "enlarge": None if load.enlarge is None else name_of(load.enlarge),
            "align": self._alignment(),
            "depth": self.depth,
            "side_by_side": self.side_by_side,
            "format": canonical(out.suffix)[1:],
            **self.more,
        }

    def _alignment(self) -> Any:
        if self.aligner is None:
            return None
        rig = self.aligner.calibration
        if rig is not None:
            return rig.as_dict()
        kind = self.aligner.kind.value
        if not self.aligner.move:
            return "field"
        return f"field, {kind}" if self.aligner.search else kind


def canonical(suffix: str) -> str:
    """One spelling of a suffix: ".JPEG" → ".jpg"."""
    return {".jpeg": ".jpg", ".tiff": ".tif"}.get(suffix.lower(), suffix.lower())


def format_suffix(name: str) -> str:
    """The suffix of a format name: "png" → ".png". Raises UsageError for a format that cannot be written."""
    suffix = "." + name.lower().lstrip(".")
    if suffix not in SUFFIXES:
        known = ", ".join(known[1:] for known in SUFFIXES)
        raise UsageError(f"Unknown format {name}: use one of {known}.")
    return suffix
