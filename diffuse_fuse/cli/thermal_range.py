"""``--thermal-range LO HI``, or ``--thermal-range camera``: an option of two words, or of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffuse_fuse.cli.ray_option import RayCommand
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from diffuse_fuse.images.options import ThermalRange

_OPTION, _CAMERA = "--thermal-range", "camera"

GivenRange = Annotated[
    tuple[str, str] | None,
    typer.Option(
        _OPTION,
        metavar="LO HI|camera",
        help="Infrared values that become black and white; °C where the file is radiometric. camera: those of the "
        "camera's screen, where the file says them.",
    ),
]


class RangeCommand(RayCommand):
    """A command with ``GivenRange``. Options have a fixed number of words: ``camera`` is read as two."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _of_two_words(args))


def parse_range(given: Sequence[str] | None) -> ThermalRange | None:
    """What --thermal-range says: two values, "camera", or None where it is not given. Raises UsageError."""
    if given is None:
        return None
    if all(word.lower() == _CAMERA for word in given):
        return "camera"
    try:
        low, high = map(float, given)
    except ValueError:
        raise UsageError(f"{_OPTION} takes two values, such as 10 40, or camera; not {' '.join(given)}.") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"{_OPTION} takes the lower value first, such as 10 40; not {low:g} {high:g}.")
    return low, high


def _of_two_words(args: Sequence[str]) -> list[str]:
    end = args.index("--") if "--" in args else len(args)
    words: list[str] = []
    for word in args[:end]:
        words += [_OPTION, _CAMERA] if word.lower() == f"{_OPTION}={_CAMERA}" else [word]
        if words[-2:-1] == [_OPTION] and words[-1].lower() == _CAMERA:
            words.append(_CAMERA)
    return words + list(args[end:])
