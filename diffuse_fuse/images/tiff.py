"""The pages of a TIFF: tifffile reads the directories, OpenCV the pixels; what it cannot, tifffile decodes too."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from diffuse_fuse.images import exif, raw, unpacked
from diffuse_fuse.images.quiet import quiet

if TYPE_CHECKING:
    import tifffile

_RGB, _MIN_IS_WHITE, _MIN_IS_BLACK, _MASK = 2, 0, 1, 4
_CIELAB, _ICCLAB, _ITULAB = 8, 9, 10
_SUBFILE, _PHOTOMETRIC, _ORIENTATION, _NODATA = 254, 262, 274, 42113
_SHORT, _LONG = 3, 4  # types of values
_FIRST_TAGS = 32  # of a directory, in which its kind is looked for; tags are sorted, and these come early
_MOST_MASKS = 32  # behind a picture that are not counted as pages
_MOST_PAGES = 1_000_000  # that are counted
_MOST_CHANNELS = 16  # three colours, alpha, and what measuring cameras may add; a damaged file claims thousands
_WORKERS = 2  # parts that tifffile unpacks at once
# What tifffile may unpack: ``require_honest`` looks at the parts before, or the codec, of the package imagecodecs where
# that is installed, stops at their size. Its other codecs unpack pictures, whose own size nothing bounds.
_TIFFFILE_COMPRESSIONS = (1, 5, 8, 32773, 32946, 34925, 34926, 50000)  # none, LZW, deflate, PackBits, LZMA, Zstandard
_OPENCV_COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946)  # none, fax, LZW, JPEG, deflate, PackBits

Alpha = Literal["multiplied", "separate", "unsaid"]  # do the colours hold it already?
Lab = Literal["CIELAB", "ICCLAB", "ITULAB"]


@dataclass(frozen=True)
class Page:
    """One directory of a TIFF. offset: where it is. inverted: 0 means white. planar: channels one after another.

    alpha: the kind of its last channel, None for a channel of the picture. nodata: GDAL's tag, as a number.
    lab: how L*, a* and b* are stored where the channels are these. compression: its number. memory: bytes that decoding
    takes. mask: the page that is 0 where this one has no value, as GDAL writes it behind the picture.
    """

    offset: int
    width: int
    height: int
    dtype: np.dtype | None
    alpha: Alpha | None
    inverted: bool
    planar: bool
    channels: int
    nodata: float | None
    lab: Lab | None
    compression: int
    memory: int
    mask: Page | None = None


def read_page(data: bytes, number: int) -> tuple[Page, int]:
    """Page ``number`` (from 1; the last one where there are fewer) and how many there are.

    The other pages are only counted; smaller copies, and masks behind the last picture, are none. Of the masks, the one
    of the first picture's size is its mask. Raises ValueError when there is none or it cannot be read.
    """
    offsets = raw.full_pictures(data, directories(data))
    pictures = _without_masks(data, offsets)
    found = _page_at(data, pictures[min(number, len(pictures)) - 1])
    if number == 1:
        for offset in offsets[len(pictures) :]:
            mask = _page_at(data, offset, by_tifffile=True)
            if (mask.width, mask.height) == (found.width, found.height):
                with_mask = found.memory + mask.memory + 4 * found.width * found.height  # and as alpha
                return replace(found, memory=with_mask, mask=mask), len(pictures)
    return found, len(pictures)


def _page_at(data: bytes, offset: int, by_tifffile: bool = False) -> Page:
    with _opened(_beginning_at(data, offset)) as file:
        page = file.pages.first
        planar = int(page.planarconfig) == 2 and int(page.samplesperpixel) > 1
        by_tifffile = by_tifffile or planar or _alpha_of(page) is not None or not _is_for_opencv(page)
        return Page(
            int(page.offset),
            int(page.imagewidth),
            int(page.imagelength) * max(1, int(page.imagedepth)),
            page.dtype,
            _alpha_of(page),
            page.photometric == _MIN_IS_WHITE,
            planar,
            int(page.samplesperpixel),
            _nodata_of(page),
            _lab_of(page),
            int(page.compression),
            _memory(page, by_tifffile),
        )


def _without_masks(data: bytes, offsets: list[int]) -> list[int]:
    """The directories up to the last one of a picture; the first one always."""
    last = len(offsets)
    while last > max(1, len(offsets) - _MOST_MASKS) and _is_mask(data, offsets[last - 1]):
        last -= 1
    return offsets[:last]


def _is_mask(data: bytes, offset: int) -> bool:
    """Whether a directory says that it is a mask. Read without tifffile, which takes long for thousands of them."""
    order, big = _order_and_size(data)
    entry = struct.Struct(order + ("HHQQ" if big else "HHII"))
    count = struct.Struct(order + ("Q" if big else "H"))
    first, (entries,) = offset + count.size, count.unpack_from(data, offset)
    for at in range(first, first + entry.size * min(entries, _FIRST_TAGS), entry.size):
        if at + entry.size > len(data):
            return False
        tag, kind, _, _ = entry.unpack_from(data, at)
        form = {_SHORT: "H", _LONG: "I"}.get(kind)
        if tag in (_PHOTOMETRIC, _SUBFILE) and form:
            (value,) = struct.unpack_from(order + form, data, at + entry.size - (8 if big else 4))
            if (value == _MASK) if tag == _PHOTOMETRIC else (value & _MASK):
                return True
    return False


def with_first_page(data: bytes, page: Page) -> bytes:
    """The same file with ``page`` as its first, for a decoder that reads only that."""
    return _beginning_at(data, page.offset)


def with_channels_as_they_are(data: bytes, page: Page) -> bytes:
    """The same file whose ``page`` claims to be RGB, so that no decoder converts its three channels."""
    with _opened(_beginning_at(data, page.offset)) as file:
        at = file.pages.first.tags[_PHOTOMETRIC].valueoffset
    changed = bytearray(data)
    struct.pack_into("<H" if data[:2] == b"II" else ">H", changed, at, _RGB)
    return bytes(changed)


def require_whole(data: bytes) -> None:
    """Raise ValueError where OpenCV would make a picture of the first page although it is damaged."""
    with _opened(data) as file:
        unpacked.require_whole(file.pages.first, data)


def require_known(page: Page) -> None:
    """Raise ValueError for a compression that nothing here knows: OpenCV makes a black picture of some."""
    if page.compression not in (*_OPENCV_COMPRESSIONS, *_TIFFFILE_COMPRESSIONS):
        raise _unknown(page.compression)


def _unknown(compression: int) -> ValueError:
    import tifffile

    kind = tifffile.COMPRESSION(compression).name if compression in tifffile.COMPRESSION.__members__.values() else ""
    return ValueError(f"its compression, {kind or f'number {compression}'}, is not read here: save it with deflate")


def decode_page(data: bytes, chosen: Page, room: int) -> np.ndarray:
    """A page → H×W or H×W×C by tifffile, channels last, upright; raises ValueError if it cannot, or not in ``room``."""
    with _opened(_beginning_at(data, chosen.offset)) as file:
        page = file.pages.first
        if int(page.samplesperpixel) > _MOST_CHANNELS:
            raise ValueError(f"{page.samplesperpixel} channels are not a picture")
        if math.prod(page.chunked) > len(page.dataoffsets):  # tifffile would take zeros for them
            raise ValueError("a part of it is missing")
        if _memory(page, by_tifffile=True) > room:
            raise ValueError("it is damaged, or of a kind that takes too much memory")
        if int(page.compression) not in _TIFFFILE_COMPRESSIONS:
            raise _unknown(chosen.compression)
        unpacked.require_honest(page, data)
        array = page.asarray(maxworkers=_WORKERS)
        if array.ndim == 3 and int(page.planarconfig) == 2:
            array = np.moveaxis(array, 0, -1)
        orientation = page.tags.valueof(_ORIENTATION, 1)
        return exif.upright(array, int(orientation)) if orientation in range(2, 9) else array


def directories(data: bytes) -> list[int]:
    """Where the directories are, in their order, at least one; a chain that leads in circles ends there."""
    order, big = _order_and_size(data)
    count, pointer, entry = (
        (struct.Struct(order + "Q"), struct.Struct(order + "Q"), 20)
        if big
        else (struct.Struct(order + "H"), struct.Struct(order + "I"), 12)
    )
    found: dict[int, None] = {}
    (offset,) = pointer.unpack_from(data, 8 if big else 4)
    while offset and offset not in found and len(found) < _MOST_PAGES:
        if offset + count.size > len(data):
            break
        found[offset] = None
        at = offset + count.size + entry * count.unpack_from(data, offset)[0]
        if at + pointer.size > len(data):
            break
        (offset,) = pointer.unpack_from(data, at)
    if not found:
        raise ValueError("no page")
    return list(found)


def _order_and_size(data: bytes) -> tuple[str, bool]:
    """The byte order, for ``struct``, and whether offsets have 64 bits."""
    return "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+")


def _beginning_at(data: bytes, offset: int) -> bytes:
    """The same file with the directory at ``offset`` as its first; the very same where it is that already."""
    order, big = _order_and_size(data)
    form, at = (order + "Q", 8) if big else (order + "I", 4)
    if struct.unpack_from(form, data, at)[0] == offset:
        return data
    changed = bytearray(data)
    struct.pack_into(form, changed, at, offset)
    return bytes(changed)


def _is_for_opencv(page: tifffile.TiffPage) -> bool:
    """Whether OpenCV's libtiff can decompress the page and knows its type of values."""
    return int(page.compression) in _OPENCV_COMPRESSIONS and page.dtype != np.float16


