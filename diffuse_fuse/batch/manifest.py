"""A table of pairs → jobs: a CSV file with the columns ir, vis and out, one row a pair."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from diffuse_fuse.batch.job import Job, Plan, Result, failed
from diffuse_fuse.errors import ImageWriteError, UsageError
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.write import require_depth, require_suffix
from diffuse_fuse.outputs import identity

COLUMNS = ("ir", "vis", "out")
LARGEST = 64_000_000  # bytes of a manifest: half a million rows, which take 1.2 GB
_NUL = "\0"


def plan_manifest(manifest: Path, out_dir: Path, suffix: str | None = None, depth: int = 8) -> Plan:
    """The jobs of a manifest: inputs relative to its folder, outputs to ``out_dir``.

    An empty ``vis`` stands for the visible picture inside the infrared file, an empty ``out`` for the visible file's
    name. A name without a suffix gets ``suffix`` (".png" by default). Rows that cannot be jobs are failed results: one
    without ``ir``, one with ~ or an address of the web in place of a path, an output that another row has, that is an
    input, or that cannot be written in this format and depth. Raises UsageError when the file cannot be read, lacks a
    column or has no rows.
    """
    jobs: list[Job] = []
    bad: list[Result] = []
    taken: dict[str, int] = {}
    rows = _rows(manifest)
    real_path = _real_paths()
    inputs = {
        real_path(os.path.join(manifest.parent, row[column]))
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
            bad.append(failed(job, f"{where}{damaged} holds a NUL character, which no path can: correct the table."))
        elif not row["ir"]:
            bad.append(failed(job, f"{where}the infrared picture is missing."))
        elif wrong := _no_path(row):
            bad.append(failed(job, f"{where}{wrong}"))
        elif real in taken:
            bad.append(failed(job, f"{where}{job.out} is the output of line {taken[real]} already: name another one."))
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


def _rows(manifest: Path) -> list[tuple[int, dict[str, str]]]:
    """Line number and the three columns of every row that is not empty."""
    try:
        with open(
            os.open(manifest, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb"
        ) as file:  # not to wait for a pipe
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                what = "a folder" if stat.S_ISDIR(status.st_mode) else "no ordinary file (a pipe, socket or device)"
                raise UsageError(f"{manifest} is {what}: give a CSV file with the columns ir, vis and out.")
            if status.st_size > LARGEST:
                raise UsageError(
                    f"{manifest} has {status.st_size / 1e6:.0f} MB, and a table of pairs at most {LARGEST / 1e6:.0f}: "
                    "divide it."
                )
            # utf-8-sig: spreadsheets put a mark in front; surrogateescape: a file name need not be UTF-8 on Linux
            with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
                rows = list(_cells(manifest, csv.reader(text, skipinitialspace=True)))
    except OSError as error:
        raise UsageError(f"{manifest} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # a NUL byte in the path
        raise UsageError(f"{shown(manifest)} cannot be read: {error}.") from error
    except csv.Error as error:
        raise UsageError(f"{manifest} is no CSV file: {error}.") from error
    if not rows:
        raise UsageError(f"{manifest} has no rows: each pair needs one, with the columns ir, vis and out.")
    return rows


def _without_waiting(path: str, flags: int) -> int:
    """Opening a pipe would wait for somebody who writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _cells(manifest: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, dict[str, str]]]:
    header = [name.strip().lower() for name in next(reader, [])]
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise UsageError(f"{manifest} lacks the column {' and '.join(missing)}: its first line must be ir,vis,out.")
    places = [(column, header.index(column)) for column in COLUMNS]
    for row in reader:
        cells = {column: row[place].strip() if place < len(row) else "" for column, place in places}
        if any(cells.values()):
            yield reader.line_num, cells


def _job(row: dict[str, str], inputs: Path, outputs: Path, suffix: str) -> Job:
    ir = inputs / row["ir"]
    vis = inputs / row["vis"] if row["vis"] else ir
    name = row["out"] or vis.stem + suffix
    return Job(ir, vis, outputs / (name if Path(name).suffix else name + suffix))


def _no_path(row: dict[str, str]) -> str | None:
    """What is wrong with a cell that a shell or a browser would understand, but that is no path of a file."""
    for column in COLUMNS:
        cell = row[column]
        if cell.startswith("~"):
            return (
                f"{column} is {cell}, and ~ is not replaced in a table: write the whole path, or ./~ for such a name."
            )
        scheme, mark, _ = cell.partition("://")
        if mark and scheme.isalnum():
            do = "write the path alone" if scheme.lower() == "file" else "save the file and write its path"
            return f"{column} is {cell}, an address and not a path: {do}."
    return None


def _unwritable(out: Path, depth: int) -> str | None:
    try:
        require_suffix(out)
        require_depth(out, depth)
    except ImageWriteError as error:
        return str(error)
    return None
