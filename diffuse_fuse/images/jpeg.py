"""The segments of a JPEG file, by bounds-checked code: sizes, and where cameras keep their thermal data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

START = b"\xff\xd8\xff"
APP1, APP3, APP4 = 0xE1, 0xE3, 0xE4

_SCAN, _END = 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame; the three are tables
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in a scan; FF 00 is a byte of it, and FF D0 to FF D7 divide it
MOST_PASSES = 1000


def segments(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """Yield (marker, payload) of each segment before the first scan; ends quietly where the structure ends."""
    view = memoryview(data)
    for marker, start, end in _walk(data):
        if marker == _SCAN:
            return
        yield marker, view[start:end]


def _walk(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start and end of its payload) of each segment up to the head of the first scan."""
    if not data.startswith(START):
        return
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:  # marks without a length
            position += 2
        elif marker in (0x00, _END):  # FF 00 is no segment: a decoder passes over it and finds others than by a length
            return
        else:
            length = int.from_bytes(data[position + 2 : position + 4], "big")
            end = position + 2 + length
            if length < 2 or end > len(data):
                return
            yield marker, position + 4, end
            if marker == _SCAN:
                return
            position = end


@dataclass(frozen=True)
class Frame:
    """The frame of a JPEG: its size as stored, its channels, and how many scans ask for a pass over all of it.

    passes: 1 where the picture comes in one scan, which a decoder can give out line by line.
    """

    width: int
    height: int
    channels: int
    passes: int


def frame(data: bytes) -> Frame | None:
    """The first frame, or None when there is none before the first scan."""
    for marker, payload in segments(data):
        if marker in _FRAMES and len(payload) >= 6:
            width, height = int.from_bytes(payload[3:5], "big"), int.from_bytes(payload[1:3], "big")
            return Frame(width, height, payload[5], _passes(data, marker in _PROGRESSIVE, payload[5]))
    return None


def _passes(data: bytes, progressive: bool, channels: int) -> int:
    """The scans from the first on, counted to ``MOST_PASSES`` + 1."""
    scan = next((start for marker, start, _ in _walk(data) if marker == _SCAN), None)
    if scan is None or not (progressive or data[scan] < channels):
        return 1
    passes, position = 0, scan - 4
    while passes <= MOST_PASSES:
        found = _MARK.search(data, position)
        if found is None or found[0][1] == _END:
            break
        position = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        passes += found[0][1] == _SCAN
    return max(1, passes)