def _memory(page: tifffile.TiffPage, by_tifffile: bool) -> int:
    """Bytes that decoding takes: the picture, its compressed parts unpacked, and what it is turned into."""
    width, height, depth = int(page.imagewidth), int(page.imagelength), max(1, int(page.imagedepth))
    channels, pixels = int(page.samplesperpixel), width * height * depth
    bits = page.bitspersample
    sample = max(1, -(-int(max(bits) if isinstance(bits, tuple) else bits) // 8))
    rows = min(height, int(page.rowsperstrip or height))
    part = int(page.tilewidth) * int(page.tilelength) * max(1, int(page.tiledepth)) if page.is_tiled else width * rows
    if not by_tifffile:  # of 8-bit pictures libtiff makes RGBA; what is no RGB file is turned into RGB by a copy
        return pixels * channels * sample + part * max(4, channels * sample)
    array = pixels * channels * sample
    # unpacked and laid in order; PackBits first as a list of numbers
    parts = {1: 1, 32773: 10}.get(int(page.compression), 2) * min(_WORKERS, max(1, len(page.dataoffsets)))
    spread = part * sample * (1 if int(page.planarconfig) == 2 else channels) * parts
    turned = pixels * channels * 4 if page.dtype == np.float16 else 0
    if _alpha_of(page):
        turned += pixels * ((channels - 1) * sample + 4)
    elif int(page.planarconfig) == 2 and channels > 1:
        turned += array
    return array + spread + turned


def _alpha_of(page: tifffile.TiffPage) -> Alpha | None:
    colours = {_RGB: 3, _MIN_IS_BLACK: 1, _MIN_IS_WHITE: 1}.get(page.photometric)
    if colours is None or int(page.samplesperpixel) != colours + 1:
        return None
    kinds: dict[int, Alpha] = {1: "multiplied", 2: "separate"}
    return kinds.get(int(page.extrasamples[0]), "unsaid") if page.extrasamples else "unsaid"


def _lab_of(page: tifffile.TiffPage) -> Lab | None:
    kinds: dict[int, Lab] = {_CIELAB: "CIELAB", _ICCLAB: "ICCLAB", _ITULAB: "ITULAB"}
    return kinds.get(page.photometric) if int(page.samplesperpixel) > 1 else None  # L* alone is a grey picture


def _nodata_of(page: tifffile.TiffPage) -> float | None:
    text = page.tags.valueof(_NODATA)
    try:
        return float(text.strip(" \0")) if isinstance(text, str) else None
    except ValueError:
        return None


@contextmanager
def _opened(data: bytes) -> Iterator[tifffile.TiffFile]:
    """tifffile.TiffFile whose errors of every kind become ValueError, and whose log is quiet."""
    import tifffile  # here: with its codecs a thirtieth of what dfuse imports, for pictures that are no TIFF

    try:
        with quiet(), tifffile.TiffFile(io.BytesIO(data)) as file:
            yield file
    except ValueError:
        raise
    except Exception as error:  # tifffile has no base class of its errors for damaged files
        raise ValueError(f"damaged TIFF: {error}") from error
