"""Small files that ask for much: each is built here in a moment, without the memory that it would take to decode."""

from __future__ import annotations

import io
import lzma
import struct
import zlib

import cv2
import numpy as np
from PIL import Image

_SHORT, _LONG = 3, 4
DEFLATE, LZMA, PACKBITS = 8, 34925, 32773
UNSIGNED, FLOAT = 1, 3


def zeros(size: int, compression: int) -> bytes:
    """``size`` bytes of 0 as a TIFF's strip holds them, made of a piece that is repeated."""
    if compression == PACKBITS:
        return b"\x81\0" * (size // 128) + (bytes([257 - size % 128, 0]) if size % 128 > 1 else b"")
    if compression == LZMA:
        piece = 1 << 24
        return lzma.compress(bytes(piece)) * (size // piece) + lzma.compress(bytes(size % piece))
    piece = 1 << 20
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(piece)) + packer.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -15)
    end = last.compress(bytes(size % piece)) + last.flush()
    return b"\x78\xda" + block * (size // piece) + end + struct.pack(">I", size % 65521 << 16 | 1)  # Adler-32 of zeros


def tiff(
    width: int,
    height: int,
    channels: int,
    bits: int,
    compression: int,
    kind: int = UNSIGNED,
    unpacked: int | None = None,
    extra: dict[int, int] | None = None,
) -> bytes:
    """A TIFF of one strip of zeros; the fourth channel is alpha. unpacked: the bytes that the strip really holds.

    extra: more tags, or other values of those that are there.
    """
    strip = zeros(width * height * channels * bits // 8 if unpacked is None else unpacked, compression)
    tags = {256: width, 257: height, 258: bits, 259: compression, 262: 2 if channels > 2 else 1, 273: 8}
    tags |= {277: channels, 278: height, 279: len(strip), 284: 1, 339: kind}
    if channels in (2, 4):
        tags[338] = 2
    start = 8 + len(strip)
    tags |= extra or {}
    lists = {258: bits, 339: kind} if channels > 1 else {}
    lists_at = start + 2 + 12 * len(tags) + 4
    entries, tail = b"", b""
    for tag, value in sorted(tags.items()):
        if tag in lists and channels > 2:
            entries += struct.pack("<HHII", tag, _SHORT, channels, lists_at + len(tail))
            tail += struct.pack("<H", value) * channels
        elif tag in lists:
            entries += struct.pack("<HHIHH", tag, _SHORT, 2, value, value)
        else:
            entries += struct.pack("<HHII", tag, _LONG if value > 65535 else _SHORT, 1, value)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4) + tail
    return b"II*\0" + struct.pack("<I", start) + strip + directory


def tiff_of_pages(pages: int) -> bytes:
    """A TIFF of so many grey pages of 16×16 pixels, which share their pixels."""
    count = 9
    size = 2 + 12 * count + 4
    values = ((256, 16), (257, 16), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 16), (279, 256))
    entries = struct.pack("<H", count) + b"".join(struct.pack("<HHII", tag, _LONG, 1, value) for tag, value in values)
    first = 8 + 256
    following = [first + size * number for number in range(1, pages)] + [0]
    directories = b"".join(entries + struct.pack("<I", offset) for offset in following)
    return b"II*\0" + struct.pack("<I", first) + bytes(256) + directories


def npy(shape: tuple[int, ...], descr: str = "<u2", body: int = 4096) -> bytes:
    """An array that claims ``shape`` and holds ``body`` bytes."""
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(body)


def jpeg_of_two_sizes(width: int, height: int) -> bytes:
    """A JPEG of ``width``×``height`` for libjpeg, which takes FF 00 for filling; by the lengths alone 16×16."""
    data = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    frame = data.index(b"\xff\xc0")
    length = int.from_bytes(data[frame + 2 : frame + 4], "big")
    small = data[frame : frame + 2 + length]
    large = small[:5] + struct.pack(">HH", height, width) + small[9:]
    # FF 00, a length over the true frame and the start of a comment, in which for libjpeg the false frame lies
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(small))
    filling = b"\xff\0" + struct.pack(">H", 2 + len(large) + len(comment)) + large + comment
    return data[:frame] + filling + small + data[frame + 2 + length :]


def jpeg_of_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan is there many times: each costs a pass over all of the picture."""
    data = cv2.imencode(".jpg", np.zeros((height, width), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


def jpeg2000_of_two_sizes(width: int, height: int) -> bytes:
    """A JPEG 2000 of ``width``×``height`` with a box in front that holds the start of a code stream of 64×64."""
    data = cv2.imencode(".jp2", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    stream = data.index(b"\xff\x4f\xff\x51")
    box = data.index(b"jp2c") - 4
    size = int.from_bytes(data[stream + 4 : stream + 6], "big")
    false = data[stream : stream + 4 + size]
    large = struct.pack(">IIIIIIII", width, height, 0, 0, width, height, 0, 0)
    inner = data.index(b"ihdr") + 4
    data = data[:inner] + struct.pack(">II", height, width) + data[inner + 8 : box] + _box(b"free", false) + data[box:]
    stream = data.index(b"\xff\x4f\xff\x51", data.index(b"jp2c"))
    return data[: stream + 8] + large + data[stream + 40 :]


def jpeg2000_of(width: int, height: int, channels: int) -> bytes:
    """A JPEG 2000 whose code stream claims this size and so many channels."""
    data = bytearray(cv2.imencode(".jp2", np.zeros((64, 64, 3), np.uint8))[1].tobytes())
    start = data.index(b"\xff\x4f\xff\x51")
    struct.pack_into(">IIIIIIIIH", data, start + 8, width, height, 0, 0, width, height, 0, 0, channels)
    return bytes(data)


def webp(width: int, height: int) -> bytes:
    """A lossy WebP that claims this size."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "WebP")
    data = bytearray(stream.getvalue())
    struct.pack_into("<HH", data, 26, width, height)
    return bytes(data)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def pnm_of_two_sizes(width: int, height: int) -> bytes:
    """A PGM whose width has eleven digits: a reader that takes ten of them sees another size."""
    digits = f"{width:011d}"
    return f"P5 {digits} {height} 255\n".encode() + bytes(64)
