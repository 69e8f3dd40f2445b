"""FLIR's FFF files: a directory of records, as a file (.fff), in a JPEG, or one behind the other (.seq, .csq).

The layout follows what ExifTool documents (its page "FLIR Tags"). Offsets are within the frame, and are checked before
they are followed.
"""

from __future__ import annotations

import struct

STARTS = (b"FFF\0", b"AFF\0")
RAW, PICTURE = 0x01, 0x20  # the record of the counts, and where the picture begins in it

_HEAD, _ENTRY, _MOST_ENTRIES = 0x40, 32, 4096
_MOST_FRAMES = 1_000_000
_MOST_BROKEN = 1000  # places that only look like a frame
_PNG = b"\x89PNG\r\n\x1a\n"


class FlirError(Exception):
    """The thermal data of the file are damaged or of an unknown kind; the text is a clause for a message."""


def records(data: bytes, start: int = 0) -> dict[int, bytes]:
    """The directory of the FFF file that begins at ``start``: at most one record a type, each within the data.

    Raises FlirError.
    """
    return {kind: data[at:end] for kind, (at, end) in _places(data, start).items()}


def frames(data: bytes) -> list[int]:
    """Where the frames of a file begin, which is at least one for a sound file."""
    found: list[int] = []
    at = 0 if data.startswith(STARTS) else -1
    broken = 0
    while at >= 0 and len(found) < _MOST_FRAMES and broken < _MOST_BROKEN:
        behind = at + _HEAD
        try:
            _, first, count = _directory(data, at)
            places = _places(data, at)
            behind = max(behind, first + count * _ENTRY, *(end for _, end in places.values()), 0)
        except FlirError:
            places = {}
        if RAW in places:
            found.append(at)
        else:
            broken += 1
        at = data.find(data[:4], behind)
    return found


def size(data: bytes, start: int) -> tuple[int, int]:
    """(width, height) that the counts of the frame at ``start`` claim to have; 0 where they are missing."""
    at, end = _places(data, start).get(RAW, (0, 0))
    head = data[at : min(end, at + PICTURE + 64)]
    if head[PICTURE:].startswith(_PNG) and len(head) >= PICTURE + 24:
        return struct.unpack_from(">II", head, PICTURE + 16)
    if len(head) < PICTURE:
        return 0, 0
    return struct.unpack_from(order(head) + "HH", head, 2)


def order(record: bytes) -> str:
    """The byte order of a record, for ``struct``: each begins with a small number."""
    return "<" if int.from_bytes(record[:2], "little") < 0x100 else ">"


def _directory(data: bytes, start: int) -> tuple[str, int, int]:
    """Of the FFF file at ``start``: the byte order, where its directory begins, how many entries. Raises FlirError."""
    if data[start : start + 4] not in STARTS or len(data) - start < _HEAD:
        raise FlirError("its thermal data are damaged (no FFF header)")
    byte_order = ">" if 100 <= int.from_bytes(data[start + 0x14 : start + 0x18], "big") < 200 else "<"
    first, count = struct.unpack_from(byte_order + "II", data, start + 0x18)
    if count > _MOST_ENTRIES or start + first + count * _ENTRY > len(data):
        raise FlirError("its thermal data are damaged (the directory reaches beyond them)")
    return byte_order, start + first, count


def _places(data: bytes, start: int) -> dict[int, tuple[int, int]]:
    """Where the records are, by their type: the first one of each, within the data. Raises FlirError."""
    byte_order, first, count = _directory(data, start)
    found: dict[int, tuple[int, int]] = {}
    for entry in range(first, first + count * _ENTRY, _ENTRY):
        (kind,) = struct.unpack_from(byte_order + "H", data, entry)
        offset, length = struct.unpack_from(byte_order + "II", data, entry + 12)
        if kind and length and start + offset + length <= len(data):
            found.setdefault(kind, (start + offset, start + offset + length))
    return found
