"""The best of the shipped models that is fast enough here: what ``--model auto --deadline-ms`` picks."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from diffuse_fuse import models
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.fusion.fuser import Fuser

BEST_FIRST = ("base", "fast", "tiny")
_PROBE = (256, 320)  # rows, columns: large enough that what a call costs by itself counts little


@dataclass(frozen=True)
class Pick:
    """A model and how many milliseconds it is expected to take for a pair; in_time: no more than were allowed."""

    name: str
    milliseconds: float
    in_time: bool


def pick(deadline_ms: float, width: int, height: int, device: str = "auto", threads: int | None = None) -> Pick:
    """The first of ``BEST_FIRST`` that fuses a pair of this size, arrays in, array out, within ``deadline_ms``.

    Where none does, the fastest. Each is timed on a small pair until one is fast enough, so a busy machine may pick
    another one than an idle machine. Raises WeightsError when none of them is installed, UsageError as ``Fuser`` does.
    """
    installed = [name for name in BEST_FIRST if (models.folder() / f"{name}.safetensors").is_file()]
    if not installed:
        raise WeightsError(f"None of the models {', '.join(BEST_FIRST)} is installed: name another with --model.")
    expected = {}
    for name in installed:
        expected[name] = seconds_per_pixel(name, device, threads) * width * height * 1000
        if expected[name] <= deadline_ms:
            return Pick(name, expected[name], True)
    fastest = min(expected, key=expected.__getitem__)
    return Pick(fastest, expected[fastest], False)


def seconds_per_pixel(model: str, device: str = "auto", threads: int | None = None) -> float:
    """How long ``model`` takes for a pixel here: one run that warms up, one that is timed."""
    fuser = Fuser(model, device=device, threads=threads)
    rng = np.random.default_rng(0)
    ir = rng.integers(256, size=_PROBE, dtype=np.uint8)
    vis = rng.integers(256, size=(*_PROBE, 3), dtype=np.uint8)
    fuser.fuse(ir, vis)
    start = time.perf_counter()
    fuser.fuse(ir, vis)
    return (time.perf_counter() - start) / ir.size
