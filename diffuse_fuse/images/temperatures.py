"""Tables of temperatures as text: what FLIR, Optris, testo, HIKMICRO and ResearchIR export as CSV.

A table is the longest run of rows of equally many numbers; what stands above, below or beside it is a heading, which
may name the unit. Cells end with comma, semicolon, tab or spaces; decimals with a point or a comma. A row or column
that only counts is none of the picture. Several tables of one size are pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

Unit = Literal["C", "F", "K"]

MOST_BYTES = 32_000_000  # of a text: four million temperatures
_LONGEST = 1_000_000  # characters of a row
_MOST_LINES = 100_000
_HEADINGS = 200  # lines that are looked at for a unit
BYTES_A_BYTE = 24  # of memory, for each byte of the text, that reading takes
_FEWEST = 8  # rows, and cells of a row
_START = 4096  # bytes in which a table can be told
_UNITS: tuple[tuple[Unit, re.Pattern[str]], ...] = (
    ("C", re.compile(r"°\s?C|º\s?C|[(\[]C[)\]]|celsius|\bdeg\.? ?C\b", re.I)),
    ("F", re.compile(r"°\s?F|º\s?F|[(\[]F[)\]]|fahrenheit|\bdeg\.? ?F\b", re.I)),
    ("K", re.compile(r"[(\[]K[)\]]|\bkelvin\b|unit\W+K\b", re.I)),
)
_SUFFIX = re.compile(r"\s*(?:°|º)?\s*[CFK]\s*$")
_NUMBER = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?|nan|-?inf", re.I)
_NOTHING = frozenset(("", "-", "--", "---", "n/a", "NaN", "nan", "#N/A"))


@dataclass(frozen=True)
class Table:
    """pages: float64 H×W each, in ``unit``; NaN for an empty cell. unit: None where the text does not say."""

    pages: tuple[np.ndarray, ...]
    unit: Unit | None


def begins(start: bytes) -> bool:
    """Whether the first bytes of a file are those of a table of numbers, or of a heading with one."""
    text = _decoded(start[:_START])
    if text is None:
        return False
    lines = text.splitlines()
    if any(_cells(line) is not None for line in lines):
        return True
    last = lines[-1] if lines else ""  # cut off, so that its last cell may be
    return len(start) >= _START and _cells(last[: max(map(last.rfind, ",;\t "))]) is not None


def read(data: bytes) -> Table:
    """The tables in a text. Raises ValueError where there is none."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"it is a text of {len(data) / 1e6:.0f} MB, and more than {MOST_BYTES / 1e6:.0f} are not read")
    text = _decoded(data)
    if text is None:
        raise ValueError("it is not text")
    if text.count("\n") > _MOST_LINES:
        raise ValueError(f"it has more than {_MOST_LINES} lines: keep the table of one picture")
    runs: list[list[np.ndarray]] = []
    heading: list[str] = []
    sample = ""
    broken = True
    for line in text.splitlines():
        cells = _cells(line)
        row = None if cells is None else _row(cells)
        if row is None:
            if len(heading) < _HEADINGS and line.strip():
                heading.append(line[:400])
            broken = True
            continue
        sample = sample or line
        if broken or len(row) != len(runs[-1][0]):
            runs.append([])
        runs[-1].append(np.array(row))
        broken = False
    runs = [run for run in runs if len(run) >= _FEWEST]
    if not runs:
        raise ValueError("it holds no table of temperatures")
    largest = max(runs, key=lambda run: len(run) * len(run[0]))
    pages = [
        _without_counts(np.array(run)) for run in runs if (len(run), len(run[0])) == (len(largest), len(largest[0]))
    ]
    return Table(tuple(pages), _unit(heading, sample, pages[0]))


def _decoded(data: bytes) -> str | None:
    """The text of some bytes; None where these are no text."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data[: len(data) // 2 * 2].decode("utf-16", "replace")
    if b"\0" in data or any(byte in data for byte in (b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x06", b"\x08")):
        return None
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _cells(line: str) -> list[str] | None:
    """The cells of a row of numbers, decimals with a point; None for any other line."""
    line = line.strip(" \r\n")
    if (
        not line
        or len(line) > _LONGEST
        or not (line[0] in "-+.,;\"'\t" or line[0].isdigit() or line[:3].lower() == "nan")
    ):
        return None
    if ";" in line:
        cells = line.replace(",", ".").split(";")
    elif "\t" in line:
        cells = line.replace(",", ".").split("\t")
    elif '","' in line:
        cells = line.strip('",').split('","')
    elif "," in line:
        cells = line.split(",")
    else:
        cells = line.split()
    if cells and not cells[-1].strip():  # the last one is ended, too
        cells.pop()
    if len(cells) < _FEWEST:
        return None
    few = [_plain(cell) for cell in (cells[0], cells[1], cells[len(cells) // 2], cells[-1])]
    if sum(1 for cell in few if cell in _NOTHING) > 2:
        return None
    if not all(cell in _NOTHING or _NUMBER.fullmatch(cell) for cell in few):
        return None
    return cells


def _plain(cell: str) -> str:
    return _SUFFIX.sub("", cell.strip().strip("\"'")).strip()


def _row(cells: list[str]) -> list[float] | None:
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        pass
    try:
        return [float("nan") if plain in _NOTHING else float(plain.replace(",", ".")) for plain in map(_plain, cells)]
    except ValueError:
        return None


def _without_counts(table: np.ndarray) -> np.ndarray:
    """Without the row that counts the columns, the column that counts the rows, and empty first and last columns."""
    empty = np.isnan(table).all(axis=0)
    table = table[:, int(empty[0]) : table.shape[1] - int(empty[-1])] if not empty.all() else table
    if (_counts(table[1:, 0]) and len(table) > _FEWEST) or _counts(table[:, 0]):
        table = table[:, 1:]
    return table[1:] if _counts(table[0]) else table


def _counts(values: np.ndarray) -> bool:
    return bool(len(values) > 1 and values[0] in (0, 1) and np.array_equal(values, values[0] + np.arange(len(values))))


def _unit(heading: list[str], sample: str, table: np.ndarray) -> Unit | None:
    """What the cells or most of the headings say; K where it is not said and no scene has so many °C."""
    for unit in ("C", "F", "K"):
        if re.search(rf"\d\s*(?:°|º)?\s*{unit}\b", sample):
            return unit
    told = [unit for line in heading for unit, pattern in _UNITS if pattern.search(line)]
    if told:
        return max(_UNITS, key=lambda known: told.count(known[0]))[0]
    measured = table[np.isfinite(table)]
    return "K" if measured.size and 200 < np.median(measured) < 400 and measured.min() > 150 else None
