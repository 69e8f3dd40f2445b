"""``metrics.csv`` beside fused pictures: one row a picture, kept up to date over several runs."""

from __future__ import annotations

import csv
import io
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.images.write import write_bytes

NAME = "metrics.csv"
_KEY = "picture"  # first column: the path below the folder, with forward slashes


class MetricsFile:
    """The rows of ``folder/metrics.csv``; reads what is there, so that pictures not fused again keep their row.

    While a run goes on, rows are added at the end of the file, each before its picture is written: a run that is
    killed leaves no picture without its row. ``save`` brings them into order. A later row replaces an earlier one of
    the same picture, rows of pictures that are gone are dropped. Raises ImageWriteError when the file is there but is
    none of dfuse's: it is not replaced.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._rows: dict[str, dict[str, str]] = {}
        self._added: dict[str, dict[str, str]] = {}  # rows in the file whose pictures are not written yet
        self._columns: list[str] = [_KEY]
        self._changed = False  # what is here is not what the file holds, in order and once each
        self._journal: tuple[str, ...] | None = None  # the columns of rows that are added
        self._lock = threading.Lock()
        if os.path.lexists(self.path):
            self._read()

    @staticmethod
    def is_in(folder: Path) -> bool:
        """True when the folder holds a metrics.csv that dfuse wrote."""
        try:
            with open(folder / NAME, encoding="utf-8", errors="surrogateescape", newline="") as file:
                return _is_own(next(csv.reader(file), []))
        except (OSError, csv.Error):
            return False

    def add(self, picture: Path, values: Mapping[str, float]) -> None:
        """Adds a row at the end of the file, from any thread; without values, that the picture has none any more.

        Raises ImageWriteError.
        """
        with self._lock:
            key = self._key_of(picture)
            if not values and key not in self._rows:
                return
            if self._journal is None or any(name not in self._journal for name in values):
                self._columns += [name for name in values if name not in self._columns]
                self._changed = True
                self._write({**self._rows, **self._added})
                self._journal = tuple(self._columns)
            self._changed = True
            self._added[key] = _texts(values)
            line = _csv(self._journal, [{_KEY: key, **_texts(values)}], header=False)
            try:
                with open(self.path, "ab") as file:  # one write, so that a kill leaves no half row
                    file.write(line)
            except OSError as error:
                raise ImageWriteError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def record(self, picture: Path, values: Mapping[str, float]) -> None:
        """The row of a picture that has been written, for ``save``; without values, an old row is dropped."""
        with self._lock:
            key = self._key_of(picture)
            self._added.pop(key, None)
            if values:
                self._columns += [name for name in values if name not in self._columns]
                self._rows[key] = _texts(values)
                self._changed = True
            elif self._rows.pop(key, None) is not None:
                self._changed = True

    def save(self) -> None:
        """Write the file in one step, sorted by picture, if anything changed. Raises ImageWriteError."""
        with self._lock:
            self._write(self._rows)

    def _write(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        if self._changed:
            write_bytes(self.path, _csv(self._columns, [{_KEY: key, **rows[key]} for key in sorted(rows)]))
            self._changed = False

    def _key_of(self, picture: Path) -> str:
        return Path(os.path.relpath(picture, self.path.parent)).as_posix()

    def _read(self) -> None:
        try:
            text = self.path.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise ImageWriteError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        whole = text[: text.rfind("\n") + 1]  # the rest is a row that was cut off with the power
        rows = csv.DictReader(io.StringIO(whole))
        try:
            header = rows.fieldnames or []
        except csv.Error:
            header = []
        if not _is_own(header):
            raise ImageWriteError(
                f"{self.path} is there and was not written by dfuse: move it away, or add --no-metrics."
            )
        self._columns = list(rows.fieldnames)
        keys = []
        try:
            found = list(rows)
        except csv.Error as error:
            raise ImageWriteError(f"{self.path} is damaged ({error}): move it away, or add --no-metrics.") from None
        for row in found:
            key = row.pop(_KEY)
            keys.append(key)
            values = {name: value for name, value in row.items() if name and value}
            if values and os.path.exists(self.path.parent / key):
                self._rows[key] = values
            else:
                self._rows.pop(key, None)
        self._changed = whole != text or keys != sorted(self._rows)


def _texts(values: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:.6g}" for name, value in values.items()}


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, str]], header: bool = True) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    # surrogateescape: a file name need not be valid UTF-8 on Linux
    return text.getvalue().encode("utf-8", "surrogateescape")


def _is_own(header: Sequence[str]) -> bool:
    """True for the columns of a file that dfuse wrote: pictures, and metrics that it knows."""
    from diffuse_fuse.metrics import REGISTRY

    return list(header[:1]) == [_KEY] and all(name in REGISTRY for name in header[1:])
