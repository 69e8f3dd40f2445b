"""What a picture file is, in facts, and what ``dfuse fuse`` would do with it: ``dfuse inspect``."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import arrays, exif
from diffuse_fuse.images.decode import decode, read_bytes
from diffuse_fuse.images.embedded import visible_of
from diffuse_fuse.images.metadata import profile_name, read_source
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.provenance import read_provenance
from diffuse_fuse.images.thermal.source import Thermal, read_thermal
from diffuse_fuse.images.thermal.window import robust_range, shown_range

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

    thermal: unit, lowest and highest value, the robust range, and the range of the camera's screen, or None.
    orientation: as in EXIF. gps: latitude and longitude in degrees. profile: the name of the colour profile.
    fused: what a picture that dfuse fused was made of (see ``Provenance.as_dict``, and its digest). as_infrared,
    as_visible: what ``fuse`` would do.
    """

    path: str
    format: str
    width: int
    height: int
    bits: int
    dtype: str
    channels: int
    content: str
    alpha: bool
    pages: int
    thermal: dict[str, Any]
    embedded: tuple[Embedded, ...]
    camera: str | None
    time: str | None
    orientation: int
    gps: tuple[float, float] | None
    profile: str | None
    fused: dict[str, Any] | None
    as_infrared: str
    as_visible: str
    warnings: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``dfuse inspect --json`` prints them."""
        return asdict(self)


def describe(path: str | os.PathLike[str], options: LoadOptions = DEFAULT) -> Facts:
    """Read a file and say what it is. Raises ImageReadError, with the sentence that ``fuse`` would end with."""
    data = read_bytes(path)
    picture = decode(data, path, options.page, options.max_pixels)
    thermal = read_thermal(data, path, options.page, options.max_pixels)
    notes = exif.read_notes(data)
    flir = thermal.flir
    array = picture.array
    embedded = _embedded(thermal, data, path, options.max_pixels)
    return Facts(
        path=os.fspath(path),
        format=picture.header.format + (" (FLIR radiometric)" if flir else ""),
        width=array.shape[1],
        height=array.shape[0],
        bits=array.dtype.itemsize * 8,
        dtype=str(array.dtype),
        channels=1 if array.ndim == 2 else 3,
        content=_content(array, thermal),
        alpha=picture.alpha is not None,
        pages=picture.header.pages,
        thermal=_thermal(thermal),
        embedded=embedded,
        camera=notes.camera or (flir.camera if flir else None),
        time=notes.time,
        orientation=notes.orientation,
        gps=notes.gps or (flir.gps if flir else None),
        profile=profile_name(read_source(data).icc),
        fused=_fused(path),
        as_infrared=_as_infrared(thermal),
        as_visible=_as_visible(array, picture.alpha is not None, embedded),
        warnings=thermal.warnings,
    )


def _fused(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    provenance = read_provenance(path)
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
        "min": round(float(thermal.values.min()), 3),
        "max": round(float(thermal.values.max()), 3),
        "robust_range": (round(low, 3), round(high, 3)),
        "camera_span": thermal.span and tuple(round(value, 3) for value in thermal.span),
        "used_bits": int(thermal.values.max()).bit_length() if thermal.values.dtype.kind == "u" else None,
    }


def _embedded(thermal: Thermal, data: bytes, path: str | os.PathLike[str], max_pixels: int) -> tuple[Embedded, ...]:
    if thermal.picture is not None or thermal.unit not in _RADIOMETRIC:
        return ()
    height, width = thermal.values.shape
    found = [Embedded("thermal", width, height, _RADIOMETRIC[thermal.unit])]
    if thermal.flir and thermal.flir.visible_bytes():
        try:
            visible = visible_of(thermal, data, path, max_pixels)
        except ImageReadError as error:
            found.append(Embedded("visible", 0, 0, str(error)))
        else:
            alignment = thermal.flir.alignment
            detail = "no alignment"
            if alignment:
                detail = f"scale {alignment.scale:.3g}, offset {alignment.dx:+d} {alignment.dy:+d}"
            found.append(Embedded("visible", visible.shape[1], visible.shape[0], detail))
    return tuple(found)


def _as_infrared(thermal: Thermal) -> str:
    low, high = shown_range(thermal)
    if thermal.unit == "levels":
        if thermal.palette:
            return f"its place in the palette {thermal.palette} is taken, 8-bit"
        is_colour = thermal.picture is not None and not arrays.is_grey(thermal.picture)
        return "its brightness is taken, 8-bit" if is_colour else "taken as it is, 8-bit"
    what = "temperatures" if thermal.unit == "°C" else "raw values"
    unit = " °C" if thermal.unit == "°C" else ""
    return f"{what}, {low:.6g} to {high:.6g}{unit} stretched from black to white"


def _as_visible(array: np.ndarray, alpha: bool, embedded: tuple[Embedded, ...]) -> str:
    if any(picture.kind == "visible" and picture.width for picture in embedded):
        return "needs none: its own visible picture is used when the file is given alone"
    if embedded:
        return "its picture is the thermal one: give another file as the visible one"
    if array.dtype.kind == "f" and not (array.min() >= 0 and array.max() <= 1):
        return "refused: floats must be in [0, 1]"
    if array.dtype.kind not in "uf" or (array.dtype.itemsize > 2 and array.dtype.kind == "u"):
        return f"refused: values of the type {array.dtype} are none of a visible picture"
    text = "grey, so the fused picture is grey" if arrays.is_grey(array) else "in colour"
    return text + (", on black where it is transparent" if alpha else "")
