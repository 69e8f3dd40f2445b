"""What cameras, programs and data sets add to a name to say which of two pictures a file is.

``a_ir``, ``IR_a``, ``DJI_0003_T_Waypoint1``, ``IR12``, ``00012i``, ``i00012``: the mark stands before, inside or after
the name, with or without a separator. What is left without it is the key that pairs two files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

Kind = Literal["ir", "vis"]

_WORDS: dict[Kind, tuple[str, ...]] = {
    "ir": ("ir", "tir", "lwir", "mwir", "fir", "nir", "infrared", "infra", "inf", "thermal", "therm", "previewdata",
           "lw"),
    "vis": ("vis", "vi", "visible", "visual", "visi", "rgb", "color", "colour", "co", "eo", "optical", "opt", "ccd",
            "wide", "zoom"),
}  # fmt: skip
# T, V, W, Z: lenses of DJI and others; R: radiometric pictures of the Zenmuse XT.
_LETTERS: dict[Kind, str] = {"ir": "tir", "vis": "vwz"}
_GLUED_LETTERS: dict[Kind, str] = {"ir": "it", "vis": "v"}  # 00012i and 00012v, i00012 and v00012
# Of two files that fit, the one without such a mark: a zoom lens sees a part, near infrared is no heat.
_SECOND = frozenset({"z", "zoom", "nir"})

# Long enough to be told from other words where they stand at an end of a folder's name.
_FOLDER_WORDS: dict[Kind, tuple[str, ...]] = {
    "ir": ("infrared", "thermal", "lwir"), "vis": ("visible", "visual", "rgb"),
}  # fmt: skip
_SECOND_FOLDERS = _SECOND | {"hr", "raw"}  # beside RoadScene's crop_LR_visible, which has the infrared pictures' size

_SEPARATORS = re.compile(r"[_\-. ]+")
_TIME = re.compile(r"(?<!\d)(\d{8})[_\-]?(\d{6})(?!\d)")
_SECONDS_APART = 2.0


class Reading(NamedTuple):
    """One way to read a name. tier: how sure it is, 0 the surest. second: another file of this key goes first.

    name: what is left of it without the mark. key: the same in lower case, by which files are compared.
    """

    kind: Kind
    name: str
    tier: int
    second: bool = False
    folder: str = ""

    @property
    def key(self) -> str:
        return self.folder + self.name.lower()


def readings(stem: str, kind: Kind) -> list[Reading]:
    """All ways to read ``stem`` as a picture of ``kind``, the surest first; the key is never empty."""
    found = [reading for reading in _all(stem, kind) if reading.name]
    return sorted(found, key=lambda reading: reading.tier)


def folder_kind(name: str) -> tuple[Kind, bool] | None:
    """What a folder's name says of the pictures in it, as a word of its own or at an end (``cropinfrared``,
    ``crop_LR_visible``, ``images_thermal_train``); and whether another folder of this kind goes first.

    None where it says nothing, or both.
    """
    parts = _SEPARATORS.split(name.lower())
    found = {
        kind: any(part in _WORDS[kind] or part.startswith(words) or part.endswith(words) for part in parts)
        for kind, words in _FOLDER_WORDS.items()
    }
    if found["ir"] == found["vis"]:
        return None
    return "ir" if found["ir"] else "vis", not _SECOND_FOLDERS.isdisjoint(parts)


def plain(stem: str) -> str:
    """A name as keys are written: lower case, one separator."""
    return "_".join(part for part in _SEPARATORS.split(stem.lower()) if part)


def taken_at(key: str) -> tuple[str, datetime] | None:
    """A key with a time (DJI_20230630101500_0001) → the key without it, and the time.

    None without a time, and where no number is left that says which picture it is.
    """
    found = _TIME.search(key)
    if not found:
        return None
    rest = key[: found.start()] + "*" + key[found.end() :]
    try:
        time = datetime.strptime("".join(found.groups()), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return (rest, time) if re.search(r"\d", rest) else None


def at_once(first: datetime, second: datetime) -> bool:
    """True for times that two lenses of one camera write for one shot."""
    return abs((first - second).total_seconds()) <= _SECONDS_APART


def _all(stem: str, kind: Kind) -> Iterator[Reading]:
    parts = [part for part in _SEPARATORS.split(stem) if part]
    last = len(parts) - 1
    order = sorted(range(len(parts)), key=lambda place: (place != last, place != 0, -place))  # end, start, inside
    for place in order:
        part = parts[place].lower()
        if part in _WORDS[kind]:
            yield Reading(kind, _without(parts, place), 0, part in _SECOND)
        elif part in _LETTERS[kind] and len(part) == 1 and (place in (0, last) or parts[place].isupper()):
            yield Reading(kind, _without(parts, place), 2, part in _SECOND)
    for place in order:
        yield from _glued(parts, place, kind, place in (0, last))


def _glued(parts: list[str], place: int, kind: Kind, at_an_end: bool) -> Iterator[Reading]:
    part = parts[place]
    words = "|".join(sorted(_WORDS[kind], key=len, reverse=True))
    patterns = [
        (1, rf"(?i:(?P<mark>{words}))(?P<rest>\d+\D?)"),  # IR12
        (1, rf"(?P<rest>.*\d)(?i:(?P<mark>{words}))"),  # 12ir
        (1, rf"(?P<rest>.*[a-z])(?i:(?P<mark>{words}))"),  # lakeIR
    ]
    if at_an_end:
        letters = _GLUED_LETTERS[kind]
        patterns += [(3, rf"(?i:(?P<mark>[{letters}]))(?P<rest>\d+)"), (3, rf"(?P<rest>\d+)(?i:(?P<mark>[{letters}]))")]
    for tier, pattern in patterns:
        found = re.fullmatch(pattern, part)
        if found and (not found["rest"][-1:].islower() or found["mark"][0].isupper()):
            yield Reading(kind, _without(parts, place, found["rest"]), tier, found["mark"].lower() in _SECOND)


def _without(parts: list[str], place: int, rest: str = "") -> str:
    return "_".join(part for part in (*parts[:place], rest, *parts[place + 1 :]) if part)
