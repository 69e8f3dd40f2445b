"""The segments of a JPEG file, by bounds-checked code: sizes, and where cameras keep their thermal data."""

from __future__ import annotations

from collections.abc import Iterator

START = b"\xff\xd8\xff"
APP1, APP3 = 0xE1, 0xE3

_SCAN, _END = 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame; the three are tables


def segments(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """Yield (marker, payload) of each segment before the first scan; ends quietly where the structure ends."""
    if not data.startswith(START):
        return
    view, position = memoryview(data), 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:  # marks without a length
            position += 2
        elif marker in (_SCAN, _END):
            return
        else:
            length = int.from_bytes(data[position + 2 : position + 4], "big")
            end = position + 2 + length
            if length < 2 or end > len(data):
                return
            yield marker, view[position + 4 : end]
            position = end


def frame_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) of the JPEG's frame as stored, or None when there is none before the first scan."""
    for marker, payload in segments(data):
        if marker in _FRAMES and len(payload) >= 5:
            return int.from_bytes(payload[3:5], "big"), int.from_bytes(payload[1:3], "big")
    return None
