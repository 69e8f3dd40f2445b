"""Files that are there whole or not at all, also after a kill, a full disk or a loss of power; and their hashes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes ``data`` under a hidden name in the same folder, flushes it to the disk, renames it over ``path``.

    Folders on the way are made. Raises OSError; the old file, if there was one, is then as it was.
    """
    path = Path(path)
    # The name is known before the file exists, so an interrupt at any point below cannot leave it behind.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path: Path | str) -> str:
    """The file's SHA-256 as hex digits."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
