"""Picture files → arrays in RGB order. One clear ImageReadError for whatever cannot be used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from diffuse_fuse.errors import ImageError, ImageReadError
from diffuse_fuse.images import arrays
from diffuse_fuse.images.intact import damage

# What counts as a picture when a folder is searched. A file named on the command line is judged by its
# content.
SUFFIXES = frozenset({
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".jp2",
    ".pgm", ".ppm", ".pnm",
})  # fmt: skip

_LOGGING = getattr(cv2.utils, "logging", cv2)  # older OpenCV has the two functions at its top level
_SILENT = 0  # LOG_LEVEL_SILENT, which not every version exports


def is_picture_name(name: str) -> bool:
    """True for a visible file name with a picture's suffix: not ``Thumbs.db``, nor macOS' ``._photo.jpg``."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES


def read_visible(path: str | os.PathLike[str]) -> np.ndarray:
    """A visible picture → uint8 H×W×3, RGB.

    EXIF orientation is applied, alpha is dropped, a grey file is repeated to three equal channels; 16 bits
    are reduced to 8; float files must be in [0, 1]. Raises ImageReadError.
    """
    return visible_from_file_array(read_image(path), path)


def read_infrared(path: str | os.PathLike[str]) -> np.ndarray:
    """An infrared picture → H×W: uint8 as it is for 8-bit files, else float32 in [0, 1].

    Deeper files (16-bit counts, float temperatures) are stretched by ``arrays.stretch_counts``. EXIF
    orientation is applied; alpha is dropped; three equal channels become one, a colour picture its luma.
    Raises ImageReadError.
    """
    return infrared_from_file_array(read_image(path), path)


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """A picture file → H×W or H×W×3 (RGB) with the dtype of the file, upright, without alpha.

    Works for any path the system knows, in any script. Raises ImageReadError when the file is missing,
    unreadable, cut off, or no picture.
    """
    path = Path(path)
    data = _bytes_of(path)
    wrong = damage(data)
    if wrong:
        raise ImageReadError(f"{path} {wrong}: get the file again from where it came from.")
    try:
        with _quiet_opencv():
            # not cv2.imread: on Windows it cannot open names outside the system's code page
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    except cv2.error as error:  # for example more pixels than OpenCV allows
        raise ImageReadError(f"{path} cannot be decoded: {error.err or error}.") from error
    if image is None:
        raise ImageReadError(
            f"{path} is damaged or not a picture that dfuse can read "
            "(PNG, JPEG, TIFF, WebP, BMP, JPEG 2000, PGM and PPM are)."
        )
    # by slicing, because cvtColor does not know every dtype that a TIFF can hold
    return np.ascontiguousarray(image[..., 2::-1]) if image.ndim == 3 else image


def visible_from_file_array(image: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    """What ``read_image`` gave → uint8 H×W×3; ``path`` is for the messages."""
    return _naming_file(arrays.to_uint8_rgb, image, path)


def infrared_from_file_array(image: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    """What ``read_image`` gave → uint8 H×W, or float32 H×W in [0, 1]; ``path`` is for the messages."""
    image = arrays.to_one_channel(image)
    if image.dtype == np.uint8:
        return image
    _naming_file(arrays.require_finite, image, path, "infrared")
    return arrays.stretch_counts(image)


def _naming_file(check, image: np.ndarray, path: str | os.PathLike[str], *args):
    """Call an array function; its ImageError becomes one that names the file."""
    try:
        return check(image, *args)
    except ImageError as error:
        raise ImageReadError(f"{path}: {error}") from error


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageReadError(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise ImageReadError(f"{path} is a folder, not a picture.") from None
    except OSError as error:
        raise ImageReadError(f"{path} cannot be opened: {error.strerror or error}.") from error


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """OpenCV logs each failed decode to stderr; the exception raised here says it once and better."""
    before = _LOGGING.getLogLevel()
    _LOGGING.setLogLevel(_SILENT)
    try:
        yield
    finally:
        _LOGGING.setLogLevel(before)
