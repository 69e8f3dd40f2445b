"""What callers of the Python API give, checked: a wrong argument becomes a UsageError that says what is wanted."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from diffuse_fuse.errors import UsageError


def path_of(given: Any, name: str = "The path") -> Path:
    """``given``, a text or an os.PathLike, as a path. Raises UsageError for anything else.

    Whether there is such a file is for others to say.
    """
    try:
        return Path(given)
    except TypeError:
        raise UsageError(f"{name} must be a text or a pathlib.Path, not {kind(given)}.") from None


def whole(given: Any, name: str, least: int | None = None, most: int | None = None) -> int:
    """``given`` as an int, also from NumPy's. Raises UsageError for what is no whole number within the limits."""
    limits = "" if least is None else f" from {least} to {most}" if most is not None else f" of at least {least}"
    try:
        number = operator.index(given)
    except TypeError:
        shown = given if isinstance(given, float) else kind(given)
        raise UsageError(f"{name} must be a whole number{limits}, not {shown}.") from None
    if (least is not None and number < least) or (most is not None and number > most):
        raise UsageError(f"{name} must be a whole number{limits}, not {number}.")
    return number


def number(given: Any, name: str, low: float, high: float) -> float:
    """``given`` as a float from ``low`` to ``high``. Raises UsageError for anything else, and for NaN."""
    try:
        value = float("nan") if isinstance(given, (str, bytes)) else float(given)
    except (TypeError, ValueError):
        value = float("nan")
    if not low <= value <= high:
        shown = given if isinstance(given, (int, float)) else kind(given)
        raise UsageError(f"{name} must be a number from {low:g} to {high:g}, not {shown}.")
    return value


def text(given: Any, name: str) -> str:
    """``given`` if it is a text. Raises UsageError for anything else."""
    if not isinstance(given, str):
        raise UsageError(f"{name} must be a text, not {kind(given)}.")
    return given


def several(given: Any, name: str, of: Callable[[Any], Any]) -> list[Any]:
    """The things in ``given``, each as ``of`` returns it. Raises UsageError for what holds none, or is a text."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise UsageError(f"{name} must be a list, not {kind(given)}.")
    return [of(one) for one in given]


def texts(given: Any, name: str, each: str) -> list[str]:
    """The texts in ``given``. Raises UsageError for what holds none; ``each``: what one of them is called."""
    return several(given, name, lambda one: text(one, each))


def kind(given: Any) -> str:
    """What something is, for a message: its type's name, or None."""
    return "None" if given is None else f"a value of type {type(given).__name__}"
