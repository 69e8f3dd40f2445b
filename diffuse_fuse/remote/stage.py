"""A folder on this machine in which addresses have places, for a run that reads or writes elsewhere.

An address ``s3://bucket/a.png`` has the place STAGE/s3/bucket/a.png. Planning finds empty files there and looks at
their names only; what is in a file comes when its turn is, and goes when it is done, so that a few pictures are here at
a time, however many there are.
"""

from __future__ import annotations

import csv
import io
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.names import is_picture_name
from diffuse_fuse.images.table import COLUMNS, read_manifest
from diffuse_fuse.remote.store import Store
from diffuse_fuse.remote.urls import MARK, TABLE, names_urls, url_of


class Stage:
    """See above. The folder goes with the object."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=MARK, ignore_cleanup_errors=True)
        self.root = Path(self._folder.name)
        self._planned = self.root
        self._stores: dict[str, Store] = {}
        self._held: dict[Path, int] = defaultdict(int)
        self._locks: dict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Path]:
        return {"planned": self.root}

    def __setstate__(self, state: dict[str, Path]) -> None:
        """In another process, maybe on another machine, it has a folder of its own: see ``own`` and ``planned``."""
        Stage.__init__(self)
        self._planned = state["planned"]

    def own(self, path: Path) -> Path:
        """The place here of what the process that planned has at ``path``; a path that is no place as it is."""
        return self.root / path.relative_to(self._planned) if path.is_relative_to(self._planned) else path

    def planned(self, path: Path) -> Path:
        """The opposite of ``own``."""
        return self._planned / path.relative_to(self.root) if path.is_relative_to(self.root) else path

    def store(self, url: str) -> Store:
        """What an address is read and written with."""
        scheme = url.partition("://")[0]
        with self._lock:
            return self._stores.setdefault(scheme, Store(scheme))

    def place(self, url: str) -> Path:
        """Where an address is in this folder. Raises UsageError for one that leads out of it."""
        scheme, _, rest = url.partition("://")
        parts = [part for part in rest.split("/") if part]
        if ".." in parts or not parts:
            raise UsageError(f"{url} is not the address of a file or folder: write it without '..'.")
        return self.root.joinpath(scheme, *parts)

    def url(self, place: Path) -> str | None:
        """The address of a place; None for a path that is none."""
        if not place.is_relative_to(self.root):
            return None
        scheme, *parts = place.relative_to(self.root).parts
        return f"{scheme}://{'/'.join(parts)}"

    def source(self, path: Path | None, recursive: bool) -> Path | None:
        """The place of a file or folder to read, with empty files in it; a path of this machine as it is."""
        if (url := url_of(path)) is None:
            return path
        place, store = self.place(url), self.store(url)
        kind = store.kind(url)
        if kind is None:
            raise UsageError(f"There is no file or folder {url}.")
        if kind == "file":
            _touch(place)
            return place
        place.mkdir(parents=True, exist_ok=True)
        for name in store.listed(url, recursive):
            if is_picture_name(name.rpartition("/")[2]):
                _touch(place / name)
        return place

    def output(self, path: Path | None, many: bool) -> Path | None:
        """The place of the output; ``many``: it is a folder, as it is where the address has no suffix."""
        if (url := url_of(path)) is None:
            return path
        self.store(url).require_writable(url)
        place = self.place(url)
        (place if many or not place.suffix else place.parent).mkdir(parents=True, exist_ok=True)
        return place

    def manifest(self, path: Path | None) -> Path | None:
        """A table with places instead of addresses; one without any, on this machine, is taken as it is.

        Paths beside addresses are relative to the table's folder, which for a table from elsewhere is an address too.
        """
        if path is None:
            return None
        url = url_of(path)
        if url is not None:
            place = self.place(url)
            _touch(place)
            place.write_bytes(self.store(url).read(url))
        elif not names_urls(path):
            return path
        else:
            place = self.root / TABLE / path.name
            _touch(place)
        rows = read_manifest(place if url else path)
        lines = [",".join(COLUMNS)]
        for number, row in rows:
            lines += [""] * (number - 1 - len(lines))  # so that a line has its number
            text = io.StringIO()
            csv.writer(text, lineterminator="").writerow(
                [self._cell(row[column], path.parent, url) for column in COLUMNS[:2]] + [row["out"]]
            )
            lines.append(text.getvalue())
        place.write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
        return place

    def _cell(self, cell: str, folder: Path, table: str | None) -> str:
        """A cell of ir or vis, as a path that holds wherever the table lies."""
        url = url_of(cell) if "://" in cell else None
        if cell and url is None and table is not None and not cell.startswith(("/", "~")):
            url = f"{table.rpartition('/')[0]}/{cell}".replace("\\", "/")
        if url is not None:
            place = self.place(url)
            _touch(place)
            return str(place)
        return cell if not cell or cell.startswith("~") else str((folder / cell).absolute())

    def fetch(self, path: Path, must: bool = True) -> None:
        """Brings the file of a place here; a path that is none stays as it is. To be followed by ``release``.

        must: raises ImageReadError where there is no such file; else nothing is there then.
        """
        if (url := self.url(path)) is None:
            return
        with self._lock:
            lock = self._locks[path]
        with lock:
            if not self._held[path]:
                store = self.store(url)
                if must or store.kind(url) == "file":
                    data = store.read(url)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
            self._held[path] += 1

    def release(self, path: Path) -> None:
        """The opposite of ``fetch``: the last one takes the contents away."""
        if self.url(path) is None:
            return
        with self._lock:
            lock = self._locks[path]
        with lock:
            self._held[path] -= 1
            if self._held[path] <= 0:
                del self._held[path]
                path.unlink(missing_ok=True)

    def push(self, path: Path) -> None:
        """Writes the file at a place to its address, whole or not at all. Raises ImageWriteError."""
        if (url := self.url(path)) is not None:
            self.store(url).write(url, path.read_bytes())


def _touch(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
