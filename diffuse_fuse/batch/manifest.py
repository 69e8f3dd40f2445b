"""A table of pairs → jobs: a CSV file with the columns ir, vis and out, one row a pair."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from diffuse_fuse.batch.job import Job, Plan, Result, failed
from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.files import identity
from diffuse_fuse.images.table import COLUMNS, input_path, read_manifest
from diffuse_fuse.images.write import require_depth, require_suffix

_NUL = "\0"


def plan_manifest(manifest: Path, out_dir: Path, suffix: str | None = None, depth: int = 8) -> Plan:
    """The jobs of a manifest: inputs relative to its folder, outputs to ``out_dir``.

    An empty ``vis`` stands for the visible picture inside the infrared file, an empty ``out`` for the visible file's
    name. A name without a suffix gets ``suffix`` (".png" by default). Rows that cannot be jobs are failed results: one
    without ``ir``, one with ~ or an address of the web in place of a path, an output that another row has, that is an
    input, or that cannot be written in this format and depth. Raises UsageError when the file cannot be read, lacks
    the column ir or vis, or has no rows.
    """
    jobs: list[Job] = []
    bad: list[Result] = []
    taken: dict[str, int] = {}
    rows = read_manifest(manifest)
    real_path = _real_paths()
    inputs = {
        real_path(str(input_path(manifest.parent, row[column])))
        for _, row in rows
        for column in ("ir", "vis")
        if row[column] and _NUL not in row[column]
    }
    read = {found for path in inputs if (found := identity(path))}  # other spellings, and links
    for line, row in rows:
        where = f"{manifest}, line {line}: "
        damaged = next((column for column in COLUMNS if _NUL in row[column]), None)
        if damaged:
            row = {column: cell.replace(_NUL, r"\0") for column, cell in row.items()}
        job = _job(row, manifest.parent, out_dir, suffix or ".png")
        real = real_path(str(job.out))
        if damaged:
            bad.append(
                failed(job, f"{where}{damaged} holds a NUL character, which a path cannot hold: correct the table.")
            )
        elif not row["ir"]:
            bad.append(failed(job, f"{where}the infrared picture is missing."))
        elif wrong := _no_path(row):
            bad.append(failed(job, f"{where}{wrong}"))
        elif real in taken:
            bad.append(failed(job, f"{where}{job.out} is already the output of line {taken[real]}: name another one."))
        elif real in inputs or identity(job.out) in read:
            bad.append(failed(job, f"{where}the output {job.out} is one of the inputs: name another one."))
        elif wrong := _unwritable(job.out, depth):
            bad.append(failed(job, f"{where}{wrong}"))
        else:
            jobs.append(job)
            taken[real] = line
    return Plan(tuple(jobs), tuple(bad))


def _real_paths() -> Callable[[str], str]:
    """``os.path.realpath`` for many files of few folders, which are looked at once."""
    real_folder = lru_cache(maxsize=1024)(os.path.realpath)

    def real_path(path: str) -> str:
        folder, name = os.path.split(path)
        real = os.path.join(real_folder(folder), name)
        return os.path.realpath(path) if name in ("", os.curdir, os.pardir) or os.path.islink(real) else real

    return real_path


def _job(row: dict[str, str], inputs: Path, outputs: Path, suffix: str) -> Job:
    ir = input_path(inputs, row["ir"])
    vis = input_path(inputs, row["vis"]) if row["vis"] else ir
    name = row["out"].replace("\\", "/") or vis.stem + suffix
    return Job(ir, vis, outputs / (name if Path(name).suffix else name + suffix))


def _no_path(row: dict[str, str]) -> str | None:
    """What is wrong with a cell that a shell or a browser would understand, but that is no path of a file."""
    for column in COLUMNS:
        cell = row[column]
        if cell.startswith("~"):
            return f"{column} is {cell}, but a table does not expand ~: write the whole path, or ./~ for such a name."
        scheme, mark, _ = cell.partition("://")
        if mark and scheme.isalnum():
            do = "write the path alone" if scheme.lower() == "file" else "save the file and write its path"
            return f"{column} is {cell}, which is an address, not a path: {do}."
    return None


def _unwritable(out: Path, depth: int) -> str | None:
    try:
        require_suffix(out)
        require_depth(out, depth)
    except ImageWriteError as error:
        return str(error)
    return None
