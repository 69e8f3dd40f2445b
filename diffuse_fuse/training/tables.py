"""Tables of a TOML file as the arguments of dataclasses and functions, whose own annotations say what is allowed."""

from __future__ import annotations

import dataclasses
import inspect
import math
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from diffuse_fuse.errors import DfuseError, UsageError, meant
from diffuse_fuse.files import read_ordinary

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

_LARGEST = 1 << 20  # bytes of a file that somebody wrote by hand
_MOST = 1 << 31  # of a whole number
_PLAIN = {
    bool: "true or false",
    int: "a whole number, 0 or more",
    float: "a number, 0 or more",
    str: "a text in quotes",
}


def read_toml(path: Path) -> tuple[dict[str, Any], bytes]:
    """The tables of a TOML file, and its bytes. Raises UsageError where it is none."""
    try:
        data = read_ordinary(path, _LARGEST)
        return tomllib.loads(data.decode()), data
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8: give a TOML file.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {error}.") from None


def build(made: Callable[..., T], table: Any, where: str, without: tuple[str, ...] = (), **more: Any) -> T:
    """What ``made``, a dataclass, makes of the ``table`` that stands ``where``, and of ``more`` arguments.

    Raises UsageError as ``arguments`` does, and for values that ``made`` refuses.
    """
    values = arguments(made, table, where, (*without, *more))
    try:
        return made(**values, **more)
    except DfuseError as error:
        raise UsageError(f"{where}: {error}") from None


def arguments(made: Callable[..., Any], table: Any, where: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The ``table`` as arguments of ``made``, a dataclass or function, by name; those ``without`` are not for tables.

    Raises UsageError for a key that there is not, a value of another type, and a key that is missing.
    """
    if not isinstance(table, dict):
        raise UsageError(f"{where} is {_shown(table)}, and should be a table.")
    known = _parameters(made, without)
    for key in table:
        if key not in known:
            raise UsageError(f"{where} has no key '{key}': it takes {', '.join(known)}.{meant(key, known)}")
    if missing := [key for key, (_, needed) in known.items() if needed and key not in table]:
        raise UsageError(f"{where} lacks the key '{missing[0]}'.")
    return {key: _value(value, known[key][0], key, where) for key, value in table.items()}


def _parameters(made: Callable[..., Any], without: tuple[str, ...]) -> dict[str, tuple[Any, bool]]:
    """The type of each argument that a file can hold, and whether it is needed."""
    hints = get_type_hints(made if dataclasses.is_dataclass(made) or not inspect.isclass(made) else made.__init__)
    return {
        name: (hints[name], parameter.default is inspect.Parameter.empty)
        for name, parameter in inspect.signature(made).parameters.items()
        if name not in without and all(map(_is_plain, _ways(hints[name])))
    }


def _ways(hint: Any) -> tuple[Any, ...]:
    """What a value may be besides None: of int | None, (int,)."""
    union = get_origin(hint) in (Union, types.UnionType)
    return tuple(each for each in get_args(hint) if each is not type(None)) if union else (hint,)


def _is_plain(hint: Any) -> bool:
    return hint in _PLAIN or (get_origin(hint) is tuple and get_args(hint)[0] in _PLAIN)


def _value(value: Any, hint: Any, key: str, where: str) -> Any:
    """``value`` as the type of its key. Raises UsageError where it is of another."""
    for way in _ways(hint):
        if _fits(value, way):
            return _converted(value, way)
    wanted = " or ".join(map(_said, _ways(hint)))
    raise UsageError(f"{where}: {key} is {_shown(value)}, and should be {wanted}.")


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        if not isinstance(value, list) or (inner[-1] is not ... and len(inner) != len(value)):
            return False
        return all(_fits(each, inner[0]) for each in value)
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if hint is str:
        return isinstance(value, str)
    if hint is float:
        return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0
    return isinstance(value, int) and 0 <= value <= _MOST


def _converted(value: Any, hint: Any) -> Any:
    if get_origin(hint) is tuple:  # whose values are of one type
        return tuple(_converted(each, get_args(hint)[0]) for each in value)
    return float(value) if hint is float else value


def _said(hint: Any) -> str:
    if get_origin(hint) is not tuple:
        return _PLAIN[hint]
    inner = get_args(hint)
    kinds = {int: "whole numbers", float: "numbers", str: "texts in quotes"}
    return f"a list of {'' if inner[-1] is ... else f'{len(inner)} '}{kinds[inner[0]]}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def overlaid(below: Mapping[str, Any], above: Any, where: str) -> dict[str, Any]:
    """The table ``below`` with the keys of the one ``above``. Raises UsageError for what is no table."""
    if not isinstance(above, dict):
        raise UsageError(f"{where} is {_shown(above)}, and should be a table.")
    return {**below, **above}
