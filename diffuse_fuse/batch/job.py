"""What is to be done, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from diffuse_fuse.errors import one_line
from diffuse_fuse.images.names import shown

Status = Literal["ok", "skipped", "failed"]
Existing = Literal["resume", "refuse", "replace"]


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
