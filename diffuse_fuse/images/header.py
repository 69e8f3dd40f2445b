"""What a picture file claims to be, from its first bytes: format, size, alpha. Nothing is decoded.

The claim decides whether a file is decoded at all, so that a few bytes cannot ask for gigabytes of memory: ``refusal``
is one budget for all formats. Few pixels are not enough: channels, bytes a sample, and what a decoder allocates besides
the picture (coefficients, tiles, a copy in another order) count as well.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from diffuse_fuse.images import fff, irg, jpeg, npy, raw, temperatures, tiff
from diffuse_fuse.images.jpeg import MOST_PASSES

_PNG = b"\x89PNG\r\n\x1a\n"
_NPY = b"\x93NUMPY"
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_J2K = b"\xff\x4f\xff\x51"
_PNM_NUMBER = re.compile(rb"(?:\s+|#[^\n\r]*[\n\r])+(\d{1,10})(?!\d)")
FLIR, IRG, TABLE = "FLIR FFF", "InfiRay IRG", "temperature table"
_JPEG2000_TILE = 6000  # bytes that OpenJPEG keeps for each tile

# Of the decoders' own arrays. It lets as many pixels of any usual kind through as are allowed: OpenCV holds a picture
# twice, 6 bytes a pixel of 8-bit colours and 12 of 16-bit ones, JPEG 2000's decoder 32-bit samples besides.
BYTES_A_PIXEL = 18
PASSES = 20  # over as many pixels as are allowed; a progressive JPEG has about ten scans
_FEW = 16

RAW = "camera raw"
LONGEST_START = 4096  # bytes that ``format_of`` and ``foreign`` look at
_FOREIGN = (
    (0, b"GIF8", "a GIF"),
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyphe", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (4, b"ftypmsf1", "a HEIC picture"),
    (4, b"ftyp", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
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

    memory: bytes that decoding takes, as far as they grow with the picture. passes: over all of it, of a JPEG.
    channels, dtype: as stored; None where the header does not say. What only some formats say: nodata: the value that
    a map (GeoTIFF) has where there is none. white: the value of a PNM that means white. unit: of
    temperatures, C, F or K.
    """

    format: str
    width: int
    height: int
    alpha: bool = False
    pages: int = 1
    channels: int | None = None
    nodata: float | None = None
    white: int | None = None
    dtype: str | None = None
    memory: int = 0
    passes: int = 1
    unit: Literal["C", "F", "K"] | None = None


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
    if start.startswith(_NPY):
        return "NumPy"
    if raw.kind(start):
        return RAW
    if start.startswith(fff.STARTS):
        return FLIR
    if irg.begins(start):
        return IRG
    return TABLE if foreign(start) is None and temperatures.begins(start) else None


def foreign(start: bytes) -> str | None:
    """What a file is by its first bytes, for people, where that is known and dfuse does not read it."""
    return next((what for at, mark, what in _FOREIGN if start[at : at + len(mark)] == mark), None)


def read_header(data: bytes, page: int = 1) -> Header | None:
    """The header of page ``page`` (from 1); None when the file is of no known format or its header is broken."""
    readers = {
        "PNG": _png, "JPEG": _jpeg, "WebP": _webp, "BMP": _bmp, "JPEG 2000": _jpeg2000, "PNM": _pnm, "NumPy": _npy,
        IRG: _irg, TABLE: _table,
    }  # fmt: skip
    name = format_of(data[:LONGEST_START])
    if name is None:
        return None
    try:
        if name == RAW or raw.kind(data):
            return _raw(data)
        if name == "TIFF":
            return _tiff(data, page)
        if name == FLIR:
            return _flir(data, page)
        return readers[name](data)
    except (struct.error, ValueError, IndexError):
        return None


def _by_opencv(pixels: int, channels: int, size: int, alpha: bool = False) -> int:
    """Bytes that OpenCV and what follows take for a picture of samples of ``size`` bytes.

    OpenCV holds it twice; alpha is taken out and becomes float32 beside a copy of the colours.
    """
    if alpha:
        return pixels * max(2 * 4 * size, (4 + 3) * size + 4)
    return pixels * 2 * channels * size


