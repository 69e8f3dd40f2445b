"""A table of pairs, as a spreadsheet writes it: a file with the columns ir, vis and, where there are outputs, out.

And tables that dfuse writes, as CSV.
"""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.pairs import Pair

COLUMNS = ("ir", "vis", "out")
LARGEST = 64_000_000  # bytes of a manifest: half a million rows, which take 1.2 GB


class _Lines(list[str]):
    def write(self, row: str) -> None:
        self.append(row.removesuffix("\r\n") + "\n")


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV whose lines end in a line feed, and which every reader takes back.

    A writer quotes what holds a character of its line's end, and a reader takes a carriage return in a name that is not
    quoted for one.
    """
    lines = _Lines()
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return "".join(lines)


def read_manifest(manifest: Path) -> list[tuple[int, dict[str, str]]]:
    """Line number and the three columns of every row that is not empty; ``out`` may be missing.

    The columns are parted by commas, semicolons or tabs, as the first line has them. Raises UsageError.
    """
    try:
        with open(
            os.open(manifest, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb"
        ) as file:  # not to wait for a pipe
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file (a pipe, socket or device)"
                raise UsageError(f"{manifest} is {what}: give a CSV file with the columns ir, vis and out.")
            if status.st_size > LARGEST:
                raise UsageError(
                    f"{manifest} has {status.st_size / 1e6:.0f} MB, but a table of pairs at most {LARGEST / 1e6:.0f}: "
                    "split it."
                )
            # utf-8-sig: spreadsheets put a mark in front; surrogateescape: a file name need not be UTF-8 on Linux
            with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
                delimiter = _delimiter(text.readline())
                text.seek(0)
                rows = list(_cells(manifest, csv.reader(text, skipinitialspace=True, delimiter=delimiter)))
    except OSError as error:
        raise UsageError(f"{manifest} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # a NUL byte in the path
        raise UsageError(f"{shown(manifest)} cannot be read: {error}.") from error
    except csv.Error as error:
        raise UsageError(f"{manifest} is not a CSV file: {error}.") from error
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
    return folder / text.replace("\\", "/") if "\\" in text and not os.path.exists(path) else path


class _Reader(Protocol):
    """What ``csv.reader`` returns: rows, and how many lines it has read."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


def _cells(manifest: Path, reader: _Reader) -> Iterator[tuple[int, dict[str, str]]]:
    header = [name.strip().lower() for name in next(reader, [])]
    missing = [column for column in COLUMNS if column not in (*header, "out")]
    if missing:
        raise UsageError(
            f"{manifest} lacks the column {' and '.join(missing)}: its first line must be ir,vis or "
            "ir,vis,out (with commas, semicolons or tabs)."
        )
    places = [(column, header.index(column) if column in header else len(header)) for column in COLUMNS]
    for row in reader:
        cells = {column: row[place].strip() if place < len(row) else "" for column, place in places}
        if any(cells.values()):
            yield reader.line_num, cells


def _delimiter(first_line: str) -> str:
    """What parts the columns of a table by its first line."""
    return max(",;\t", key=lambda mark: sum(cell.strip(' "').lower() in COLUMNS for cell in first_line.split(mark)))
