"""Arrays → the bytes of a picture file. The same array and metadata give the same bytes: no time is noted.

OpenCV encodes PNG, TIFF and BMP (quick, and with 16 bits), Pillow JPEG and WebP; what is said besides the pixels is
put into the containers with Pillow's means.
"""

from __future__ import annotations

import io
import zlib
from typing import Any

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo, putchunk

from diffuse_fuse.images import ifd
from diffuse_fuse.images.metadata import OutputMetadata, directories_for, exif_for, packet_for, place_for, profile_for
from diffuse_fuse.images.provenance import DESCRIPTION

_PNG_HEADER_END = 8 + 25  # signature and IHDR chunk; other chunks may follow from there
_XMP, _ICC = 0x02BC, 0x8773  # tags of a TIFF

# Quality over size: a fused picture is looked at closely, and colour must not bleed (4:4:4).
_JPEG = {"format": "JPEG", "quality": 95, "subsampling": "4:4:4"}
_WEBP = {"format": "WEBP", "quality": 95}

NOTHING = OutputMetadata()


class EncodeError(Exception):
    """The format cannot hold the picture, or what is to be said about it."""


def png(image: np.ndarray, metadata: OutputMetadata = NOTHING, text: dict[str, str] | None = None) -> bytes:
    """uint8 or uint16, H×W or H×W×3 → PNG. ``text``: more text chunks, by their keywords (Latin-1)."""
    encoded = _by_opencv(".png", image)
    chunks = PngInfo()
    icc, exif = profile_for(metadata, _channels(image)), exif_for(metadata, image.shape[1], image.shape[0])
    packet = packet_for(metadata)
    if metadata.provenance and packet:
        text = {"Description": DESCRIPTION, "Software": metadata.provenance.software, **(text or {})}
        chunks.add_itxt("XML:com.adobe.xmp", packet.decode())
    for keyword, value in (text or {}).items():
        chunks.add_text(keyword, value)
    made = io.BytesIO()
    if icc:
        putchunk(made, b"iCCP", b"ICC profile\0\0", zlib.compress(icc))
    if exif:
        putchunk(made, b"eXIf", exif)
    for chunk in chunks.chunks:
        putchunk(made, *chunk[:2])
    return encoded[:_PNG_HEADER_END] + made.getvalue() + encoded[_PNG_HEADER_END:]


def jpeg(image: np.ndarray, metadata: OutputMetadata = NOTHING) -> bytes:
    """uint8 H×W or H×W×3 → JPEG."""
    return _by_pillow(image, metadata, _JPEG)


def webp(image: np.ndarray, metadata: OutputMetadata = NOTHING) -> bytes:
    """uint8 H×W or H×W×3 → WebP."""
    return _by_pillow(image, metadata, _WEBP)


def bmp(image: np.ndarray, metadata: OutputMetadata = NOTHING) -> bytes:
    """uint8 H×W or H×W×3 → BMP, which holds no metadata."""
    return _by_opencv(".bmp", image)


def tiff(image: np.ndarray, metadata: OutputMetadata = NOTHING) -> bytes:
    """uint8 or uint16, H×W or H×W×3 → TIFF, LZW-compressed."""
    encoded = _by_opencv(".tiff", image)
    if metadata == NOTHING:
        return encoded
    plain, _, _ = ifd.read(encoded)
    main, exif, gps = directories_for(metadata, image.shape[1], image.shape[0])
    for tag in list(plain):
        ifd.put(main, tag, plain.tagtype[tag], plain[tag])
    icc = profile_for(metadata, _channels(image))
    if icc:
        ifd.put(main, _ICC, ifd.UNDEFINED, icc)
    if metadata.provenance:
        ifd.put(main, _XMP, ifd.BYTE, packet_for(metadata))
    if place := place_for(metadata, *image.shape[:2]):
        place.put(main)
    return ifd.tobytes(main, {ifd.EXIF: exif, ifd.GPS: gps}, ifd.strips_of(plain, encoded))


ENCODERS = {
    ".png": png,
    ".jpg": jpeg,
    ".jpeg": jpeg,
    ".tif": tiff,
    ".tiff": tiff,
    ".webp": webp,
    ".bmp": bmp,
}
DEEP = frozenset({".png", ".tif", ".tiff"})  # formats that hold 16 bits a channel
BARE = frozenset({".bmp"})  # formats that hold no metadata


def _by_opencv(suffix: str, image: np.ndarray) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else np.ascontiguousarray(image)
    try:
        done, encoded = cv2.imencode(suffix, bgr)
    except cv2.error as error:
        raise EncodeError from error
    if not done:
        raise EncodeError
    return encoded.tobytes()


def _by_pillow(image: np.ndarray, metadata: OutputMetadata, options: dict[str, Any]) -> bytes:
    more: dict[str, Any] = {"icc_profile": profile_for(metadata, _channels(image))}
    exif = exif_for(metadata, image.shape[1], image.shape[0])
    if exif:
        more["exif"] = b"Exif\0\0" + exif
    if metadata.provenance:
        more["xmp"] = packet_for(metadata)
    stream = io.BytesIO()
    try:
        Image.fromarray(image).save(stream, **options, **more)
    except (OSError, ValueError) as error:
        raise EncodeError from error
    return stream.getvalue()


def _channels(image: np.ndarray) -> int:
    return 1 if image.ndim == 2 else image.shape[2]
