"""What stands beside the pixels in a picture file: its EXIF block, colour profile and XMP packet, found by Pillow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from diffuse_fuse.images import header
from diffuse_fuse.images.quiet import quiet

# the classes themselves and not Image.open, which refuses pictures above a size that dfuse can write
_OPENERS = {"PNG": PngImageFile, "JPEG": JpegImageFile, "WebP": WebPImageFile, "TIFF": TiffImageFile}
_LARGEST_WEBP = 2**29  # bytes; Pillow reads a WebP whole, and no picture that the format can hold has more
_LARGEST_BLOCK = 16_000_000  # bytes; a profile of a printer has some millions


@dataclass(frozen=True)
class Blocks:
    """As they are in the file, not checked; None for what is missing. exif: a TIFF structure; of a TIFF None."""

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None


def read_blocks(file: BinaryIO) -> Blocks:
    """The blocks of a PNG, JPEG, WebP or TIFF; none of another, a damaged or a hostile one. Pixels are not decoded."""
    try:
        found = header.format_of(file.read(header.LONGEST_START))
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if found not in _OPENERS or (found == "WebP" and size > _LARGEST_WEBP):
            return Blocks()
        with quiet():
            info = _OPENERS[found](file).info
    except Exception:  # Pillow has no base class of its errors for damaged files
        return Blocks()
    exif, icc, xmp = (_block(info.get(key)) for key in ("exif", "icc_profile", "xmp"))
    return Blocks(exif.removeprefix(b"Exif\0\0") if exif and found != "TIFF" else None, icc, xmp)


def _block(value: object) -> bytes | None:
    return value if isinstance(value, bytes) and 0 < len(value) <= _LARGEST_BLOCK else None
