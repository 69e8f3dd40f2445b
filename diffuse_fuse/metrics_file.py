"""``metrics.csv`` beside fused pictures: one row a picture, kept up to date by several runs, also at once."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.files import read_ordinary
from diffuse_fuse.images.table import csv_text
from diffuse_fuse.images.write import write_bytes
from diffuse_fuse.journal import Found, Journal, Row, journals_of

NAME = "metrics.csv"
_LONGEST_HEADER = 1 << 16  # characters; a file of others may be one line
_KEY = "picture"  # first column: the path below the folder, with forward slashes
_MERGE_EVERY = 30.0  # seconds at least, while a run goes on: for whoever looks into the file
_MERGE_SHARE = 0.01  # of the time, at most
_LOOK_EVERY = 1.0  # seconds at least between looks for what others have added


@dataclass
class _Table:
    """The rows of a metrics.csv in the order of the file, and its text; of a picture the last row counts."""

    columns: list[str] = field(default_factory=lambda: [_KEY])
    rows: dict[str, Row] = field(default_factory=dict)
    text: bytes | None = None


class MetricsFile:
    """The rows of ``folder/metrics.csv``; reads what is there, so that pictures not fused again keep their row.

    While a run goes on, rows are added to a journal of this process, each before its picture is written: a run that is
    killed leaves no picture without its row. Now and then, and with ``save``, the journals of all processes are merged
    into the file. A later row replaces an earlier one of the same picture, rows of pictures that are gone are dropped.
    Raises ImageWriteError when the file is there but is none of dfuse's: it is not replaced.

    Why nothing is lost when several processes do that at once: each merges while its own journal is there, and after it
    has written the file looks whether the rows of all who had ended by then are in it; an ended one's journal is only
    removed when nobody is at work. What a process writes over is thus merged again by itself or by the next one.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._journal = Journal(self.path)
        self._added: dict[str, Row] = {}  # rows in the journal whose pictures are not written yet
        self._own: dict[str, Row] = {}  # of pictures that this run has written
        self._there: set[str] = set()  # pictures that were seen
        self._lock = threading.Lock()
        self._known = self._look()
        self._looked = time.monotonic()
        self._merge_at = self._looked + _MERGE_EVERY

    @staticmethod
    def is_in(folder: Path) -> bool:
        """True when the folder holds a metrics.csv that dfuse wrote, or rows for one."""
        try:
            if (folder / NAME).exists() and not (folder / NAME).is_file():
                return False  # a pipe would be waited for
            with open(folder / NAME, encoding="utf-8", errors="surrogateescape", newline="") as file:
                return _is_own(next(csv.reader([file.readline(_LONGEST_HEADER)]), []))
        except FileNotFoundError:
            return bool(journals_of(folder / NAME))
        except (OSError, csv.Error):
            return False

    def has(self, picture: Path) -> bool:
        """True when ``picture`` has a row, in the file or from a run beside this one; from any thread."""
        key = self._key_of(picture)
        with self._lock:
            if key not in self._known and time.monotonic() > self._looked + _LOOK_EVERY:
                self._known = {**self._look(), **self._own}
                self._looked = time.monotonic()
            return key in self._known

    def add(self, picture: Path, values: Mapping[str, float]) -> None:
        """Adds a row, from any thread; without values, that the picture has none any more. Raises ImageWriteError."""
        key = self._key_of(picture)
        with self._lock:
            self._put(key, texts(values))
            self._added[key] = texts(values)
            if time.monotonic() > self._merge_at:
                start = time.monotonic()
                with contextlib.suppress(ImageWriteError):  # the rows are in the journal
                    self._merge_once()
                took = time.monotonic() - start
                self._merge_at = start + max(_MERGE_EVERY, took / _MERGE_SHARE)

    def record(self, picture: Path, values: Mapping[str, float]) -> None:
        """The picture of a row that was added has been written."""
        key = self._key_of(picture)
        with self._lock:
            self._added.pop(key, None)
            self._own[key] = texts(values)
            self._there.add(key)
            if values:
                self._known[key] = self._own[key]
            else:
                self._known.pop(key, None)

    def save(self, whole: bool = True) -> None:
        """Brings all rows into the file, sorted by picture, if anything changed. Raises ImageWriteError.

        whole: rows that were added and not recorded are of pictures that were not written, and are taken back; else
        they may still be, and stay in the journal for the next run.
        """
        with self._lock:
            if whole:
                self._take_back()
            if not (self._own or self._added) and not self._is_out_of_order():
                return
            try:
                self._journal.close()
                self._merge()
                if not self._added:
                    self._journal.finish()
                    self._clear_away()
            except OSError as error:
                raise self._unwritable(error) from error

    def _take_back(self) -> None:
        """The rows of pictures that were not written: each gets the row that it had before."""
        if self._own:
            for key in self._added:
                self._put(key, self._known.get(key, {}))
        elif self._added:  # there is nothing else in the journal, and perhaps no place for more
            self._journal.remove()
        self._added.clear()

    def _put(self, key: str, row: Row) -> None:
        try:
            self._journal.add(key, row)
        except OSError as error:
            raise self._unwritable(error) from error

    def _merge(self) -> None:
        """Until the rows of this run, and of all that have ended, are in the file."""
        self._there.clear()  # a run may have taken days
        written = self._merge_once()
        while written:
            table, journals = self._read(), self._journals()
            going_on = [journal for journal in journals if journal.at_work and journal.state == "open"]
            ended = {key for journal in journals for key in journal.rows}
            ended -= {key for journal in going_on for key in journal.rows}  # these are for their own run to bring in
            rows = self._merged(table, journals)
            if all(table.rows.get(key) == rows.get(key) for key in ended):
                break
            written = self._merge_once()

    def _merge_once(self) -> bool:
        """Everything that is there now into the file; False where it holds all that already."""
        table, journals = self._read(), self._journals()
        rows = self._merged(table, journals)
        if table.text is None and not rows:
            return False
        columns = list(dict.fromkeys([*table.columns, *(name for row in rows.values() for name in row)]))
        text = _csv(columns, [{_KEY: key, **rows[key]} for key in sorted(rows)])
        if text == table.text:
            return False
        write_bytes(self.path, text)
        return True

    def _merged(self, table: _Table, journals: Sequence[Found]) -> dict[str, Row]:
        rows = dict(table.rows)
        for journal in journals:
            rows.update(journal.rows)
        return {key: row for key, row in rows.items() if row and self._is_there(key)}

    def _journals(self) -> list[Found]:
        """All that there are; of this run's own also the rows that went with it if somebody took it away."""
        mine, found = {**self._own, **self._added}, []
        for journal in journals_of(self.path):
            own = journal.path == self._journal.path
            found.append(replace(journal, rows={**journal.rows, **mine}) if own else journal)
        return found

    def _look(self) -> dict[str, Row]:
        return self._merged(self._read(), journals_of(self.path))

    def _is_out_of_order(self) -> bool:
        """True when somebody has left a journal, or the file is not as it would be written."""
        if journals_of(self.path):
            return True
        table = self._read()
        if table.text is None:
            return False
        rows = self._merged(table, ())
        return table.text != _csv(table.columns, [{_KEY: key, **rows[key]} for key in sorted(rows)])

    def _clear_away(self) -> None:
        """Removes the journals once nobody is at work; the oldest first, so that no earlier row comes back."""
        journals = journals_of(self.path)
        if not any(journal.at_work for journal in journals):
            for journal in journals:
                with contextlib.suppress(OSError):  # somebody else was faster, or it is being read
                    journal.path.unlink()

    def _is_there(self, key: str) -> bool:
        if key not in self._there and os.path.exists(self.path.parent / key):
            self._there.add(key)
        return key in self._there

    def _key_of(self, picture: Path) -> str:
        return Path(os.path.relpath(picture, self.path.parent)).as_posix()

    def _unwritable(self, error: OSError) -> ImageWriteError:
        return ImageWriteError(f"{self.path} cannot be written: {error.strerror or error}.")

    def _read(self) -> _Table:
        try:
            return _table_of(read_ordinary(self.path), self.path)
        except (FileNotFoundError, NotADirectoryError):
            return _Table()
        except OSError as error:
            raise ImageWriteError(f"{self.path} cannot be read: {error.strerror or error}.") from error


