"""Packages that only some commands need: dfuse's extras, and what to say where one is missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from diffuse_fuse.errors import UsageError


def need(package: str, extra: str) -> ModuleType:
    """The module ``package``, which comes with dfuse's ``extra``. Raises UsageError with the line that installs it."""
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:  # the package is there and lacks something itself
            raise
        raise UsageError(f"This needs the package {package}: in dfuse's folder, pip install '.[{extra}]'.") from None


def has(package: str) -> bool:
    """True where ``package`` is installed; it is not imported."""
    return find_spec(package) is not None
