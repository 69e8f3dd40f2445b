"""What a command may write: never over an input, and over what is there only if dfuse made it or it was asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from diffuse_fuse.errors import ImageWriteError, UsageError

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
        made = "exists already" if own is None else "is there, and is not as dfuse wrote it"
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
        raise UsageError(f"The output {str(out)!r} is no path: {error}.") from None
    for folder in {Path(os.path.realpath(folder)) for folder in folders}:
        inside = real == folder or folder in real.parents
        if inside or (real in folder.parents and (real == top or top in real.parents)):
            raise UsageError(f"The output {out} is a folder of the inputs in {root}: give a folder of its own.")


def refuse_stdout(out: Path | str | None) -> None:
    """Raise UsageError for "-": a picture says what it is made of and is whole or not there, which takes a file."""
    if str(out) == "-":
        raise UsageError("-o - would be standard output, which dfuse does not write pictures to: name a file.")
