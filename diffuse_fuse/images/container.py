"""What stands beside the pixels in a picture file: its EXIF block, colour profile and XMP packet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from diffuse_fuse.images import header, webp
from diffuse_fuse.images.quiet import quiet

# the classes themselves and not Image.open, which refuses pictures above a size that dfuse can write
_OPENERS: dict[str, Callable[[BinaryIO], ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "TIFF": TiffImageFile,
}
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
        if found == "WebP":
            packed = webp.chunks(file, (b"EXIF", b"ICCP", b"XMP "), _LARGEST_BLOCK)
            info: dict[Any, Any] = {
                "exif": packed.get(b"EXIF"),
                "icc_profile": packed.get(b"ICCP"),
                "xmp": packed.get(b"XMP "),
            }
        elif found in _OPENERS:
            file.seek(0)
            with quiet():
                info = _OPENERS[found](file).info
        else:
            return Blocks()
    except Exception:  # Pillow has no base class of its errors for damaged files
        return Blocks()
    exif, icc, xmp = (_block(info.get(key)) for key in ("exif", "icc_profile", "xmp"))
    return Blocks(exif.removeprefix(b"Exif\0\0") if exif and found != "TIFF" else None, icc, xmp)


def _block(value: object) -> bytes | None:
    return value if isinstance(value, bytes) and 0 < len(value) <= _LARGEST_BLOCK else None
