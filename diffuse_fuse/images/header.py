"""What a picture file claims to be, from its first bytes: format, size, alpha. Nothing is decoded.

The claim decides whether a file is decoded at all, so that a few bytes cannot ask for gigabytes of memory.
"""

from __future__ import annotations

import ast
import io
import re
import struct
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.images import jpeg, tiff

_PNG = b"\x89PNG\r\n\x1a\n"
_NPY = b"\x93NUMPY"
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_J2K = b"\xff\x4f\xff\x51"
_PNM_NUMBER = re.compile(rb"(?:\s+|#[^\n\r]*[\n\r])*(\d{1,10})")

LONGEST_START = 16  # bytes that ``format_of`` and ``foreign`` look at
_FOREIGN = (
    (0, b"GIF8", "a GIF"),
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyphe", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (4, b"ftypmsf1", "a HEIC picture"),
    (4, b"ftypcrx", "a camera's raw picture"),
    (4, b"ftyp", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"FFF\0", "a FLIR sequence"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "a PDF"),
    (0, b"PK\3\4", "a ZIP archive (as .npz and some thermal cameras' files are)"),
)


@dataclass(frozen=True)
class Header:
    """format: its usual name. width, height: as stored, before any turning. alpha: whether there may be one.

    What only some formats say: channels: of a TIFF. nodata: the value that a map (GeoTIFF) has where there is none.
    white: the value of a PNM that means white.
    """

    format: str
    width: int
    height: int
    alpha: bool = False
    pages: int = 1
    channels: int | None = None
    nodata: float | None = None
    white: int | None = None


def format_of(start: bytes) -> str | None:
    """The format by the first bytes, or None for one that dfuse does not read."""
    if start.startswith(_PNG):
        return "PNG"
    if start.startswith(jpeg.START):
        return "JPEG"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WebP"
    if start.startswith(b"BM"):
        return "BMP"
    if start.startswith((_JP2, _J2K)):
        return "JPEG 2000"
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace():
        return "PNM"
    return "NumPy" if start.startswith(_NPY) else None


def foreign(start: bytes) -> str | None:
    """What a file is by its first bytes, for people, where that is known and dfuse does not read it."""
    return next((what for at, mark, what in _FOREIGN if start[at : at + len(mark)] == mark), None)


def read_header(data: bytes, page: int = 1) -> Header | None:
    """The header of page ``page`` (from 1); None when the file is of no known format or its header is broken."""
    readers = {
        "PNG": _png, "JPEG": _jpeg, "WebP": _webp, "BMP": _bmp, "JPEG 2000": _jpeg2000, "PNM": _pnm, "NumPy": _npy,
    }  # fmt: skip
    name = format_of(data[:LONGEST_START])
    if name is None:
        return None
    try:
        if name == "TIFF":
            found = tiff.read_pages(data)
            chosen = found[min(page, len(found)) - 1]
            alpha, pages = chosen.alpha is not None, len(found)
            return Header(name, chosen.width, chosen.height, alpha, pages, chosen.channels, chosen.nodata)
        return readers[name](data)
    except (struct.error, ValueError, IndexError):
        return None


def _png(data: bytes) -> Header:
    width, height, _, colour_type = struct.unpack_from(">IIBB", data, 16)
    has_transparency = b"tRNS" in data[: data.find(b"IDAT") if b"IDAT" in data else None]
    return Header("PNG", width, height, colour_type in (4, 6) or has_transparency)


def transparent_grey(data: bytes) -> int | None:
    """The grey of a PNG without colour that means transparent, scaled to its depth as decoded (8 or 16 bits)."""
    if not data.startswith(_PNG) or len(data) < 33 or data[25] != 0:
        return None
    at = data.find(b"tRNS", 33, data.find(b"IDAT"))
    if at < 0:
        return None
    bits, key = data[24], int.from_bytes(data[at + 4 : at + 6], "big")
    return key * 255 // (2**bits - 1) if bits in (1, 2, 4) else key


def _jpeg(data: bytes) -> Header | None:
    size = jpeg.frame_size(data)
    return Header("JPEG", *size) if size else None


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return Header("WebP", width, height, bool(data[20] & 0x10))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header("WebP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), bool(bits >> 28 & 1))
    width, height = struct.unpack_from("<HH", data, 26)
    return Header("WebP", width & 0x3FFF, height & 0x3FFF)


def _bmp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if size == 12 else "<ii", data, 18)
    return Header("BMP", abs(width), abs(height))


def _jpeg2000(data: bytes) -> Header | None:
    start = data.find(_J2K)  # the code stream's own size: what the decoder takes
    if start < 0:
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", data, start + 8)
    (channels,) = struct.unpack_from(">H", data, start + 40)
    return Header("JPEG 2000", right - left, bottom - top, channels == 4)


def _pnm(data: bytes) -> Header | None:
    width = _PNM_NUMBER.match(data, 2)
    height = width and _PNM_NUMBER.match(data, width.end())
    if not (width and height):
        return None
    white = _PNM_NUMBER.match(data, height.end()) if data[1:2] in b"2356" else None
    return Header("PNM", int(width[1]), int(height[1]), white=int(white[1]) if white else None)


def _npy(data: bytes) -> Header:
    shape, _ = npy_shape(data)
    if len(shape) == 3 and shape[2] not in (1, 3, 4):  # a stack of pictures
        return Header("NumPy", shape[2], shape[1], pages=shape[0])
    if len(shape) not in (2, 3):
        raise ValueError(f"no picture has the shape {shape}")
    return Header("NumPy", shape[1], shape[0], len(shape) == 3 and shape[2] == 4)


def npy_shape(data: bytes) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of a .npy file. Raises ValueError when the header is broken or not one of plain numbers."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the format is unknown")
    length = int.from_bytes(stream.read(2 if version == (1, 0) else 4), "little")
    if length > 10_000:
        raise ValueError("the header is too long")
    try:
        fields = ast.literal_eval(stream.read(length).decode("latin1").strip())
        shape, dtype = tuple(fields["shape"]), np.dtype(fields["descr"])
    except (SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise ValueError("the header is broken") from error
    if dtype.kind not in "buif" or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError("not an array of numbers")
    return shape, dtype
