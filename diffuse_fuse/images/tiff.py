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

from diffuse_fuse.images import exif
from diffuse_fuse.images.quiet import quiet

if TYPE_CHECKING:
    import tifffile

_RGB, _MIN_IS_WHITE, _MIN_IS_BLACK, _MASK = 2, 0, 1, 4
_CIELAB, _ICCLAB, _ITULAB = 8, 9, 10
_PHOTOMETRIC, _ORIENTATION, _NODATA = 262, 274, 42113
_MOST_PAGES = 100_000
_MOST_CHANNELS = 16  # three colours, alpha, and what measuring cameras may add; a damaged file claims thousands

Alpha = Literal["multiplied", "separate", "unsaid"]  # do the colours hold it already?
Lab = Literal["CIELAB", "ICCLAB", "ITULAB"]


@dataclass(frozen=True)
class Page:
    """One directory of a TIFF. offset: where it is. inverted: 0 means white. planar: channels one after another.

    alpha: the kind of its last channel, None for a channel of the picture. nodata: GDAL's tag, as a number.
    lab: how L*, a* and b* are stored where the channels are these. mask: the number of the page (from 0) that is 0
    where this one has no value, as GDAL writes it behind the picture.
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
    lab: Lab | None = None
    is_mask: bool = False
    mask: int | None = None


def read_pages(data: bytes) -> list[Page]:
    """All pages, at least one; raises ValueError when there is none or the first cannot be read."""
    with _opened(data) as file:
        pages: list[Page] = []
        seen: set[int] = set()
        for page in file.pages:
            if len(pages) == _MOST_PAGES or page.offset in seen:  # a damaged file can lead in circles
                break
            seen.add(page.offset)
            pages.append(
                Page(
                    int(page.offset),
                    int(page.imagewidth),
                    int(page.imagelength) * max(1, int(page.imagedepth)),
                    page.dtype,
                    _alpha_of(page),
                    page.photometric == _MIN_IS_WHITE,
                    int(page.planarconfig) == 2 and int(page.samplesperpixel) > 1,
                    int(page.samplesperpixel),
                    _nodata_of(page),
                    _lab_of(page),
                    page.photometric == _MASK or bool(int(page.subfiletype) & _MASK),
                )
            )
    if not pages:
        raise ValueError("no page")
    return _without_masks(pages)


def _without_masks(pages: list[Page]) -> list[Page]:
    """The pages up to the last picture, the first of them with the mask of its size that follows all."""
    last = len(pages)
    while last > 1 and pages[last - 1].is_mask:
        last -= 1
    size = (pages[0].width, pages[0].height)
    masks = [number for number in range(last, len(pages)) if (pages[number].width, pages[number].height) == size]
    return [replace(pages[0], mask=masks[0]), *pages[1:last]] if masks else pages[:last]


def with_first_page(data: bytes, page: Page) -> bytes:
    """The same file with ``page`` as its first, for a decoder that reads only that."""
    order = "<" if data[:2] == b"II" else ">"
    changed = bytearray(data)
    if data[2:4] in (b"+\0", b"\0+"):  # BigTIFF
        struct.pack_into(order + "Q", changed, 8, page.offset)
    else:
        struct.pack_into(order + "I", changed, 4, page.offset)
    return bytes(changed)


def with_channels_as_they_are(data: bytes, number: int) -> bytes:
    """The same file whose page ``number`` (from 0) claims to be RGB, so that no decoder converts its three channels."""
    with _opened(data) as file:
        at = file.pages[number].tags[_PHOTOMETRIC].valueoffset
    changed = bytearray(data)
    struct.pack_into("<H" if data[:2] == b"II" else ">H", changed, at, _RGB)
    return bytes(changed)


def decode_page(data: bytes, number: int) -> np.ndarray:
    """Page ``number`` (from 0) → H×W or H×W×C by tifffile, channels last, upright; raises ValueError if it cannot."""
    with _opened(data) as file:
        page = file.pages[number]
        if int(page.samplesperpixel) > _MOST_CHANNELS:
            raise ValueError(f"{page.samplesperpixel} channels are no picture")
        if math.prod(page.chunked) > len(page.dataoffsets):  # tifffile would take zeros for them
            raise ValueError("a part of it is missing")
        array = page.asarray()
        if array.ndim == 3 and int(page.planarconfig) == 2:
            array = np.moveaxis(array, 0, -1)
        orientation = page.tags.valueof(_ORIENTATION, 1)
        return exif.upright(array, int(orientation)) if orientation in range(2, 9) else array


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
