"""Damages to text and to what is written in it: JSON, tables, XML, the headers of PNM and NumPy's files."""

from __future__ import annotations

import json
import random
import re
from typing import Any

_NUMBER = re.compile(rb"-?\d+(\.\d+)?")
_NASTY_NUMBERS = (b"0", b"-1", b"1e999", b"nan", b"1000000000000", b"99999", b"65536", b"3.7", b"9" * 5000, b"")
_NASTY_WORDS = (
    b"\0", b"'", b'"', b"\xff\xfe", b"\xed\xa0\x80", b"[" * 5000, b"(" * 200, b"{", b"&a;", b"<!--", b"]]>", b"\r",
    b"a" * 200_000, b"~/a.png", b"https://example.org/a.png", b"../../a.png", b"/dev/zero", b"/dev/stdin", b".", b"|O",
    b"<f8", b">c16", b"S100", b"('a', '<f8')", b"a" * 300 + b".png", "Ä😀".encode(), b",", b"\n",
)  # fmt: skip
_BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, (b"&%c;" % (97 + n)) * 10) for n in range(9)
)


def reworded(data: bytes, rng: random.Random, start: int = 0, end: int | None = None) -> bytes:
    """One to four changes to the words and numbers of the text from ``start`` to ``end``."""
    text = data[start:end]
    for _ in range(rng.choice((1, 1, 2, 4))):
        numbers = list(_NUMBER.finditer(text))
        if numbers and rng.random() < 0.5:
            found = rng.choice(numbers)
            text = text[: found.start()] + rng.choice(_NASTY_NUMBERS) + text[found.end() :]
        else:
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(_NASTY_WORDS) + text[at + rng.choice((0, 0, 1, 4, 20)) :]
    if b"?>" in text and rng.random() < 0.1:
        text = text.replace(b"?>", b"?>" + _BOMB + b"]>", 1)
    return data[:start] + text + (b"" if end is None else data[end:])


def rejoined(value: Any, rng: random.Random) -> str:
    """JSON of ``value`` with one or two of its parts replaced by what nobody expects there."""
    for _ in range(rng.choice((1, 1, 2))):
        value = _replaced(value, rng)
    text = json.dumps(value)
    return text.replace('"DEEP"', "[" * 5000 + "]" * 5000).replace('"HUGE"', "1" + "0" * 5000)


def _replaced(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: part for name, part in value.items() if name != key}
        return {**value, key: _replaced(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        return [*value[:at], _replaced(value[at], rng), *value[at + 1 :]]
    numbers = (0, -1, -8, 3, 1e308, float("nan"), float("inf"), 2**31, 2**63, 10**12, "HUGE", 0.5)
    others = (None, True, "", "x", "x" * 100_000, "\0", "\ud800", [], {}, [[]], {"a": {}}, "DEEP", [1] * 10_000)
    return rng.choice(numbers if isinstance(value, (int, float)) and rng.random() < 0.7 else others)
