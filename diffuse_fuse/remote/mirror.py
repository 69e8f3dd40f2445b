"""A folder here that stands for one elsewhere, as a whole: what is there comes, what changes here goes there.

For outputs of many files that a run reads again to go on. Addresses of single files have places in a ``Stage``.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from diffuse_fuse.remote.store import Store
from diffuse_fuse.remote.urls import MARK, place_in

_AT_ONCE = 8  # files on their way
_EVERY = 60.0  # seconds

Version = tuple[int, int]  # when a file was written, and its bytes


class Mirror:
    """See above. ``folder``: here; it goes with the object. In another process there is another folder.

    journals: how the names of files end that have to be there before those that they tell of.
    Raises UsageError for an address that cannot be written to.
    """

    def __init__(self, url: str, journals: str = ".jsonl") -> None:
        self._url, self._journals = url.rstrip("/"), journals
        self._store = Store(url.partition("://")[0])
        self._store.require_writable(url)
        self._temporary = tempfile.TemporaryDirectory(prefix=MARK, ignore_cleanup_errors=True)
        self.folder = place_in(Path(self._temporary.name), url)
        self.folder.mkdir(parents=True)
        self._known: dict[str, Version] = {}
        self._sent = time.monotonic()

    def __reduce__(self) -> tuple[type[Mirror], tuple[str, str]]:
        return Mirror, (self._url, self._journals)

    def bring(self) -> None:
        """Brings what is there and has not come yet. Raises ImageReadError, or DataError for a folder."""
        if self._store.kind(self._url) != "folder":
            return
        names = [name for name in self._store.listed(self._url, recursive=True) if name not in self._known]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._bring, names))

    def _bring(self, name: str) -> None:
        path = self.folder / name
        data = self._store.read(f"{self._url}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._known[name] = _version(path)

    def send(self) -> None:
        """Writes what is new or has changed to where it belongs, each file whole or not at all, and takes away what is
        no more. Raises ImageWriteError."""
        here: dict[str, Version] = {}
        for path in self.folder.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # others write, and rename
                if path.is_file() and not path.name.endswith(".tmp"):
                    here[path.relative_to(self.folder).as_posix()] = _version(path)
        changed = [name for name, version in here.items() if self._known.get(name) != version]
        journals = [name for name in changed if name.endswith(self._journals)]
        top = [name for name in changed if "/" not in name and name not in journals]
        within = [name for name in changed if name not in journals and name not in top]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for names in (journals, within, top):
                for name in pool.map(self._send, names):
                    self._known[name] = here[name]
        for name in self._known.keys() - here.keys():
            self._store.remove(f"{self._url}/{name}")
            del self._known[name]
        self._sent = time.monotonic()

    def _send(self, name: str) -> str:
        self._store.write(f"{self._url}/{name}", (self.folder / name).read_bytes())
        return name

    def after(self, call: Callable[[], None]) -> Callable[[], None]:
        """``call``, with which what has changed is sent once in a while, so that a kill costs little."""

        def called() -> None:
            call()
            if time.monotonic() - self._sent > _EVERY:
                self.send()

        return called

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Brings what is there; whatever becomes of the block, what it has done is sent."""
        self.bring()
        try:
            yield
        finally:
            self.send()


def _version(path: Path) -> Version:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
