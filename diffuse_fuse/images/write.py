"""Arrays → picture files. A file is there whole or not at all, also after Ctrl-C or a full disk."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.files import write_atomically

# Quality over size: a fused picture is looked at closely, and colour must not bleed (4:4:4).
_JPEG = [
    cv2.IMWRITE_JPEG_QUALITY, 95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]  # fmt: skip
_ENCODER_OPTIONS: dict[str, list[int]] = {
    ".png": [],
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": [],
    ".tiff": [],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
    ".bmp": [],
}
SUFFIXES = tuple(_ENCODER_OPTIONS)


def write_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write uint8 H×W×3 (RGB) or H×W in the format of the suffix; folders on the way are made.

    An existing file is replaced, in one step and only by a complete picture. Raises ImageWriteError for a
    suffix that is not in SUFFIXES, a picture that the format cannot hold, and whatever the file system
    objects to.
    """
    path = Path(path)
    require_suffix(path)
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ImageWriteError(f"{path}: only uint8 H×W or H×W×3 can be written, not {image.dtype} {image.shape}.")
    suffix = path.suffix.lower()
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else np.ascontiguousarray(image)
    try:
        done, encoded = cv2.imencode(suffix, bgr, _ENCODER_OPTIONS[suffix])
    except cv2.error:
        done = False
    if not done:
        height, width = image.shape[:2]
        raise ImageWriteError(
            f"{path}: a picture of {width}×{height} pixels cannot be stored as {suffix[1:].upper()}: try PNG or TIFF."
        )
    write_bytes(path, encoded.tobytes())


def require_suffix(path: Path) -> None:
    """Raise ImageWriteError unless the suffix of ``path`` is one that can be written."""
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        what = f"the suffix {path.suffix} is unknown" if path.suffix else "a suffix is missing"
        raise ImageWriteError(f"{path}: {what}; use one of {known}.")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """``write_atomically`` that raises ImageWriteError with what the file system says."""
    try:
        write_atomically(path, data)
    except OSError as error:
        raise ImageWriteError(f"{path} cannot be written: {error.strerror or error}.") from error
