"""A table of pairs → jobs: a CSV file with the columns ir, vis and out, one row a pair."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from diffuse_fuse.batch.job import Job, Plan, Result, failed
from diffuse_fuse.errors import ImageWriteError, UsageError
from diffuse_fuse.images.pairs import Pair
from diffuse_fuse.images.write import require_depth, require_suffix

COLUMNS = ("ir", "vis", "out")


def plan_manifest(manifest: Path, out_dir: Path, suffix: str | None = None, depth: int = 8) -> Plan:
    """The jobs of a manifest: inputs relative to its folder, outputs to ``out_dir``.

    An empty ``vis`` stands for the visible picture inside the infrared file, an empty ``out`` for the visible file's
    name. A name without a suffix gets ``suffix`` (".png" by default). Rows that cannot be jobs are failed results: one
    without ``ir``, an output that another row has, that is an input, or that cannot be written in this format and
    depth. Raises UsageError when the file cannot be read, lacks the column ir or vis, or has no rows.
    """
    jobs: list[Job] = []
    bad: list[Result] = []
    taken: dict[str, int] = {}
    rows = read_manifest(manifest)
    inputs = {
        os.path.realpath(input_path(manifest.parent, row[column]))
        for _, row in rows
        for column in ("ir", "vis")
        if row[column]
    }
    for line, row in rows:
        job = _job(row, manifest.parent, out_dir, suffix or ".png")
        where = f"{manifest}, line {line}: "
        real = os.path.realpath(job.out)
        if not row["ir"]:
            bad.append(failed(job, f"{where}the infrared picture is missing."))
        elif real in taken:
            bad.append(failed(job, f"{where}{job.out} is the output of line {taken[real]} already: name another one."))
        elif real in inputs:
            bad.append(failed(job, f"{where}the output {job.out} is one of the input pictures: name another one."))
        elif wrong := _unwritable(job.out, depth):
            bad.append(failed(job, f"{where}{wrong}"))
        else:
            jobs.append(job)
            taken[real] = line
    return Plan(tuple(jobs), tuple(bad))


def read_manifest(manifest: Path) -> list[tuple[int, dict[str, str]]]:
    """Line number and the three columns of every row that is not empty; ``out`` may be missing.

    The columns are parted by commas, semicolons or tabs, as the first line has them. Raises UsageError.
    """
    try:
        # utf-8-sig: spreadsheets put a mark in front; surrogateescape: a file name need not be valid UTF-8 on Linux
        with open(manifest, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            delimiter = _delimiter(file.readline())
            file.seek(0)
            reader = csv.DictReader(file, skipinitialspace=True, delimiter=delimiter)
            header = [name.strip().lower() for name in reader.fieldnames or ()]
            missing = [column for column in COLUMNS if column not in (*header, "out")]
            if missing:
                raise UsageError(
                    f"{manifest} lacks the column {' and '.join(missing)}: its first line must be ir,vis or "
                    "ir,vis,out (with commas, semicolons or tabs)."
                )
            reader.fieldnames = header
            rows = []
            for row in reader:
                cells = {column: (row.get(column) or "").strip() for column in COLUMNS}
                if any(cells.values()):
                    rows.append((reader.line_num, cells))
    except OSError as error:
        raise UsageError(f"{manifest} cannot be read: {error.strerror or error}.") from error
    except csv.Error as error:
        raise UsageError(f"{manifest} is no CSV file: {error}.") from error
    if not rows:
        raise UsageError(f"{manifest} has no rows: each pair needs one, with the columns ir and vis (and out).")
    return rows


def manifest_pairs(manifest: Path) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The pairs of a manifest, named by ``out`` or the visible file, and sentences about rows that are none.

    A name that two rows have gets the row's line. Raises UsageError.
    """
    pairs, problems, taken = [], [], set()
    for line, row in read_manifest(manifest):
        if not row["ir"]:
            problems.append(f"{manifest}, line {line}: the infrared picture is missing")
            continue
        ir = input_path(manifest.parent, row["ir"])
        vis = input_path(manifest.parent, row["vis"]) if row["vis"] else ir
        name = Path(row["out"].replace("\\", "/")).with_suffix("") if row["out"] else Path(vis.stem)
        name = name if name not in taken else name.with_name(f"{name.name}_line{line}")
        taken.add(name)
        pairs.append(Pair(ir, vis, name))
    return tuple(pairs), tuple(problems)


def input_path(folder: Path, text: str) -> Path:
    """A path as a manifest writes it, also one with Windows' back slashes."""
    path = folder / text
    return folder / text.replace("\\", "/") if "\\" in text and not path.exists() else path


def _delimiter(first_line: str) -> str:
    """What parts the columns of a table by its first line."""
    return max(",;\t", key=lambda mark: sum(cell.strip(' "').lower() in COLUMNS for cell in first_line.split(mark)))


def _job(row: dict[str, str], inputs: Path, outputs: Path, suffix: str) -> Job:
    ir = input_path(inputs, row["ir"])
    vis = input_path(inputs, row["vis"]) if row["vis"] else ir
    name = row["out"].replace("\\", "/") or vis.stem + suffix
    return Job(ir, vis, outputs / (name if Path(name).suffix else name + suffix))


def _unwritable(out: Path, depth: int) -> str | None:
    try:
        require_suffix(out)
        require_depth(out, depth)
    except ImageWriteError as error:
        return str(error)
    return None