def _raw(data: bytes) -> Header | None:
    """As developed: upright, with 16 bits."""
    size = raw.size(data)
    memory = 0 if size is None else _by_opencv(size[0] * size[1], 3, 2)
    return size and Header(RAW, size[1], size[0], channels=3, dtype="uint16", memory=memory)


def _tiff(data: bytes, page: int) -> Header:
    found, pages = tiff.read_page(data, page)
    return Header(
        "TIFF",
        found.width,
        found.height,
        found.alpha is not None or found.mask is not None,
        pages,
        found.channels,
        found.nodata,
        dtype=None if found.dtype is None else found.dtype.name,
        memory=found.memory,
    )


def _png(data: bytes) -> Header | None:
    width, height, bits, colour_type = struct.unpack_from(">IIBB", data, 16)
    if data[12:16] != b"IHDR":
        return None
    before = data[: data.find(b"IDAT") if b"IDAT" in data else None]
    alpha = colour_type in (4, 6) or b"tRNS" in before
    channels, size = 1 if colour_type in (0, 4) else 3, 2 if bits == 16 else 1
    memory = _by_opencv(width * height, channels, size, alpha)
    if b"acTL" in before:  # an animation: the frame that is read is laid on a canvas
        memory += 2 * width * height * 4 * size
    return Header("PNG", width, height, alpha, channels=channels + alpha, dtype=f"uint{8 * size}", memory=memory)


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
    frame = jpeg.frame(data)
    if frame is None:
        return None
    pixels, channels = frame.width * frame.height, frame.channels
    memory = _by_opencv(pixels, 1 if channels == 1 else 3, 1)
    if frame.passes > 1:  # the coefficients of the whole picture
        memory += 2 * channels * pixels
    return Header(
        "JPEG", frame.width, frame.height, channels=channels, dtype="uint8", memory=memory, passes=frame.passes
    )


def _webp(data: bytes) -> Header | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        alpha, animated = bool(data[20] & 0x10), bool(data[20] & 0x02)
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height, alpha, animated = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), bool(bits >> 28 & 1), False
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
        alpha = animated = False
    else:  # no picture begins otherwise
        return None
    # 4 bytes a pixel while it is decoded, and of an animation two canvases
    memory = _by_opencv(width * height, 3, 1, alpha) + width * height * 4 * (3 if animated else 1)
    return Header("WebP", width, height, alpha, channels=4 if alpha else 3, dtype="uint8", memory=memory)


def _bmp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 14)
    width, height = (abs(side) for side in struct.unpack_from("<HH" if size == 12 else "<ii", data, 18))
    return Header("BMP", width, height, channels=3, dtype="uint8", memory=_by_opencv(width * height, 4, 1))


