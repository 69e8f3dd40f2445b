"""InfiRay's .irg: a header of 128 bytes, an 8-bit picture, temperatures of the same size, and a photograph in some.

The layout follows what users of these cameras found out. Numbers are little-endian. Temperatures are sixteenths of a
kelvin where the file begins with CA AC (unless a flag says tenths, as Autel's do), else tenths.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.images import jpeg

_STARTS = (b"\xca\xac", b"\xba\xab", b"\x04\xa0", b"\xb0\x0b")
_HEAD, _END = 128, b"\xac\xca"
_KELVIN = 273.15


@dataclass(frozen=True)
class Layout:
    """width, height: of both thermal pictures. steps: of a count in a kelvin. start: where the counts begin."""

    width: int
    height: int
    steps: int
    start: int


def begins(start: bytes) -> bool:
    """Whether the first bytes of a file are those of an .irg."""
    return start[:2] in _STARTS and start[2:4] == b"\x80\0"


def layout(data: bytes) -> Layout:
    """Where the temperatures are. Raises ValueError for a damaged file."""
    if len(data) < _HEAD or not begins(data):
        raise ValueError("the header is cut off")
    if data[:2] != b"\x04\xa0" and data[_HEAD - 2 : _HEAD] != _END:
        raise ValueError("the header is damaged")
    coarse, height, width, flag = struct.unpack_from("<IHHH", data, 4)
    if not width or not height or coarse not in (0, width * height):
        raise ValueError("the header is damaged")
    if len(data) < _HEAD + 3 * width * height:
        raise ValueError("its temperatures are cut off")
    return Layout(width, height, 16 if data.startswith(b"\xca\xac") and flag != 1 else 10, _HEAD + width * height)


def celsius(data: bytes) -> np.ndarray:
    """The temperatures, float32 H×W in °C; NaN where the count is 0. Raises ValueError."""
    found = layout(data)
    counts = np.frombuffer(data, "<u2", found.width * found.height, found.start).reshape(found.height, found.width)
    values = counts.astype(np.float32) / found.steps - np.float32(_KELVIN)
    values[counts == 0] = np.nan
    return values


def visible_bytes(data: bytes) -> bytes | None:
    """The photograph behind the temperatures, a JPEG; None where there is none. Raises ValueError."""
    found = layout(data)
    at = found.start + 2 * found.width * found.height
    return data[at:] if data.startswith(jpeg.START, at) else None
