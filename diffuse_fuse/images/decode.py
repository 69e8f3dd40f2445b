"""The bytes of a picture file → an array in RGB order, upright. Nothing is scaled or reduced here."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import exif, header, tiff
from diffuse_fuse.images.intact import damage
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import MAX_PIXELS

_READABLE = "PNG, JPEG, TIFF, WebP, BMP, JPEG 2000, PGM, PPM and NumPy's .npy are"
_LARGEST_FILE = 2**31 - 1  # bytes; OpenCV takes no more
_AS_IT_IS = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR

_LOGGING = getattr(cv2.utils, "logging", cv2)  # older OpenCV has the two functions at its top level
_SILENT = 0  # LOG_LEVEL_SILENT, which not every version exports


@dataclass(frozen=True)
class Picture:
    """array: H×W or H×W×3 (RGB) of the file's dtype. alpha: H×W in [0, 1], None where all is opaque."""

    array: np.ndarray
    header: header.Header
    alpha: np.ndarray | None = None


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a picture file; raises ImageReadError for whatever is none, before reading all of it."""
    path, name = Path(path), shown(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageReadError(f"{name} is a folder, not a picture.")
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            raise ImageReadError(f"{name} is no ordinary file (a pipe, socket or device): copy the picture to a file.")
        with open(path, "rb") as file:
            start = file.read(header.LONGEST_START)
            if start and header.format_of(start) is None:
                raise ImageReadError(f"{name} is damaged or not a picture that dfuse can read ({_READABLE}).")
            if status.st_size > _LARGEST_FILE:
                raise ImageReadError(f"{name} has {status.st_size / 1e9:.1f} GB: more than 2.1 GB cannot be decoded.")
            return start + file.read(_LARGEST_FILE)
    except FileNotFoundError:
        raise ImageReadError(f"{name} does not exist.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise ImageReadError(f"{name} cannot be opened: {getattr(error, 'strerror', None) or error}.") from error


def decode(
    data: bytes, path: str | os.PathLike[str], page: int = 1, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> Picture:
    """Decode the bytes of a picture file; ``path`` (or ``name``) is for the messages.

    page: which one of a multi-page TIFF or a stack of arrays, from 1. Raises ImageReadError for whatever is cut off,
    damaged, no picture, or has more than ``max_pixels`` pixels.
    """
    name = name or shown(path)
    wrong = damage(data)
    if wrong:
        raise ImageReadError(f"{name} {wrong}: get the file again from where it came from.")
    found = header.read_header(data, page)
    if found is None:
        raise _no_picture(name)
    if not 1 <= page <= found.pages:
        has = f"{found.pages} pages" if found.pages > 1 else "one page"
        raise ImageReadError(f"{name} has {has}: there is no page {page}.")
    if found.width < 1 or found.height < 1:
        raise ImageReadError(f"{name} is empty: it has {found.width}×{found.height} pixels.")
    if found.width * found.height > max_pixels:
        raise ImageReadError(
            f"{name} claims {found.width}×{found.height} pixels, and more than {max_pixels} are refused: "
            "if it is a real picture and memory allows, raise --max-pixels."
        )
    try:
        array, alpha = _decoders.get(found.format, _decode_other)(data, found, page)
    except cv2.error as error:
        raise ImageReadError(f"{name} cannot be decoded: {_first_line(error.err or error)}.") from error
    except ValueError as error:
        raise ImageReadError(f"{name} cannot be decoded: {_first_line(error)}.") from error
    if array is None:
        raise _no_picture(name)
    if alpha is not None and alpha.min() >= 1:
        alpha = None
    return Picture(array, found, alpha)


def _decode_other(data: bytes, found: header.Header, _: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    if found.alpha:
        image = opencv_image(data, cv2.IMREAD_UNCHANGED)
        if image is not None and image.ndim == 3 and image.shape[2] == 4:
            # alpha is only decoded when OpenCV does not turn the picture upright, so that is done here
            image = exif.upright(image, exif.orientation(data))
            return _rgb(image), _unit_alpha(image[..., 3])
    return _rgb(opencv_image(data, _AS_IT_IS)), None


def _decode_tiff(data: bytes, found: header.Header, number: int) -> tuple[np.ndarray, np.ndarray | None]:
    page = tiff.read_pages(data)[number - 1]
    if found.alpha and page.dtype in (np.uint8, np.uint16) and not page.planar:
        image = opencv_image(tiff.with_first_page(data, page), cv2.IMREAD_UNCHANGED)
        if image is not None and image.ndim == 3 and image.shape[2] == 4:
            return _rgb(image), _unit_alpha(image[..., 3])
    image = None if page.planar else opencv_image(tiff.with_first_page(data, page), _AS_IT_IS)
    if image is not None:
        # OpenCV turns 8-bit pictures with white at 0 the right way round, but not deeper ones
        if page.inverted and image.dtype == np.uint16:
            image = np.iinfo(np.uint16).max - image
        return _rgb(image), None
    array = tiff.decode_page(data, number - 1)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] < 3):
        raise ValueError(f"a page of the shape {array.shape} is no picture")
    return _plain_dtype(array[..., :3] if array.ndim == 3 else array), None


def _decode_npy(data: bytes, found: header.Header, number: int) -> tuple[np.ndarray, np.ndarray | None]:
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if found.pages > 1 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        array = array[number - 1]
    array = _plain_dtype(array)
    if array.ndim == 2:
        return array, None
    if array.shape[2] == 4:
        return np.ascontiguousarray(array[..., :3]), _unit_alpha(array[..., 3])
    return np.ascontiguousarray(array[..., 0] if array.shape[2] == 1 else array), None


_decoders = {"TIFF": _decode_tiff, "NumPy": _decode_npy}


def opencv_image(data: bytes, flags: int) -> np.ndarray | None:
    """BGR(A) as OpenCV gives it, or None, without its log; not cv2.imread: on Windows it cannot open every name."""
    with _quiet_opencv():
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def _rgb(image: np.ndarray | None) -> np.ndarray | None:
    # by slicing, because cvtColor does not know every dtype that a TIFF can hold
    return np.ascontiguousarray(image[..., 2::-1]) if image is not None and image.ndim == 3 else image


def _unit_alpha(alpha: np.ndarray) -> np.ndarray:
    if alpha.dtype.kind == "f":
        return np.clip(np.nan_to_num(alpha.astype(np.float32)), 0, 1)
    return alpha.astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)


def _plain_dtype(array: np.ndarray) -> np.ndarray:
    """Native byte order; bool as 0 and 255, half floats as single ones."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind not in "uif":
        raise ValueError(f"values of the type {array.dtype} are no picture")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _no_picture(name: str) -> ImageReadError:
    return ImageReadError(f"{name} is damaged or not a picture that dfuse can read ({_READABLE}).")


def _first_line(error: object) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".") or type(error).__name__


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """OpenCV logs each failed decode to stderr; the exception raised here says it once and better."""
    before = _LOGGING.getLogLevel()
    _LOGGING.setLogLevel(_SILENT)
    try:
        yield
    finally:
        _LOGGING.setLogLevel(before)
