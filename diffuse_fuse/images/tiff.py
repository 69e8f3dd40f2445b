"""The pages of a TIFF: tifffile reads the directories, OpenCV the pixels; what it cannot, tifffile decodes too."""

from __future__ import annotations

import io
import logging
import struct
from dataclasses import dataclass

import numpy as np

_RGB, _MIN_IS_WHITE = 2, 0
_MOST_PAGES = 100_000


@dataclass(frozen=True)
class Page:
    """One directory of a TIFF. offset: where it is. inverted: 0 means white. planar: channels one after another."""

    offset: int
    width: int
    height: int
    dtype: np.dtype | None
    alpha: bool
    inverted: bool
    planar: bool


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
                    page.photometric == _RGB and int(page.samplesperpixel) == 4,
                    page.photometric == _MIN_IS_WHITE,
                    int(page.planarconfig) == 2 and int(page.samplesperpixel) > 1,
                )
            )
    if not pages:
        raise ValueError("no page")
    return pages


def with_first_page(data: bytes, page: Page) -> bytes:
    """The same file with ``page`` as its first, for a decoder that reads only that."""
    order = "<" if data[:2] == b"II" else ">"
    changed = bytearray(data)
    if data[2:4] in (b"+\0", b"\0+"):  # BigTIFF
        struct.pack_into(order + "Q", changed, 8, page.offset)
    else:
        struct.pack_into(order + "I", changed, 4, page.offset)
    return bytes(changed)


def decode_page(data: bytes, number: int) -> np.ndarray:
    """Page ``number`` (from 0) → H×W or H×W×C by tifffile, channels last; raises ValueError if it cannot."""
    with _opened(data) as file:
        page = file.pages[number]
        array = page.asarray()
        if array.ndim == 3 and int(page.planarconfig) == 2:
            array = np.moveaxis(array, 0, -1)
        return array


class _opened:
    """tifffile.TiffFile whose errors of every kind become ValueError, and whose log is quiet."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __enter__(self):
        import tifffile

        logger = logging.getLogger("tifffile")
        self._logger, self._before = logger, logger.disabled
        logger.disabled = True
        try:
            self._file = tifffile.TiffFile(io.BytesIO(self._data))
        except Exception as error:  # tifffile has no base class of its errors for damaged files
            logger.disabled = self._before
            raise ValueError(f"no TIFF: {error}") from error
        return self._file

    def __exit__(self, kind, error, trace) -> None:
        self._file.close()
        self._logger.disabled = self._before
        if error is not None and isinstance(error, Exception) and not isinstance(error, ValueError):
            raise ValueError(f"damaged TIFF: {error}") from error
