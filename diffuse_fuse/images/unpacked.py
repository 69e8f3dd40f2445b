"""Is a compressed part of a TIFF as large as its page says, and whole? Found out without keeping what is unpacked.

tifffile's decoders unpack whatever is there: a strip of 4 MB that should hold 64×64 pixels can hold 4 GB of zeros.
OpenCV's make a black rest of a strip of 8 bits that is damaged, and say nothing.
"""

from __future__ import annotations

import io
import lzma
import math
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmap import mmap

    import tifffile

_LZW, _DEFLATE, _LZMA, _PACKBITS = 5, (8, 32946), 34925, 32773
_SLICE, _PIECE = 1 << 16, 1 << 20  # bytes given to a decoder and unpacked at once
_MOST_STREAMS, _LARGEST_DICTIONARY = 16, 1 << 28  # of LZMA; writers of TIFFs make one of some megabytes
_FACTOR, _MORE = 2, 1 << 16  # some writers fill up the last strip, or add to it


def require_honest(page: tifffile.TiffPage, data: bytes | mmap) -> None:
    """Raise ValueError where a strip or tile of ``page`` unpacks to more than twice its pixels, and a bit."""
    unpackers = {**dict.fromkeys(_DEFLATE, _inflated), _LZMA: _unlzma, _PACKBITS: _unpackbits}
    sizes = unpackers.get(int(page.compression))
    if sizes is None:
        return
    bits = page.bitspersample
    sample = int(max(bits) if isinstance(bits, tuple) else bits)
    most = _FACTOR * (math.prod(page.chunks) * sample // 8) + _MORE
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        total = 0
        try:
            for size in sizes(memoryview(data)[offset : offset + count]):
                total += size
                if total > most:
                    raise ValueError("a compressed part of it holds more than its pixels")
        except (zlib.error, lzma.LZMAError) as error:
            raise ValueError(f"its compressed data are damaged ({error})") from None


def require_whole(page: tifffile.TiffPage, data: bytes) -> None:
    """Raise ValueError where OpenCV would not notice that a part of ``page``, the first of ``data``, is damaged."""
    bits = page.bitspersample
    if int(max(bits) if isinstance(bits, tuple) else bits) > 8:
        return  # of these it notices
    if int(page.compression) in _DEFLATE:
        require_honest(page, data)
    elif int(page.compression) == _LZW:
        _require_pillow(data)


def _require_pillow(data: bytes) -> None:
    """Pillow stops at a code that there is not, where OpenCV goes on; what it does not know passes."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except UnidentifiedImageError:
        return
    except OSError as error:
        if "decoder error" in str(error):
            raise ValueError("its compressed data are damaged") from None
    except (ValueError, KeyError, TypeError, SyntaxError, Image.DecompressionBombError):
        return


def _inflated(packed: memoryview) -> Iterator[int]:
    unpacker = zlib.decompressobj()
    for start in range(0, len(packed), _SLICE):
        slice_: bytes | memoryview = packed[start : start + _SLICE]
        while slice_:
            yield len(unpacker.decompress(slice_, _PIECE))
            slice_ = unpacker.unconsumed_tail
        if unpacker.eof:
            return
    if packed:
        raise zlib.error("its end is missing")


def _unlzma(packed: memoryview) -> Iterator[int]:
    """Of all streams, one after another, as ``lzma.decompress`` takes them."""
    rest: bytes | memoryview = packed
    for _ in range(_MOST_STREAMS):
        unpacker = lzma.LZMADecompressor(memlimit=_LARGEST_DICTIONARY)
        yield len(unpacker.decompress(rest, _PIECE))
        while not unpacker.eof and not unpacker.needs_input:
            yield len(unpacker.decompress(b"", _PIECE))
        rest = unpacker.unused_data
        if not rest:
            return
    raise ValueError("a compressed part of it is not a single stream")


def _unpackbits(packed: memoryview) -> Iterator[int]:
    position = 0
    while position < len(packed):
        head = packed[position]
        if head == 128:
            position += 1
        else:
            position += 2 + head if head < 128 else 2
            yield head + 1 if head < 128 else 257 - head
