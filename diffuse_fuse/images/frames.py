"""The pages of a TIFF, or the pictures of a .npy, one after the other as frames of equal size."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import header
from diffuse_fuse.images.decode import Picture
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import MAX_PIXELS
from diffuse_fuse.images.quiet import quiet
from diffuse_fuse.images.unpacked import require_honest

_MOST_CHANNELS = 4
_REDUCED = 1  # bit of the tag NewSubfileType: a smaller copy of another page
_WHITE_AT_0 = 0


def count(path: Path) -> int:
    """How many frames a picture file holds: pages of the first one's size and type. 1 for other formats."""
    with _stack(path) as stack:
        return 1 if stack is None else len(stack)


def read(path: Path, max_pixels: int = MAX_PIXELS) -> Iterator[Picture]:
    """The frames, decoded one by one. Raises ImageReadError for damage and for more than ``max_pixels``."""
    with _stack(path) as stack:
        for number in range(0 if stack is None else len(stack)):
            yield stack.picture(number, max_pixels)


@contextmanager
def _stack(path: Path) -> Iterator[Any]:
    """The file opened as a stack, None for what is none; errors of decoders become ImageReadError."""
    try:
        with open(path, "rb") as file:
            found = header.format_of(file.read(header.LONGEST_START))
        if found == "NumPy":
            yield _Array(np.load(path, mmap_mode="r", allow_pickle=False))
        elif found == "TIFF":
            import tifffile  # here: see tiff.py

            with quiet(), tifffile.TiffFile(path) as opened:
                yield _Pages(opened, path)
        else:
            yield None
    except ImageReadError:
        raise
    except Exception as error:  # tifffile has no base class of its errors for damaged files
        text = str(error).strip().split("\n", 1)[0].rstrip(".") or type(error).__name__
        raise ImageReadError(f"{shown(path)} cannot be decoded: {text}.") from error


class _Array:
    """A mapped array N×H×W or N×H×W×3."""

    def __init__(self, array: np.ndarray) -> None:
        colours = array.shape[-1] in (1, 3)
        is_stack = (array.ndim == 4 and colours) or (array.ndim == 3 and not colours and array.shape[2] != 4)
        self._array = array if is_stack else array[None]
        if array.dtype.kind not in "uif":
            raise ValueError(f"values of the type {array.dtype} are not pictures")

    def __len__(self) -> int:
        return len(self._array)

    def picture(self, number: int, max_pixels: int) -> Picture:
        frame = self._array[number]
        _check_size(frame.shape[1], frame.shape[0], max_pixels)
        frame = np.array(frame[..., 0] if frame.ndim == 3 and frame.shape[2] == 1 else frame)
        return _picture("NumPy", frame)


class _Pages:
    """The pages of a TIFF that are as the first one is; where its writer noted one page only, the series behind it."""

    def __init__(self, opened: Any, path: Path) -> None:
        first = opened.pages[0]
        same = [page for page in opened.pages if _alike(page.aspage(), first)]
        self._pages = [page.aspage() for page in same]
        self._file, self._path, self._series = opened, path, None
        if len(self._pages) == 1 and len(opened.pages) == 1 and len(opened.series[0].shape) > len(first.shape):
            series = opened.series[0]
            self._series = tuple(series.shape[: len(series.shape) - len(first.shape)]), series.dataoffset, first
            if series.dataoffset is None:
                raise ValueError("its frames are neither pages nor one block")

    def __len__(self) -> int:
        return len(self._pages) if self._series is None else math.prod(self._series[0])

    def picture(self, number: int, max_pixels: int) -> Picture:
        page = self._pages[0 if self._series else number]
        _check_size(int(page.imagewidth), int(page.imagelength), max_pixels)
        if int(page.samplesperpixel) > _MOST_CHANNELS:
            raise ValueError(f"{page.samplesperpixel} channels are not a picture")
        if self._series:
            _, offset, _ = self._series
            kind = np.dtype(self._file.byteorder + page.dtype.char)
            size = math.prod(page.shape) * kind.itemsize
            array = np.fromfile(self._path, kind, math.prod(page.shape), offset=offset + number * size)
            array = array.reshape(page.shape)
        else:
            array = self._decoded(page)
        if int(page.photometric) == _WHITE_AT_0 and array.dtype.kind == "u":
            array = np.iinfo(array.dtype).max - array
        return _picture("TIFF", array.astype(array.dtype.newbyteorder("="), copy=False))

    def _decoded(self, page: Any) -> np.ndarray:
        if math.prod(page.chunked) > len(page.dataoffsets):  # tifffile would take zeros for them
            raise ValueError("a part of it is missing")
        with open(self._path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            require_honest(page, data)
        array = page.asarray(maxworkers=1)
        return np.moveaxis(array, 0, -1) if array.ndim == 3 and int(page.planarconfig) == 2 else array


def _alike(page: Any, first: Any) -> bool:
    """Whether a page is a frame: of the first one's size and type, and no smaller copy."""
    return page.shape == first.shape and page.dtype == first.dtype and not int(page.subfiletype) & _REDUCED


def _check_size(width: int, height: int, max_pixels: int) -> None:
    claimed = header.Header("", width, height)
    if refused := header.refusal(claimed, max_pixels):
        raise ValueError(f"it {refused}")


def _picture(kind: str, array: np.ndarray) -> Picture:
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype.kind not in "uif" or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] < 3):
        raise ValueError(f"a frame of the shape {array.shape} and the type {array.dtype} is not a picture")
    height, width = array.shape[:2]
    colours = np.ascontiguousarray(array[..., :3]) if array.ndim == 3 else array
    return Picture(colours, header.Header(kind, width, height, dtype=array.dtype.name))