def _jpeg2000(data: bytes) -> Header | None:
    start = _code_stream(data)  # its own size: what the decoder takes
    if start is None or not data.startswith(_J2K, start):
        return None
    right, bottom, left, top, tile_width, tile_height = struct.unpack_from(">IIIIII", data, start + 8)
    channels, bits = struct.unpack_from(">HB", data, start + 40)
    size = 1 if (bits & 0x7F) < 8 else 2
    width, height, tile = right - left, bottom - top, tile_width * tile_height
    tiles = -(-right // max(1, tile_width)) * -(-bottom // max(1, tile_height))
    # samples are 32-bit numbers while they are decoded, in the picture and in a tile that is not all of it
    memory = _by_opencv(width * height, channels, size, channels == 4) + 4 * channels * width * height
    memory += 0 if tiles == 1 else 4 * channels * tile + _JPEG2000_TILE * tiles
    return Header("JPEG 2000", width, height, channels == 4, channels=channels, dtype=f"uint{8 * size}", memory=memory)


def _code_stream(data: bytes) -> int | None:
    """Where the code stream of a JPEG 2000 begins: at once, or in the first box for one."""
    position = 0 if data.startswith(_JP2) else None
    while position is not None and position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if length == 1:
            (length,), head = struct.unpack_from(">Q", data, position + 8), 16
        if kind == b"jp2c":
            return position + head
        if length < head:
            return None
        position += length
    return 0 if position is None else None


def _pnm(data: bytes) -> Header | None:
    width = _PNM_NUMBER.match(data, 2)
    height = width and _PNM_NUMBER.match(data, width.end())
    if not (width and height):
        return None
    most = _PNM_NUMBER.match(data, height.end()) if data[1:2] in b"2356" else None
    channels, size = 3 if data[1:2] in b"36" else 1, 2 if most and int(most[1]) > 255 else 1
    w, h = int(width[1]), int(height[1])
    memory = _by_opencv(w * h, channels, size)
    white = int(most[1]) if most else None
    return Header("PNM", w, h, channels=channels, white=white, dtype=f"uint{8 * size}", memory=memory)


def _flir(data: bytes, page: int) -> Header | None:
    frames = fff.frames(data)
    if not frames:
        return None
    width, height = fff.size(data, frames[min(page, len(frames)) - 1])
    memory = 16 * width * height  # as counts, in both byte orders, as temperatures
    return Header(FLIR, width, height, pages=len(frames), channels=1, dtype="uint16", memory=memory)


def _irg(data: bytes) -> Header:
    found = irg.layout(data)
    memory = 12 * found.width * found.height
    return Header(IRG, found.width, found.height, channels=1, dtype="float32", memory=memory, unit="C")


def _table(data: bytes) -> Header:
    found = temperatures.read(data)
    height, width = found.pages[0].shape
    memory = temperatures.BYTES_A_BYTE * len(data)
    pages, unit = len(found.pages), found.unit or "C"
    return Header(TABLE, width, height, pages=pages, channels=1, dtype="float32", memory=memory, unit=unit)


def _npy(data: bytes) -> Header:
    shape, dtype = npy.shape_of(data)
    if len(shape) == 3 and shape[2] not in (1, 3, 4) and not npy.has_bands(shape):  # a stack of pictures
        pages, height, width, channels = shape[0], shape[1], shape[2], 1
    elif len(shape) in (2, 3):
        pages, height, width, channels = 1, shape[0], shape[1], 1 if len(shape) == 2 else shape[2]
    else:
        raise ValueError(f"no picture has the shape {shape}")
    memory = width * height * channels * max(dtype.itemsize, 4)
    return Header("NumPy", width, height, channels == 4, pages, channels, dtype=dtype.name, memory=memory)


def room(max_pixels: int) -> int:
    """Bytes that decoding a picture may take where pictures of up to ``max_pixels`` are wanted."""
    return BYTES_A_PIXEL * max_pixels


def refusal(header: Header, max_pixels: int) -> str | None:
    """Why a picture is refused before it is decoded, as a clause, or None."""
    width, height, memory = header.width, header.height, header.memory
    if width * height > max_pixels:
        return (
            f"claims {width}×{height} pixels, more than the limit of {max_pixels}: "
            "if it is a real picture and memory allows, raise --max-pixels"
        )
    if memory > room(max_pixels):
        return (
            f"claims {width}×{height} pixels that take {amount(memory)} to decode, more than the limit of "
            f"{amount(room(max_pixels))}: if it is a real picture and memory allows, "
            f"add --max-pixels {-(-memory // BYTES_A_PIXEL)}"
        )
    if header.passes * width * height > max(PASSES * max_pixels, _FEW * width * height):
        many = f"{header.passes}" if header.passes <= MOST_PASSES else f"more than {MOST_PASSES}"
        return f"has {many} scans, each over all of its {width}×{height} pixels: save it again"
    return None


def amount(size: int) -> str:
    """A number of bytes for people."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}" if size < 1000 * bytes_ else f"{size // bytes_} {unit}"
    return f"{size} bytes"
