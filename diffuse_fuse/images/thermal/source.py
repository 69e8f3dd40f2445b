"""A thermal picture file → its values, with the unit they have, and what is odd about them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from diffuse_fuse.errors import ImageError, ImageReadError
from diffuse_fuse.images import arrays, exif, jpeg
from diffuse_fuse.images.decode import Picture, decode
from diffuse_fuse.images.intact import damage
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import MAX_PIXELS
from diffuse_fuse.images.thermal import palette
from diffuse_fuse.images.thermal.dji import is_dji_thermal, read_dji
from diffuse_fuse.images.thermal.flir import Flir, FlirError, read_flir

Unit = Literal["levels", "counts", "°C", "values"]

_LARGEST = 1e30  # beyond that, differences of values overflow
_NO_DATA = -9999.0  # what many programs write into floats where there is nothing


@dataclass(frozen=True)
class Thermal:
    """values: H×W; uint8 for "levels" (8-bit grey), else any numeric dtype, finite, in the unit said.

    flir: the records of a FLIR file. palette: the name of the false colours that were turned back into one channel.
    picture: the picture that the values were made of, as decoded; None for radiometric data. span: the values between
    which the camera's screen went from black to white, where the file says so.
    """

    values: np.ndarray
    unit: Unit
    flir: Flir | None = None
    palette: str | None = None
    picture: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    span: tuple[float, float] | None = None


def read_thermal(
    data: bytes,
    path: str | os.PathLike[str],
    page: int = 1,
    max_pixels: int = MAX_PIXELS,
    decoded: Picture | None = None,
) -> Thermal:
    """The thermal picture in the bytes of a file: radiometric data where there are any, else the picture itself.

    ``path`` is for the messages; ``decoded``: the picture, where it is decoded already. Raises ImageReadError.
    """
    if data.startswith(jpeg.START) and not damage(data):
        radiometric = _flir(data, path, max_pixels) or _dji(data, path, max_pixels)
        if radiometric:
            return radiometric
    picture = decoded or decode(data, path, page, max_pixels)
    thermal = from_picture(picture, path)
    if picture.header.pages > 1 and page == 1:
        text = f"The infrared file holds {picture.header.pages} pictures: number 1 is used (--page chooses another)."
        thermal = replace(thermal, warnings=(text, *thermal.warnings))
    if data.startswith(jpeg.START) and is_dji_thermal(data):
        text = (
            "The DJI file holds no raw thermal data that dfuse can read: the picture is used as shown "
            "(dji-thermal-cli and DJI's own SDK write temperatures as TIFF, which dfuse reads)."
        )
        return replace(thermal, warnings=(text, *thermal.warnings))
    return thermal


def from_picture(picture: Picture, path: str | os.PathLike[str]) -> Thermal:
    """A decoded picture as thermal values; false colours are turned back where that is possible."""
    array = picture.array
    if array.ndim == 3 and array.dtype == np.uint8 and palette.is_coloured(array):
        return _from_colours(array, None)
    values = arrays.to_one_channel(array)
    values, warnings = _filled(values, picture.header.nodata)
    if many := arrays.odd_channels(picture.header.channels, "infrared"):
        warnings = (many, *warnings)
    try:
        arrays.require_finite(values, "infrared")
    except ImageError as error:
        raise ImageReadError(f"{shown(path)}: {error}") from error
    if values.dtype.kind == "f" and float(np.abs(values).max()) > _LARGEST:
        raise ImageReadError(f"{shown(path)} holds values of {np.abs(values).max():.1g}: no camera measures that.")
    units: dict[str, Unit] = {"u": "counts", "i": "counts", "f": "values"}
    unit = "levels" if values.dtype == np.uint8 else units[values.dtype.kind]
    return Thermal(values, unit, picture=array, warnings=warnings)


def _filled(values: np.ndarray, nodata: float | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Values whose holes have the median of the others, with a warning; as they are without any, or nothing else.

    Holes: NaN, what no camera measures, and where maps and masked pictures have none, by their file's word or custom.
    """
    if values.dtype.kind == "f":
        holes = ~(np.abs(values) <= _LARGEST) | (values == _NO_DATA)
    elif values.dtype != np.uint8 and nodata is not None:
        holes = np.zeros(values.shape, bool)
    else:
        return values, ()
    if nodata is not None:
        holes |= values == nodata
    if not holes.any() or holes.all():
        return values, ()
    filled = values.copy()
    filled[holes] = np.median(values[~holes])
    share = f"{holes.mean():.1%}" if holes.mean() >= 0.001 else "less than 0.1%"
    return filled, (f"The infrared picture has no value in {share} of its pixels: they got the median of the others.",)


def _from_colours(array: np.ndarray, own: tuple[str, np.ndarray] | None) -> Thermal:
    found = palette.find(array, own)
    if found is None:
        return Thermal(
            arrays.to_one_channel(array),
            "levels",
            picture=array,
            warnings=(
                "The infrared picture is in colours of no palette that dfuse knows: their brightness is used, which "
                "need not grow with the temperature; save it in white-hot grey.",
            ),
        )
    values, foreign = palette.invert(array, found.colours)
    text = f"The infrared picture is in false colours ({found.name}): they were turned back into one channel"
    if foreign >= 0.02:
        text += f"; {foreign:.0%} of it has other colours (text, a scale, outlines) and was guessed"
    return Thermal(values, "levels", palette=found.name, picture=array, warnings=(text + ".",))


def _flir(data: bytes, path: str | os.PathLike[str], max_pixels: int) -> Thermal | None:
    try:
        flir = read_flir(data)
        if flir is None or not flir.records:
            return None
        if flir.raw_kind == "unknown":  # the picture on top is all there is
            picture = decode(data, path, 1, max_pixels)
            own = (flir.palette_name or "the file's own", flir.palette) if flir.palette is not None else None
            coloured = picture.array.ndim == 3 and palette.is_coloured(picture.array)
            as_shown = _from_colours(picture.array, own) if coloured else from_picture(picture, path)
            text = "The FLIR file holds no raw thermal data that dfuse can decode: the picture is used as shown."
            return replace(as_shown, flir=flir, warnings=(text, *as_shown.warnings))
        width, height = flir.counts_size()
        if width * height > max_pixels:
            raise FlirError(f"its raw thermal data claim {width}×{height} pixels")
        counts = exif.upright(flir.counts(), exif.orientation(data))
    except FlirError as error:
        raise ImageReadError(f"{shown(path)} cannot be used: {error}.") from error
    celsius = arrays.in_bands(flir.planck.celsius, counts) if flir.planck else None
    if celsius is not None and np.isfinite(celsius).all():
        return Thermal(celsius, "°C", flir, span=_span(flir))
    text = "The FLIR file has no constants that give temperatures: its raw counts are used."
    return Thermal(counts, "counts", flir, warnings=(text,), span=flir.span)


def _span(flir: Flir) -> tuple[float, float] | None:
    """The camera's span in °C; None where the file does not say it, or a limit has no temperature."""
    if flir.span is None or flir.planck is None:
        return None
    low, high = map(float, flir.planck.celsius(np.array(flir.span)))
    return (low, high) if low < high else None  # False for NaN, too


def _dji(data: bytes, path: str | os.PathLike[str], max_pixels: int) -> Thermal | None:
    counts = read_dji(data)
    if counts is None or counts.size > max_pixels:
        return None
    return Thermal(exif.upright(counts, exif.orientation(data)), "counts")
