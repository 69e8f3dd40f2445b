"""Files that are there whole or not at all, also after a kill, a full disk or a loss of power; and their hashes.

What a command may write: never over an input, and over what is there only if dfuse made it or it was asked for.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from diffuse_fuse import owners
from diffuse_fuse.errors import ImageWriteError, UsageError

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
            raise OSError(errno.EINVAL, "it is not a regular file (a folder, pipe, socket or device)")
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


Identity = tuple[int, int]


def identity(path: str | os.PathLike[str]) -> Identity | None:
    """What a file is on its disk: equal for all links to it and all spellings of its path; None where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    return status.st_dev, status.st_ino


def require_free(
    path: Path,
    inputs: Iterable[str | os.PathLike[str]] = (),
    overwrite: bool = False,
    own: Callable[[Path], bool] | None = None,
) -> None:
    """The rule for every file that a command writes.

    inputs: what the command reads; none of them is ever replaced, be it through a link. own: says of a file that is
    there whether dfuse made it, and may replace it unasked; None: no file is. A link that leads nowhere counts as
    there. Raises UsageError for an input and for a folder, ImageWriteError for a file that must stay.
    """
    require_no_input([path], inputs)
    if path.is_dir():
        raise UsageError(f"The output {path} is a folder: name a file.")
    if os.path.lexists(path) and not overwrite and not (own and own(path)):
        made = "exists already" if own is None else "exists, and is not as dfuse wrote it"
        raise ImageWriteError(f"{path} {made}: name another output, or add --overwrite.")


def require_no_input(outputs: Iterable[Path], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Raises UsageError when one of ``outputs`` is one of ``inputs``, or a link to it."""
    read = {found for path in inputs if (found := identity(path))}
    for path in outputs:
        if identity(path) in read:
            raise UsageError(f"The output {path} is one of the inputs: name another one.")


def require_other_folder(out: Path, folders: Iterable[Path], root: Path) -> None:
    """Raises UsageError when the output folder ``out`` is one of ``root``'s own, or lies in one of its ``folders``.

    folders: those that hold inputs. ``root``'s own are these and all on the way to them; another folder below ``root``
    may be ``out``. Links are followed.
    """
    try:
        real, top = Path(os.path.realpath(out)), Path(os.path.realpath(root))
    except ValueError as error:  # a NUL
        raise UsageError(f"The output {str(out)!r} is not a path: {error}.") from None
    for folder in {Path(os.path.realpath(folder)) for folder in folders}:
        inside = real == folder or folder in real.parents
        if inside or (real in folder.parents and (real == top or top in real.parents)):
            raise UsageError(f"The output {out} is a folder of the inputs in {root}: name another folder.")


def refuse_stdout(out: Path | str | None) -> None:
    """Raise UsageError for "-": a picture says what it is made of and is whole or not there, which takes a file."""
    if str(out) == "-":
        raise UsageError("dfuse does not write pictures to standard output (-o -): name a file.")
