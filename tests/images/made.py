"""A camera's JPEG with notes and a profile, and where a fused picture could come from, for several tests."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from diffuse_fuse.images.provenance import Provenance, Source

TIME, LATITUDE, LONGITUDE = "2026:11:24 12:34:56", (49.0, 0.0, 36.5), (8.0, 25.0, 12.25)
ARTIST = "Zoë".encode()

PROVENANCE = Provenance(
    "1.2.3",
    "base",
    "ab" * 32,
    {"depth": 16, "thermal_range": (10.5, 40.0), "polarity": "auto", "stretch": False, "align": None},
    {"ir": Source('a "b" <c> & é.png', "cd" * 32), "vis": Source("vis\udce9.png", "ef" * 32)},
)


def srgb() -> bytes:
    """The bytes of a colour profile, always the same: it notes when it was made."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + bytes(12) + profile[36:]


def camera_exif(orientation: int = 1) -> Image.Exif:
    """What a camera writes, also what must not be copied: size, maker's note, an identity, a subject's position."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112], exif[0x0132] = "Maker", "Maker X1", orientation, TIME
    exif[0x013B], exif[0x0131], exif[0x010E] = ARTIST, "firmware 7", "DCIM\\0001"
    inside = {0x9003: TIME, 0x829A: 0.004, 0x9204: -0.5, 0x8827: 400, 0x9000: b"0232", 0xA434: "50 mm", 0xA001: 1}
    unwanted = {0x927C: b"\1" * 3000, 0xA002: 4000, 0xA003: 3000, 0xA420: "id", 0x9214: (5, 6)}
    exif.get_ifd(0x8769).update(inside | unwanted)
    exif.get_ifd(0x8825).update({0: b"\2\3\0\0", 1: "N", 2: LATITUDE, 3: "W", 4: LONGITUDE, 5: b"\0", 6: 112.5})
    return exif


def camera_file(rgb: np.ndarray, form: str = "JPEG", orientation: int = 1, profile: bytes | None = None) -> bytes:
    """``rgb`` in a file with ``camera_exif`` and a profile (sRGB unless given)."""
    stream, exif = io.BytesIO(), camera_exif(orientation)
    options = {"icc_profile": srgb() if profile is None else profile}
    if form == "TIFF":  # of an Exif object, Pillow writes only the main directory into a TIFF
        options["tiffinfo"] = tags = ImageFileDirectory_v2()
        for tag, value in exif.items():
            tags[tag] = value
        for tag in (0x8769, 0x8825):
            tags[tag] = dict(exif.get_ifd(tag))
    else:
        options["exif"] = exif
    if form in ("JPEG", "WEBP"):
        options["quality"] = 100
    Image.fromarray(rgb).save(stream, form, **options)
    return stream.getvalue()


def with_thumbnail(jpeg: bytes) -> bytes:
    """The same JPEG whose EXIF block has a second directory with a thumbnail, as cameras write it."""
    at = jpeg.index(b"Exif\0\0") - 4
    length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
    block = bytearray(jpeg[at + 10 : at + 2 + length])
    order = "little" if block[:2] == b"II" else "big"
    first = int.from_bytes(block[4:8], order)
    end = first + 2 + 12 * int.from_bytes(block[first : first + 2], order)
    block[end : end + 4] = len(block).to_bytes(4, order)
    thumbnail = b"\xff\xd8THUMBNAIL\xff\xd9"
    entries = [(0x0103, 3, 6), (0x0201, 4, len(block) + 2 + 36 + 4), (0x0202, 4, len(thumbnail))]
    block += len(entries).to_bytes(2, order)
    for tag, kind, value in entries:
        size = 2 if kind == 3 else 4
        block += tag.to_bytes(2, order) + kind.to_bytes(2, order) + (1).to_bytes(4, order)
        block += value.to_bytes(size, order).ljust(4, b"\0")
    block += bytes(4) + thumbnail
    payload = b"Exif\0\0" + bytes(block)
    return jpeg[:at] + b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload + jpeg[at + 2 + length :]
