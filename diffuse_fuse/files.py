"""Files that are there whole or not at all, also after a kill, a full disk or a loss of power; and their hashes."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

from diffuse_fuse import owners

_LONGEST = 110  # bytes of a name that a temporary one holds whole: with the rest below 143, the least limit there is


def temporary_path(path: Path, suffix: str = "") -> Path:
    """Where ``path`` is written until it is whole: hidden, in the same folder, another for each process anywhere.

    At most 143 bytes long, which every file system takes, however long ``path``'s own name is; ends in ``suffix``.
    """
    return path.with_name(f".{temporary_stem(path.name)}.{owners.mark()}.tmp{suffix}")


def temporary_stem(name: str) -> str:
    """How a temporary file says what it becomes: by the name or, of a long one, its beginning and its hash."""
    data = os.fsencode(name)
    if len(data) <= _LONGEST:
        return name
    return f"{name[:20]}~{hashlib.sha256(data).hexdigest()[:16]}"


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes ``data`` under a hidden name in the same folder, flushes it to the disk, renames it over ``path``.

    Folders on the way are made. Raises OSError; the old file, if there was one, is then as it was.
    """
    path = Path(path)
    # The name is known before the file exists, so an interrupt at any point below cannot leave it behind.
    temporary = temporary_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_ordinary(path: Path | str, largest: int = 1 << 28) -> bytes:
    """The content of a file that stands where dfuse keeps one of its own, but may be anything.

    Raises OSError, also for a pipe or device, which would be waited for, and for more than ``largest`` bytes.
    """
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file (a folder, pipe, socket or device)")
        if status.st_size > largest:
            raise OSError(errno.EFBIG, f"it has {status.st_size >> 20} MB, more than {largest >> 20}")
        return file.read(largest)


def sha256(path: Path | str) -> str:
    """The file's SHA-256 as hex digits."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
