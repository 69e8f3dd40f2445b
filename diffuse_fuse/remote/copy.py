"""A copy of a folder that is elsewhere, which stays on this machine: for what is read again and again, as in training.

The same call goes on where the last one was stopped, and brings what has come or changed since.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from diffuse_fuse.errors import DataError, UsageError
from diffuse_fuse.files import temporary_path
from diffuse_fuse.remote.store import Store
from diffuse_fuse.remote.urls import place_in

_AT_ONCE = 8  # files on their way


def copied(url: str, below: Path, wanted: Callable[[str], bool], begin: float = 0.0) -> Path:
    """The copy's folder below ``below``, with all files whose names are ``wanted``.

    A file is there already where it has as many bytes; what is no more elsewhere goes here too. Several processes may
    copy at once; ``begin``: where in the files this one begins, 0 to 1, so that they share the work. Raises UsageError
    where there is no such folder, DataError where it cannot be listed, ImageReadError for a file that does not come.
    """
    store, folder = Store(url.partition("://")[0]), place_in(below, url)
    kind = store.kind(url)
    if kind != "folder":
        what = f"There is no folder {url}." if kind is None else f"{url} is a file: give the address of a folder."
        raise UsageError(what)
    sizes = {name: size for name, size in store.sizes(url).items() if wanted(name.rpartition("/")[2])}

    def bring(name: str) -> None:
        path = folder / name
        if path.is_file() and sizes[name] in (None, path.stat().st_size):
            return
        temporary = temporary_path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            store.bring(f"{url.rstrip('/')}/{name}", temporary)
            os.replace(temporary, path)
        except OSError as error:
            raise DataError(f"The copy {path} cannot be written: {error.strerror or error}.") from error
        finally:
            temporary.unlink(missing_ok=True)

    names = sorted(sizes)
    first = int(begin * len(names))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(bring, names[first:] + names[:first]))
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(".tmp") and path.relative_to(folder).as_posix() not in sizes:
            path.unlink(missing_ok=True)
    return folder
