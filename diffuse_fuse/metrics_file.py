"""``metrics.csv`` beside fused pictures: one row a picture, kept up to date over several runs."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.images.write import write_bytes

NAME = "metrics.csv"
_KEY = "picture"  # first column: the path below the folder, with forward slashes
_SAVE_EVERY_SECONDS = 5.0


class MetricsFile:
    """The rows of ``folder/metrics.csv``; reads what is there, so that pictures not fused again keep their row.

    Rows of pictures that are gone are dropped. Raises ImageWriteError when the file is there but is none of
    dfuse's: it is not replaced.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._rows: dict[str, dict[str, str]] = {}
        self._columns: list[str] = [_KEY]
        self._changed = False
        self._saved_at = time.monotonic()
        if self.path.exists():
            self._read()

    @staticmethod
    def is_in(folder: Path) -> bool:
        """True when the folder holds a metrics.csv that dfuse wrote."""
        try:
            with open(folder / NAME, encoding="utf-8", errors="surrogateescape", newline="") as file:
                return _is_own(next(csv.reader(file), []))
        except OSError:
            return False

    def record(self, picture: Path, values: Mapping[str, float] | None) -> None:
        """Set the row of a picture just written; None, when its metrics were not computed, drops an old row.

        Saves every few seconds, so that even a killed run loses little.
        """
        key = picture.relative_to(self.path.parent).as_posix()
        if values:
            self._columns += [name for name in values if name not in self._columns]
            self._rows[key] = {name: f"{value:.6g}" for name, value in values.items()}
            self._changed = True
        elif self._rows.pop(key, None) is not None:
            self._changed = True
        if time.monotonic() - self._saved_at > _SAVE_EVERY_SECONDS:
            self.save()

    def save(self) -> None:
        """Write the file in one step, sorted by picture, if anything changed."""
        self._saved_at = time.monotonic()
        if not self._changed:
            return
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns, restval="", lineterminator="\n")
        writer.writeheader()
        for key in sorted(self._rows):
            writer.writerow({_KEY: key, **self._rows[key]})
        # surrogateescape: a file name need not be valid UTF-8 on Linux
        write_bytes(self.path, text.getvalue().encode("utf-8", "surrogateescape"))
        self._changed = False

    def _read(self) -> None:
        try:
            text = self.path.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise ImageWriteError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        rows = csv.DictReader(io.StringIO(text))
        if not _is_own(rows.fieldnames or []):
            raise ImageWriteError(
                f"{self.path} is there and was not written by dfuse: move it away, or add --no-metrics."
            )
        self._columns = list(rows.fieldnames)
        for row in rows:
            key = row.pop(_KEY)
            if os.path.exists(self.path.parent / key):
                self._rows[key] = {name: value for name, value in row.items() if name and value is not None}
            else:
                self._changed = True


def _is_own(header: Sequence[str]) -> bool:
    return list(header[:1]) == [_KEY]
