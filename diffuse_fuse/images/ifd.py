"""TIFF directories, as TIFF files and EXIF blocks hold them: read and written by Pillow, types and bytes kept.

Pillow's own ``Image.Exif`` forgets the types of what it reads, so that it writes some of it as another type than
EXIF asks for.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Directory

EXIF, GPS = 0x8769, 0x8825  # tags in the main directory that point to the two others
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7

_STRIP_OFFSETS, _STRIP_SIZES = 273, 279
_START = b"II*\0\x08\0\0\0"  # little-endian, the first directory right behind


def new(group: int | None = None) -> Directory:
    """An empty directory; ``group``: EXIF or GPS for one of these."""
    return Directory(_START, group=group)


def put(directory: Directory, tag: int, kind: int, value: Any) -> None:
    """Set a tag with its type. Raises whatever Pillow does for a value that does not fit the type."""
    directory.tagtype[tag] = kind
    directory[tag] = value


def copy(source: Directory, target: Directory, tag: int, largest: int = 2**32) -> int:
    """Copy a tag with its type; returns the bytes it takes, 0 when it is missing, empty, damaged or too large."""
    try:
        value, kind = source[tag], source.tagtype[tag]
        if kind == ASCII:
            # decoded as Latin-1 when read, which gives back the file's own bytes, UTF-8 for example
            value = "".join(value) if isinstance(value, tuple) else value
            value = value.encode("latin-1").rstrip(b"\0")
        if value in (b"", ()):
            return 0
        alone = new(target.group)
        put(alone, tag, kind, value)
        size = len(alone.tobytes())
        if size > largest:
            return 0
        put(target, tag, kind, value)
    except Exception:  # Pillow has no base class of its errors for damaged values
        return 0
    return size


def read(block: bytes) -> tuple[Directory, Directory, Directory]:
    """The main, the EXIF and the GPS directory of a TIFF file or EXIF block; missing ones are empty.

    Raises whatever Pillow does for a damaged one.
    """
    start = block[: 16 if block[2:3] == b"\x2b" or block[3:4] == b"\x2b" else 8]
    main = Directory(start)
    stream = io.BytesIO(block)
    stream.seek(main.next)
    main.load(stream)
    return main, _inner(main, EXIF, start, stream), _inner(main, GPS, start, stream)


def tobytes(main: Directory, inner: dict[int, Directory], strips: Sequence[bytes] = ()) -> bytes:
    """A whole TIFF structure: its start, the main directory, those that it points to by the tags ``inner``, strips."""
    parts = {tag: directory for tag, directory in inner.items() if len(directory)}
    for tag in parts:
        put(main, tag, LONG, 0)  # a value of its size, for the length below
    if strips:
        put(main, _STRIP_SIZES, LONG, tuple(len(strip) for strip in strips))
        put(main, _STRIP_OFFSETS, LONG, (0,) * len(strips))
    position = len(_START) + len(main.tobytes(len(_START)))
    written = []
    for tag, directory in parts.items():
        written.append(directory.tobytes(position))
        put(main, tag, LONG, position)
        position += len(written[-1])
    if strips:
        # Pillow counts them from the end of the main directory
        sizes = [sum(map(len, written)), *(len(strip) for strip in strips)]
        put(main, _STRIP_OFFSETS, LONG, tuple(accumulate(sizes[:-1])))
    return b"".join([_START, main.tobytes(len(_START)), *written, *strips])


def strips_of(main: Directory, data: bytes) -> list[bytes]:
    """The strips that a main directory points to in its file, as they are stored."""
    values = (main[_STRIP_OFFSETS], main[_STRIP_SIZES])
    offsets, sizes = (value if isinstance(value, tuple) else (value,) for value in values)
    return [data[offset : offset + size] for offset, size in zip(offsets, sizes, strict=True)]


def _inner(main: Directory, tag: int, start: bytes, stream: BinaryIO) -> Directory:
    directory = Directory(start, group=tag)
    try:
        stream.seek(main[tag])
        directory.load(stream)
    except Exception:
        return new(tag)
    return directory
