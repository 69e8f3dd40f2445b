"""The exceptions that dfuse raises on purpose.

DfuseError                  every one of them; the command line prints its text and exits with ``exit_code``
├── UsageError              the call itself is wrong (exit code 2)
├── ImageError              a picture cannot be used
│   ├── ImageReadError      a file is missing, unreadable, or no picture
│   ├── ImageWriteError     an output cannot be written, or is there already
│   └── PairError           infrared and visible do not belong together (sizes, partners)
├── DataError               a folder of training or evaluation pairs cannot be used
├── WeightsError            a weights file is missing, of the wrong kind, version or shape
│   └── UnknownModelError   there are no weights of this name (exit code 2)
├── AlignmentError          an alignment cannot be estimated, read or used
├── TrainingError           a training run cannot start, go on or be resumed
└── MetricError             a metric is unknown or its input has the wrong kind
    └── UnknownMetricError  there is no metric or convention of this name (exit code 2)

Each text is one sentence or two: what is wrong, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class DfuseError(Exception):
    """Base of all errors that dfuse raises on purpose. Its text is one line, whatever the names in it hold."""

    exit_code = 1

    def __init__(self, text: object = "") -> None:
        super().__init__(one_line(str(text)))


class UsageError(DfuseError):
    """The call itself is wrong: an unknown name, a missing argument, options that exclude each other."""

    exit_code = 2


class ImageError(DfuseError):
    """A picture cannot be used."""


class ImageReadError(ImageError):
    """A file is missing, unreadable, or not a picture."""


class ImageWriteError(ImageError):
    """An output cannot be written, or exists already and must not be overwritten."""


class PairError(ImageError):
    """Infrared and visible do not belong together."""


class DataError(DfuseError):
    """A folder of pairs cannot be used."""


class WeightsError(DfuseError):
    """A weights file is missing, or of the wrong kind, version or shape."""


class UnknownModelError(WeightsError):
    """There are no weights of this name, and no such file."""

    exit_code = 2


class AlignmentError(DfuseError):
    """An alignment cannot be estimated, read from its file, or used for these pictures."""


class TrainingError(DfuseError):
    """A training run cannot start, go on or be resumed."""


class MetricError(DfuseError):
    """A metric is unknown, or its input has the wrong kind."""


class UnknownMetricError(MetricError):
    """There is no metric or convention of this name."""

    exit_code = 2


def one_line(text: str) -> str:
    """``text`` as every terminal can print it: control characters and bytes that are no text as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def counted(number: int, one: str, several: str | None = None) -> str:
    """ "1 pair", "3 pairs": a number with its noun, whose plural is ``several``, or has an s."""
    return f"{number} {one}" if number == 1 else f"{number} {several or one + 's'}"


def meant(name: str, known: Iterable[str]) -> str:
    """ " Did you mean 'fast'?" where one of the ``known`` names is like ``name``, whatever its case; otherwise ""."""
    by_lower = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean '{by_lower[found[0]]}'?" if found else ""
