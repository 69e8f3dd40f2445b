"""What cameras note in their files: orientation, camera, time, place. Read by Pillow, never trusted."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffuse_fuse.images import webp
from diffuse_fuse.images.quiet import quiet

_ORIENTATION, _MAKE, _MODEL, _TIME = 0x0112, 0x010F, 0x0110, 0x0132
_LARGEST = 1 << 20  # bytes of a WebP's block
_EXIF_FOLDER, _GPS_FOLDER, _TIME_TAKEN, _ZOOM = 0x8769, 0x8825, 0x9003, 0xA404
_LARGEST_ZOOM = 100.0
_TIME_FORMS = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d:\d\d:\d\d.*)")


@dataclass(frozen=True)
class Notes:
    """orientation: 1 to 8 as in EXIF. gps: (latitude, longitude) in degrees, north and east positive.
    zoom: the digital zoom, at least 1."""

    orientation: int = 1
    camera: str | None = None
    time: str | None = None
    gps: tuple[float, float] | None = None
    zoom: float = 1.0


def read_notes(data: bytes) -> Notes:
    """The notes of a picture file; whatever is missing or damaged is left out."""
    try:
        tags, inner, gps = _tags(data)
    except Exception:  # Pillow has no base class of its errors for damaged files
        return Notes()
    orientation = tags.get(_ORIENTATION)
    return Notes(
        orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
        _camera(_text(tags.get(_MAKE)), _text(tags.get(_MODEL))),
        _text(inner.get(_TIME_TAKEN)) or _text(tags.get(_TIME)),
        _place(gps),
        _zoom(inner.get(_ZOOM)),
    )


def iso_time(text: str | None) -> str | None:
    """A camera's time as ISO 8601 has it, with a blank: 2026-11-24 12:34:56; of another form, as it is."""
    found = _TIME_FORMS.fullmatch(text or "")
    return "{}-{}-{} {}".format(*found.groups()) if found else text


def orientation(data: bytes) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) when there is none."""
    return read_notes(data).orientation


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror H×W or H×W×C as the EXIF orientation says (EXIF 2.32, tag 0x0112)."""
    if orientation in (2, 4):
        image = image[:, ::-1] if orientation == 2 else image[::-1]
    elif orientation in (5, 7):
        image = np.swapaxes(image, 0, 1)
        image = image if orientation == 5 else image[::-1, ::-1]
    else:
        image = np.rot90(image, {3: 2, 6: -1, 8: 1}.get(orientation, 0))
    return np.ascontiguousarray(image)


def _tags(data: bytes) -> tuple[Any, Any, Any]:
    from PIL import Image

    with quiet():
        if block := _block(data):
            tags = Image.Exif()
            tags.load(b"Exif\0\0" + block.removeprefix(b"Exif\0\0"))
            return dict(tags), dict(tags.get_ifd(_EXIF_FOLDER)), dict(tags.get_ifd(_GPS_FOLDER))
        with Image.open(io.BytesIO(data)) as file:
            tags = Image.Image.getexif(file)  # of a PNG, its own method decodes the picture first
            return dict(tags), dict(tags.get_ifd(_EXIF_FOLDER)), dict(tags.get_ifd(_GPS_FOLDER))


def _block(data: bytes) -> bytes | None:
    """The EXIF block of a PNG, also one behind the pixels, or of a WebP; None elsewhere.

    Raises KeyError for a WebP without one.
    """
    if data.startswith(b"RIFF"):
        return webp.chunks(io.BytesIO(data), (b"EXIF",), _LARGEST)[b"EXIF"]
    position = 8
    while data.startswith(b"\x89PNG") and position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"eXIf":
            return data[position + 8 : position + 8 + length]
        position += 12 + length
    return None


def _zoom(value: object) -> float:
    """What a file says that was enlarged; 1 where it says nothing, 0 (none) or less than 1, which is none either."""
    try:
        zoom = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return 1.0
    return zoom if 1 <= zoom <= _LARGEST_ZOOM else 1.0


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("latin1")
    if not isinstance(value, str):
        return None
    return " ".join("".join(char if char.isprintable() else " " for char in value).split()) or None


def _camera(make: str | None, model: str | None) -> str | None:
    if model and not any(char.isalnum() for char in model):  # some cameras write "*"
        model = None
    if make and model:
        return model if model.lower().startswith(make.lower().split()[0]) else f"{make} {model}"
    return model or make


def _place(gps: dict[int, Any]) -> tuple[float, float] | None:
    """GPSLatitude and GPSLongitude, each degrees, minutes and seconds."""
    try:
        degrees = [sum(float(part) / 60**power for power, part in enumerate(gps[tag])) for tag in (2, 4)]
        latitude = -degrees[0] if str(gps.get(1, "N")).upper().startswith("S") else degrees[0]
        longitude = -degrees[1] if str(gps.get(3, "E")).upper().startswith("W") else degrees[1]
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    sound = math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180
    return (latitude, longitude) if sound else None