def _table_of(data: bytes, path: Path | str) -> _Table:
    """What a metrics.csv holds. Raises ImageWriteError for one that is none of dfuse's."""
    text = data.decode("utf-8", "surrogateescape")
    whole = text[: text.rfind("\n") + 1]  # the rest is a row that was cut off with the power
    reader = csv.DictReader(io.StringIO(whole))
    try:
        header = reader.fieldnames or []
    except csv.Error:
        header = []
    if not _is_own(header):
        raise ImageWriteError(f"{path} exists and was not written by dfuse: move it away, or add --no-metrics.")
    table = _Table(list(header), {}, data)
    try:
        for row in reader:
            key = row.pop(_KEY)
            table.rows[key] = {name: value for name, value in row.items() if name and value}
    except csv.Error as error:
        raise ImageWriteError(f"{path} is damaged ({error}): move it away, or add --no-metrics.") from None
    return table


def read_rows(data: bytes | None, path: str) -> dict[str, Row]:
    """The rows of a metrics.csv that is elsewhere, by picture; none where there is no such file.

    Raises ImageWriteError for one that is none of dfuse's.
    """
    return {} if data is None else _table_of(data, path).rows


def merged_text(rows: Mapping[str, Row]) -> bytes:
    """The metrics.csv of these rows."""
    columns = list(dict.fromkeys([_KEY, *(name for row in rows.values() for name in row)]))
    return _csv(columns, [{_KEY: key, **rows[key]} for key in sorted(rows)])


def texts(values: Mapping[str, float]) -> Row:
    return {name: f"{value:.6g}" for name, value in values.items()}


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    lines = [columns, *([row.get(column, "") for column in columns] for row in rows)]
    # surrogateescape: a file name need not be valid UTF-8 on Linux
    return csv_text(lines).encode("utf-8", "surrogateescape")


def _is_own(header: Sequence[str]) -> bool:
    """True for the columns of a file that dfuse wrote: pictures, and metrics that it knows."""
    from diffuse_fuse.metrics import REGISTRY

    return list(header[:1]) == [_KEY] and all(name in REGISTRY for name in header[1:])
