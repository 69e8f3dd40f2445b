"""What a picture file is, in facts, and what ``dfuse fuse`` would do with it: ``dfuse inspect``."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import arrays, bands, exif, headerless
from diffuse_fuse.images.decode import Picture, checked_header, decode, read_bytes
from diffuse_fuse.images.header import LONGEST_START, Header, amount, format_of
from diffuse_fuse.images.metadata import profile_name, read_source
from diffuse_fuse.images.names import is_headerless, shown
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.provenance import provenance_in
from diffuse_fuse.images.thermal.flir import Flir
from diffuse_fuse.images.thermal.source import Thermal, read_as
from diffuse_fuse.images.thermal.window import crowded, robust_range, shown_range

LOOKED_AT = 400_000_000  # bytes that decoding may take: 66 million pixels of a JPEG
_RADIOMETRIC = {"°C": "temperatures", "counts": "raw counts"}


@dataclass(frozen=True)
class Embedded:
    """A picture inside the file; ``kind`` is "thermal" or "visible"."""

    kind: str
    width: int
    height: int
    detail: str


@dataclass(frozen=True)
class Facts:
    """One file. width, height: upright, of the picture on top. content: "grey", "colour" or "false colours (NAME)".

    thermal: unit, lowest and highest value, the share of pixels that measured nothing (holes), which are in none of
    these, the robust range, and the range of the camera's screen, or None.
    channels: 4 where the fourth is infrared. time: as ISO 8601 has it. orientation: as in EXIF. gps: latitude and
    longitude in degrees. zoom: the digital zoom. map: a GeoTIFF's place (see ``Place.as_dict``). pose: how a drone and
    its gimbal stood, by XMP's names, in degrees and metres. profile: the name of the colour profile.
    fused: what a picture that dfuse fused was made of (see ``Provenance.as_dict``, and its digest). as_infrared,
    as_visible: what ``fuse`` would do. Of pictures too large to be looked at, content and thermal are None, and width
    to alpha as the header says.
    """

    path: str
    format: str
    width: int
    height: int
    bits: int | None
    dtype: str | None
    channels: int
    content: str | None
    alpha: bool
    pages: int
    thermal: dict[str, Any] | None
    embedded: tuple[Embedded, ...]
    camera: str | None
    time: str | None
    orientation: int
    gps: tuple[float, float] | None
    zoom: float
    map: dict[str, Any] | None
    pose: dict[str, float]
    profile: str | None
    fused: dict[str, Any] | None
    as_infrared: str
    as_visible: str
    warnings: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``dfuse inspect --json`` prints them."""
        return asdict(self)


def describe(path: str | os.PathLike[str], options: LoadOptions = DEFAULT) -> Facts:
    """Read a file and say what it is. Raises ImageReadError, with the sentence that ``fuse`` would end with.

    Pixels are decoded once, for what only they tell; not where that takes more than ``LOOKED_AT`` bytes.
    """
    return describe_bytes(read_bytes(path), path, options)


def describe_bytes(data: bytes, path: str | os.PathLike[str], options: LoadOptions = DEFAULT) -> Facts:
    """``describe`` for the bytes of a file; ``path`` is what it is called, and is not opened."""
    if is_headerless(path) and (options.raw or format_of(data[:LONGEST_START]) is None):
        picture = headerless.picture(data, path, options.raw, options.page, options.max_pixels)
        return _facts(path, data, picture, options)
    found = checked_header(data, shown(path), options.page, options.max_pixels)
    if found.memory > LOOKED_AT:
        return _from_header(path, data, found)
    return _facts(path, data, decode(data, path, options.page, options.max_pixels), options)


def _facts(path: str | os.PathLike[str], data: bytes, picture: Picture, options: LoadOptions) -> Facts:
    """What a decoded picture is."""
    both, said = _both(data, path, options)
    fourth = both is not None and both.options.ir_band is not None and options.ir_band is None
    thermal, found = read_as(data, path, both.options if both and fourth else options, picture), picture.header
    array, transparent = picture.array, picture.alpha is not None and not fourth
    embedded = _embedded(thermal, data, path, options.max_pixels)
    return Facts(
        width=array.shape[1],
        height=array.shape[0],
        bits=array.dtype.itemsize * 8,
        dtype=str(array.dtype),
        channels=4 if fourth else 1 if array.ndim == 2 else 3,
        content=_content(array, thermal),
        alpha=transparent,
        thermal=_thermal(thermal),
        embedded=embedded,
        as_infrared=("its fourth channel: " if fourth else "") + _as_infrared(thermal),
        as_visible=_as_visible(array, transparent, embedded),
        warnings=(
            *thermal.warnings,
            *said,
            *([narrow] if (narrow := crowded(thermal)) else []),
        ),
        **_noted(path, data, found, thermal.flir),
    )


def _both(data: bytes, path: str | os.PathLike[str], options: LoadOptions) -> tuple[bands.Both | None, tuple[str, ...]]:
    """How a file holds both pictures, where it does, and what is said of one that does or could."""
    try:
        both = None if is_headerless(path) else bands.find_both(data, path, options)
    except ImageReadError as error:
        return None, (f"Given alone: {error}",)
    return both, () if both is None else (f"Given alone: {both.note}",)


