"""The rows that each process adds to a table which several processes write: a hidden file for each of them.

A process only ever appends to its own journal, so no two writers meet in one file: no lock is needed, which network
drives do not have, and a kill costs nothing that was added. A line is a row, ``["key", {"column": "text"}]``, or a
state: "closed" once no rows are added any more, "done" once the process writes the table no more either.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diffuse_fuse import owners
from diffuse_fuse.files import read_ordinary

State = Literal["open", "closed", "done"]
Row = dict[str, str]

_SUFFIX = ".rows"
_TICK = 1_000_000_000  # nanoseconds by which one journal is later than another on every file system but FAT


class Journal:
    """The journal of this process for ``table``; the file is made with the first row. Raises OSError as files do."""

    def __init__(self, table: Path) -> None:
        self._table = table
        self.path = table.with_name(f".{table.name}.{owners.mark()}-{secrets.token_hex(3)}{_SUFFIX}")
        self.begun = False
        self._after = 0  # nanoseconds: the last change of the journals that were there when this one was begun

    def add(self, key: str, values: Mapping[str, str]) -> None:
        """One row; of a key that was added before, the later one counts. Without values: the key has no row."""
        self._append([key, dict(values)])

    def close(self) -> None:
        """No rows are added any more."""
        self._append("closed")

    def finish(self) -> None:
        """The table is not written any more."""
        self._append("done")

    def remove(self) -> None:
        """Takes the file away, if it can be."""
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _append(self, line: object) -> None:
        if not self.begun:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._after = max((changed for changed, _, _ in _files(self._table)), default=0)
            self.begun = True
        data = json.dumps(line).encode("ascii") + b"\n"
        # opened anew each time: were it cleared away by mistake, it would be there again
        with open(self.path, "ab", buffering=0) as file:  # one write, so that a kill leaves no half row
            if file.write(data) != len(data):  # what is missing would be cut off without a word
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.path.stat().st_mtime_ns <= self._after:  # a clock was put back, or another machine's is ahead
            os.utime(self.path, ns=(self._after + _TICK, self._after + _TICK))


@dataclass(frozen=True)
class Found:
    """A journal as it is on the disk. at_work: its process may still add rows or write the table."""

    path: Path
    rows: dict[str, Row]
    state: State
    at_work: bool


def journals_of(table: Path) -> list[Found]:
    """All journals of ``table``, those that were changed last at the end; what is no journal is left out."""
    found = []
    for _, path, owner in _files(table):
        with contextlib.suppress(OSError):  # cleared away in the meantime
            found.append(_read(path, owner))
    return found


def _files(table: Path) -> list[tuple[int, Path, str]]:
    """When each journal of ``table`` was changed, in nanoseconds, where it is and whose; in this order."""
    start, found = f".{table.name}.", []
    with contextlib.suppress(OSError), os.scandir(table.parent) as entries:
        names = [e.name for e in entries if e.name.startswith(start) and e.name.endswith(_SUFFIX) and e.is_file()]
        for name in names:
            owner = name[len(start) : -len(_SUFFIX)].rpartition("-")[0]
            path = table.with_name(name)
            if owners.PATTERN.fullmatch(owner):
                with contextlib.suppress(OSError):
                    found.append((path.stat().st_mtime_ns, path, owner))
    return sorted(found)


def _read(path: Path, owner: str) -> Found:
    at_work = owners.may_be_at_work(owner, path)  # asked first: what ends in between has added all its rows
    rows: dict[str, Row] = {}
    state: State = "open"
    for line in read_ordinary(path).splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue  # cut off with the power
        if entry in ("closed", "done"):
            state = entry
        elif _is_row(entry):
            rows[entry[0]] = entry[1]
            state = "open"
    return Found(path, rows, state, at_work and state != "done")


def _is_row(entry: object) -> bool:
    if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and isinstance(entry[1], dict)):
        return False
    return all(isinstance(value, str) for value in entry[1].values())
