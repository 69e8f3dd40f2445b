"""``dfuse fuse --model auto --deadline-ms 100``: which model that is, on this machine and for these pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from diffuse_fuse.cli import fuse_report as report
from diffuse_fuse.errors import ImageReadError, UsageError

if TYPE_CHECKING:
    from diffuse_fuse.batch import Job


def model_in_time(
    model: str, deadline_ms: float | None, jobs: Sequence[Job], device: str, threads: int | None, quiet: bool
) -> str:
    """``model`` itself, or for "auto" the best shipped one that fuses a pair like the first within the deadline.

    Which, and how long it is expected to take, is said on stderr. Raises UsageError where only one of --model auto
    and --deadline-ms is given.
    """
    if model != "auto":
        if deadline_ms is not None:
            raise UsageError("--deadline-ms chooses the model: it needs --model auto.")
        return model
    if deadline_ms is None:
        raise UsageError("--model auto needs to know how fast: add --deadline-ms 100, for example.")
    size = next(sizes(jobs), None)
    if size is None:  # nothing to fuse, or it will be said why it cannot be
        return "default"
    from diffuse_fuse.fusion.auto import pick

    picked = pick(deadline_ms, *size, device=device, threads=threads)
    took = f"about {picked.milliseconds:.3g} ms for {size[0]}×{size[1]}"
    if not picked.in_time:
        report.say(f"Warning: no model is fast enough here; the fastest, {picked.name}, takes {took}.")
    elif not quiet:
        report.say(f"Model {picked.name}: {took}.")
    return picked.name


def sizes(jobs: Iterable[Job]) -> Iterator[tuple[int, int]]:
    """Width and height of each visible picture that says them."""
    from diffuse_fuse.images.decode import read_bytes
    from diffuse_fuse.images.header import read_header

    for job in jobs:
        try:
            header = read_header(read_bytes(job.vis))
        except ImageReadError:
            continue
        if header:
            yield header.width, header.height
