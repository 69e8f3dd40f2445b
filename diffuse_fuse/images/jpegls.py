"""JPEG-LS, in which some FLIR cameras store their counts, by the extra ``jpegls`` (pillow-jpls, which wraps CharLS)."""

from __future__ import annotations

import importlib.util
import io

import numpy as np

ADVICE = "pip install 'diffuse-fuse[jpegls]' reads them, up to Python 3.12"
_START, _FRAME = b"\xff\xd8\xff", b"\xff\xf7"


def available() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("pillow_jpls") is not None


def size(data: bytes) -> tuple[int, int] | None:
    """(width, height) of a JPEG-LS picture of one channel with more than 8 bits; None for anything else."""
    at = 2 if data.startswith(_START) else -1
    while at > 0 and at + 10 <= len(data) and data[at] == 0xFF:
        if data[at : at + 2] == _FRAME:
            bits, channels = data[at + 4], data[at + 9]
            height, width = (int.from_bytes(data[start : start + 2], "big") for start in (at + 5, at + 7))
            return (width, height) if 8 < bits <= 16 and channels == 1 else None
        if not 0xE0 <= data[at + 1] <= 0xFE:
            return None
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def decode(data: bytes) -> np.ndarray:
    """The picture, uint16 H×W. Raises ValueError for a damaged one. The extra must be there."""
    from pillow_jpls.jpls_image_file import JplsImageFile

    try:
        with JplsImageFile(io.BytesIO(data)) as image:
            array = np.asarray(image)
    except Exception as error:  # Pillow's plugins have no base class of their errors
        raise ValueError(str(error)) from error
    if array.shape[::-1] != size(data) or array.dtype.itemsize < 2:
        raise ValueError("the picture has another size than it says")
    return array.astype(np.uint16)
