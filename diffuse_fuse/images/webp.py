"""The chunks of a WebP file, by bounds-checked code.

Pillow opens a WebP by making room for two whole pictures, also where only its notes are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import BinaryIO

_START = 12  # "RIFF", a size, "WEBP"
_MOST_CHUNKS = 10_000  # each frame of an animation is one


def chunks(file: BinaryIO, kinds: Collection[bytes], largest: int) -> dict[bytes, bytes]:
    """The first chunk of each of the four-letter ``kinds`` with at most ``largest`` bytes; others are passed over."""
    end = file.seek(0, os.SEEK_END)
    found: dict[bytes, bytes] = {}
    position = _START
    for _ in range(_MOST_CHUNKS):
        if position + 8 > end or len(found) == len(kinds):
            break
        file.seek(position)
        kind, size = file.read(4), int.from_bytes(file.read(4), "little")
        if kind in kinds and kind not in found and size <= min(largest, end - position - 8):
            found[kind] = file.read(size)
        position += 8 + size + size % 2
    return found
