"""Is a picture file whole? Looked at before decoding.

The decoders tell too little: some return the upper half of a cut-off JPEG as if it were the picture, and
libpng prints its own lines to the process's stderr. Only PNG and JPEG are looked at; the other decoders
refuse by themselves.
"""

from __future__ import annotations

import zlib

_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"


def damage(data: bytes) -> str | None:
    """What is wrong with the bytes of a picture file, as a clause ("is cut off …"), or None."""
    if not data:
        return "is empty"
    if data.startswith(_PNG_START):
        return _png_damage(data)
    if data.startswith(_JPEG_START):
        return _jpeg_damage(data)
    return None


def _png_damage(data: bytes) -> str | None:
    """Walk the chunks to IEND. Checksums of critical chunks only: decoders pass over the others as well."""
    position = len(_PNG_START)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(data):
            break
        is_critical = kind[:1].isupper()
        checksum = int.from_bytes(data[end - 4 : end], "big")
        if is_critical and zlib.crc32(data[position + 4 : end - 4]) != checksum:
            return "is a damaged PNG (a checksum is wrong)"
        if kind == b"IEND":
            return None
        position = end
    return "is cut off (the end of the PNG is missing)"


def _jpeg_damage(data: bytes) -> str | None:
    """Walk the segments to the first scan, then look for the end mark after it.

    Searching from the start would find the end of an embedded preview instead; inside a scan the encoder
    never writes the two bytes of the end mark.
    """
    cut_off = "is cut off (the end of the JPEG is missing)"
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return None  # no segment where one should be: the decoder says what it makes of that
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:  # marks without a length
            position += 2
        elif marker == 0xDA:
            return None if data.find(_JPEG_END, position) >= 0 else cut_off
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return cut_off
