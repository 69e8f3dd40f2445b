"""Damages that know nothing of formats: bits, numbers, noise, pieces cut out or repeated."""

from __future__ import annotations

import random
import struct
import zlib

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 20000, 30000)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One to four random damages; half of the PNGs get checksums that fit, so that the decoder sees them."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        rng.choice((_flip, _number, _number, _cut, _remove, _repeat, _noise))(changed, rng)
    if rng.random() < 0.5:
        mend_checksums(changed)
    return bytes(changed)


def _place(data: bytearray, rng: random.Random) -> int:
    """Any byte, but half of the time one near the beginning, where the headers are."""
    if not data:
        return 0
    return rng.randrange(min(len(data), 400)) if rng.random() < 0.5 else rng.randrange(len(data))


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8)):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _number(data: bytearray, rng: random.Random) -> None:
    at, width = _place(data, rng), rng.choice((1, 2, 4, 8))
    value = rng.choice(NUMBERS) & (256**width - 1)
    data[at : at + width] = value.to_bytes(width, rng.choice(("big", "little")))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[_place(data, rng) :]


def _remove(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    del data[at : at + rng.randint(1, 64)]


def _repeat(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    data[at:at] = data[at : at + rng.randint(1, 64)]


def _noise(data: bytearray, rng: random.Random) -> None:
    at, length = _place(data, rng), rng.randint(1, 32)
    data[at : at + length] = rng.randbytes(length)


def mend_checksums(data: bytearray) -> None:
    """Of every PNG in the data, also of one embedded."""
    start = data.find(b"\x89PNG\r\n\x1a\n")
    while start >= 0:
        position = start + 8
        while position + 12 <= len(data):
            end = position + 12 + int.from_bytes(data[position : position + 4], "big")
            if end > len(data):
                break
            struct.pack_into(">I", data, end - 4, zlib.crc32(data[position + 4 : end - 4]))
            position = end
        start = data.find(b"\x89PNG\r\n\x1a\n", start + 8)
