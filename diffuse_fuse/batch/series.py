"""One thermal range for all infrared pictures of a run, so that equal temperatures look equal in all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from diffuse_fuse.batch.job import Job
from diffuse_fuse.batch.pipeline import Done, default_workers, read_all
from diffuse_fuse.errors import DataError, ImageReadError
from diffuse_fuse.images.load import load_range
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.thermal import series_range
from diffuse_fuse.images.thermal.window import Range


def with_series_range(
    jobs: Iterable[Job], load: LoadOptions, workers: int | None = None
) -> tuple[LoadOptions, str | None]:
    """``load`` with one thermal range that holds that of every infrared file; and its unit.

    8-bit pictures share a scale already: with none but those, ``load`` comes back as it is, and None. Files that
    cannot be read are passed over here. Raises DataError when the files have no unit in common.
    """
    ranges, units = [], set()

    def collect(found: tuple[Range, str] | ImageReadError | None) -> None:
        if isinstance(found, ImageReadError):
            return  # fusing it fails with its own message
        units.add(found[1] if found else "8-bit levels")
        if found:
            ranges.append(found[0])

    def look(job: Job) -> Done[tuple[Range, str] | ImageReadError | None]:
        try:
            return Done(load_range(job.ir, load, alone=job.ir == job.vis))
        except ImageReadError as error:
            return Done(error)

    read_all(jobs, look, collect, workers or default_workers())
    if len(units) > 1:
        kinds = " and ".join(sorted(units))
        raise DataError(f"The infrared pictures have {kinds}: no one range fits them all, so fuse them by kind.")
    common = series_range(ranges)
    if common is None or common[1] <= common[0]:
        return load, None
    return replace(load, thermal_range=common), units.pop()