def _from_header(path: str | os.PathLike[str], data: bytes, found: Header) -> Facts:
    """What is known of a picture whose pixels are not decoded."""
    noted = _noted(path, data, found, None)
    turned = noted["orientation"] >= 5
    unseen = "unknown, since its pixels were not decoded"
    return Facts(
        width=found.height if turned else found.width,
        height=found.width if turned else found.height,
        bits=np.dtype(found.dtype).itemsize * 8 if found.dtype else None,
        dtype=found.dtype,
        channels=1 if found.channels in (1, 2) else 3,
        content=None,
        alpha=found.alpha,
        thermal=None,
        embedded=(),
        as_infrared=unseen,
        as_visible=unseen,
        warnings=(
            f"Its pixels were not decoded, since that takes {amount(found.memory)}: these facts are from its header.",
        ),
        **noted,
    )


def _noted(path: str | os.PathLike[str], data: bytes, found: Header, flir: Flir | None) -> dict[str, Any]:
    """The facts that no pixel is needed for."""
    notes, source = exif.read_notes(data), read_source(data)
    return {
        "path": os.fspath(path),
        "format": found.format + (" (FLIR radiometric)" if flir else ""),
        "pages": found.pages,
        "camera": notes.camera or (flir.camera if flir else None),
        "time": exif.iso_time(notes.time),
        "orientation": notes.orientation,
        "gps": notes.gps or (flir.gps if flir else None),
        "zoom": notes.zoom,
        "map": source.place and source.place.as_dict(),
        "pose": {each.name: float(each.value) for each in source.pose},
        "profile": profile_name(source.icc),
        "fused": _fused(data),
    }


def _fused(data: bytes) -> dict[str, Any] | None:
    provenance = provenance_in(data)
    return {**provenance.as_dict(), "digest": provenance.digest()} if provenance else None


def _content(array: np.ndarray, thermal: Thermal) -> str:
    if arrays.is_grey(array):
        return "grey"
    named = thermal.palette or (thermal.flir and thermal.flir.palette_name)
    return f"false colours ({named})" if named else "colour"


def _thermal(thermal: Thermal) -> dict[str, Any]:
    low, high = robust_range(thermal)
    return {
        "unit": thermal.unit,
        "min": round(float(thermal.measured.min()), 3),
        "max": round(float(thermal.measured.max()), 3),
        "holes": 0.0 if thermal.holes is None else round(float(thermal.holes.mean()), 6),
        "robust_range": (round(low, 3), round(high, 3)),
        "camera_span": thermal.span and tuple(round(value, 3) for value in thermal.span),
        "used_bits": int(thermal.measured.max()).bit_length() if thermal.values.dtype.kind == "u" else None,
    }


def _embedded(thermal: Thermal, data: bytes, path: str | os.PathLike[str], max_pixels: int) -> tuple[Embedded, ...]:
    if thermal.picture is not None or thermal.unit not in _RADIOMETRIC:
        return ()
    height, width = thermal.values.shape
    found = [Embedded("thermal", width, height, _RADIOMETRIC[thermal.unit])]
    if inside := thermal.flir and thermal.flir.visible_bytes():
        name = f"The visible picture in {shown(path)}"
        try:
            visible = checked_header(inside, name, max_pixels=max_pixels)
        except ImageReadError as error:
            found.append(Embedded("visible", 0, 0, str(error)))
        else:
            turned = (exif.orientation(inside) >= 5) != (exif.orientation(data) >= 5)
            width, height = (visible.height, visible.width) if turned else (visible.width, visible.height)
            alignment = thermal.flir.alignment
            detail = "no alignment"
            if alignment:
                detail = f"scale {alignment.scale:.3g}, offset {alignment.dx:+d} {alignment.dy:+d}"
            found.append(Embedded("visible", width, height, detail))
    return tuple(found)


def _as_infrared(thermal: Thermal) -> str:
    low, high = shown_range(thermal)
    if thermal.unit == "levels":
        if thermal.palette:
            return f"read as positions in the palette {thermal.palette}, 8-bit"
        is_colour = thermal.picture is not None and not arrays.is_grey(thermal.picture)
        return "read as brightness, 8-bit" if is_colour else "used unchanged, 8-bit"
    what = "temperatures" if thermal.unit == "°C" else "raw values"
    unit = " °C" if thermal.unit == "°C" else ""
    return f"{what}, {low:.6g} to {high:.6g}{unit} stretched from black to white"


def _as_visible(array: np.ndarray, alpha: bool, embedded: tuple[Embedded, ...]) -> str:
    if any(picture.kind == "visible" and picture.width for picture in embedded):
        return "not needed: given alone, the file brings its own visible picture"
    if embedded:
        return "its picture is the thermal one: give another file as the visible picture"
    if array.dtype.kind == "f" and not (array.min() >= 0 and array.max() <= 1):
        return "refused: floats must be in [0, 1]"
    if array.dtype.kind not in "uf" or (array.dtype.itemsize > 2 and array.dtype.kind == "u"):
        return f"refused: a visible picture cannot have values of the type {array.dtype}"
    text = "grey, so the fused picture is grey" if arrays.is_grey(array) else "in colour"
    return text + (", transparent parts on black" if alpha else "")
