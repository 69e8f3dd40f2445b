"""The descriptors 0, 1 and 2 of the process: open from the start, and the last one silent while pictures are decoded.

libjpeg, libpng and libtiff inside other libraries write what they think of a file to descriptor 2, and cannot be told
not to. Where a daemon or a scheduler starts a program with that descriptor closed, the next file that is opened gets
it: their messages would end up inside a picture.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # see the package
if TYPE_CHECKING:
    from typing import TextIO

_STANDARD = (0, 1, 2)
ERROR = 2

# what descriptor 2 is while it is not silent, and one that drops all; None: it is not dfuse's to silence
apart: tuple[int, int] | None = None


def open_closed() -> None:
    """Opens those of the descriptors 0, 1 and 2 that are closed, on what takes everything and holds nothing."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened == number:
                os.set_inheritable(number, True)
            else:  # somebody else has been faster
                os.dup2(opened, number)
                os.close(opened)


def stand_in() -> None:
    """Gives Python's standard streams that are none, as their descriptors were closed, a place to write to."""
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", errors="replace", closefd=False))


def set_error_apart() -> None:
    """From here on ``sys.stderr`` has a descriptor of its own, so that 2 can be silent, see ``images.quiet``.

    For a process that is dfuse's own: in another program's, descriptor 2 stays as it is. Where ``sys.stderr`` is
    something else already, nothing is done.
    """
    global apart
    stream = sys.stderr
    if apart is not None or stream is not sys.__stderr__ or stream is None or _number_of(stream) != ERROR:
        return
    stream.flush()
    apart = os.dup(ERROR), os.open(os.devnull, os.O_WRONLY)
    sys.stderr = os.fdopen(apart[0], "w", buffering=1, encoding=stream.encoding, errors=stream.errors, closefd=False)


def error_descriptor() -> int:
    """The descriptor of ``sys.stderr``, or 2 where that has none: for what must not be written through the stream."""
    found = _number_of(sys.stderr)
    return ERROR if found is None else found


def _number_of(stream: TextIO | None) -> int | None:
    try:
        return stream.fileno() if stream is not None else None
    except (OSError, ValueError, AttributeError):
        return None
