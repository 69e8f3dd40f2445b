"""A thermal picture file → its values, with the unit they have, and what is odd about them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from diffuse_fuse.errors import ImageError, ImageReadError
from diffuse_fuse.images import arrays, bands, exif, fff, headerless, jpeg
from diffuse_fuse.images.decode import Picture, checked_header, decode
from diffuse_fuse.images.header import LONGEST_START, format_of
from diffuse_fuse.images.intact import damage
from diffuse_fuse.images.names import is_headerless, shown
from diffuse_fuse.images.options import MAX_PIXELS, LoadOptions, ThermalUnit
from diffuse_fuse.images.thermal import holes, palette, units
from diffuse_fuse.images.thermal.dji import is_dji_thermal, read_dji
from diffuse_fuse.images.thermal.flir import Flir, FlirError, read_flir

Unit = Literal["levels", "counts", "°C", "values"]

_MOST_WITHOUT = 0.5  # of the counts of a radiometric file may have no temperature: with more, its constants are wrong


@dataclass(frozen=True)
class Thermal:
    """values: H×W; uint8 for "levels" (8-bit grey), else any numeric dtype, finite, in the unit said.

    holes: bool H×W, where there is no measurement and the values continue what is around; None without any.
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
    holes: np.ndarray | None = None

    @property
    def measured(self) -> np.ndarray:
        """The values without those of holes: H×W, or N where there are holes."""
        return self.values if self.holes is None else self.values[~self.holes]

    def wide_holes(self) -> np.ndarray | None:
        """Those holes that are large enough to be seen, bool H×W; None without any."""
        wide = None if self.holes is None else holes.large(self.holes)
        return wide if wide is not None and wide.any() else None


def read_thermal(
    data: bytes,
    path: str | os.PathLike[str],
    page: int = 1,
    max_pixels: int = MAX_PIXELS,
    nodata: float | None = None,
    decoded: Picture | None = None,
    named: str | None = None,
    unit: ThermalUnit | None = None,
) -> Thermal:
    """The thermal picture in the bytes of a file: radiometric data where there are any, else the picture itself.

    ``path`` is for the messages. ``nodata``: a value that means no measurement, besides those that are found;
    ``decoded``: the picture, where it is decoded already; ``named``: the palette that it is painted in; ``unit``: what
    its numbers mean. The last two, too, are only for files that do not say so. Raises ImageReadError.
    """
    if data.startswith(fff.STARTS):
        return _frame(data, path, page, max_pixels, nodata)
    if data.startswith(jpeg.START) and not damage(data):
        radiometric = _flir(data, path, max_pixels, nodata) or _dji(data, path, max_pixels, nodata)
        if radiometric:
            return radiometric
    picture = decoded or decode(data, path, page, max_pixels)
    thermal = from_picture(picture, path, nodata, named, unit)
    if picture.header.pages > 1 and page == 1:
        text = f"The infrared file holds {picture.header.pages} pictures: dfuse uses number 1 (--page chooses another)."
        thermal = replace(thermal, warnings=(text, *thermal.warnings))
    if data.startswith(jpeg.START) and is_dji_thermal(data):
        text = (
            "The DJI file holds no raw thermal data that dfuse can read: the picture is used as shown "
            "(dji-thermal-cli and DJI's own SDK write temperatures as TIFF, which dfuse reads)."
        )
        return replace(thermal, warnings=(text, *thermal.warnings))
    return thermal


def read_as(data: bytes, path: str | os.PathLike[str], options: LoadOptions, decoded: Picture | None = None) -> Thermal:
    """``read_thermal`` as the options of a run say."""
    if is_headerless(path) and (options.raw or format_of(data[:LONGEST_START]) is None):
        decoded = headerless.picture(data, path, options.raw, options.page, options.max_pixels)
        return from_picture(decoded, path, options.nodata, options.palette, options.thermal_unit)
    if options.ir_band is not None:
        picture = bands.infrared_band(data, path, options)
        return from_picture(picture, path, options.nodata, options.palette, options.thermal_unit)
    return read_thermal(
        *(data, path, options.page, options.max_pixels, options.nodata, decoded),
        named=options.palette,
        unit=options.thermal_unit,
    )


def from_picture(
    picture: Picture,
    path: str | os.PathLike[str],
    nodata: float | None = None,
    named: str | None = None,
    unit: ThermalUnit | None = None,
) -> Thermal:
    """A decoded picture as thermal values; false colours are turned back where that is possible."""
    array = picture.array
    hidden = None
    if picture.alpha is not None:  # what is half transparent holds a measurement, unless mixed with black
        hidden = picture.alpha < 1 if picture.on_black else picture.alpha <= 0
    if array.ndim == 3 and array.dtype == np.uint8 and palette.is_coloured(array):
        coloured = _from_colours(array, None, named)
        return replace(coloured, **_without_holes(coloured.values, (), hidden, coloured.warnings))
    told = tuple(value for value in (picture.header.nodata, nodata) if value is not None)
    whole = _without_holes(arrays.to_one_channel(array), told, hidden)
    values, warnings = whole["values"], whole["warnings"]
    if many := arrays.odd_channels(picture.header.channels, "infrared"):
        warnings = (many, *warnings)
    try:
        arrays.require_finite(values, "infrared")
    except ImageError as error:
        raise ImageReadError(f"{shown(path)}: {error}") from error
    if values.dtype.kind == "f" and float(np.abs(values).max()) > holes.LARGEST:
        raise ImageReadError(
            f"{shown(path)} holds values of {np.abs(values).max():.1g}, which no camera measures: check the file."
        )
    names: dict[str, Unit] = {"u": "counts", "i": "counts", "f": "values"}
    name = "levels" if values.dtype == np.uint8 else names[values.dtype.kind]
    if means := unit or picture.header.unit:
        if name == "levels":
            raise ImageReadError(
                f"{shown(path)} holds 8-bit grey levels, which have no unit: leave --thermal-unit out."
            )
        values, name = units.celsius(values, means), "°C"
        if odd := units.implausible(values if whole["holes"] is None else values[~whole["holes"]], means):
            warnings = (odd, *warnings)
    return Thermal(values, name, picture=array, warnings=warnings, holes=whole["holes"])


def _without_holes(
    values: np.ndarray, told: tuple[float, ...], hidden: np.ndarray | None = None, warnings: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What a ``Thermal`` says of values with holes: ``values``, filled, ``holes``, and ``warnings`` with one more."""
    found = holes.find(values, told, hidden)
    if found is None:
        return {"values": values, "holes": None, "warnings": warnings}
    filled = holes.filled(values, found.mask)
    return {"values": filled, "holes": found.mask, "warnings": (*warnings, found.sentence)}


def _from_colours(array: np.ndarray, own: tuple[str, np.ndarray] | None, named: str | None = None) -> Thermal:
    given = palette.named(named) if named else None
    found = given or palette.find(array, own)
    if found is None:
        return Thermal(
            arrays.to_one_channel(array),
            "levels",
            picture=array,
            warnings=(
                "The colours of the infrared picture are of no palette that dfuse knows: dfuse uses their brightness, "
                "which need not grow with the temperature. Save the picture in white-hot grey, or give --palette a "
                "picture of its colour bar.",
            ),
        )
    values, foreign = palette.invert(array, found.colours)
    text = f"The infrared picture is in false colours ({found.name}): they were converted back into one channel"
    if named == palette.REVERSED:
        values, text = 255 - values, text + ", with hot and cold swapped"
    if foreign >= 0.02:
        text += f"; {foreign:.0%} of it has other colours (text, a scale, outlines), and its values are guesses"
    return Thermal(values, "levels", palette=found.name, picture=array, warnings=(text + ".",))


def _flir(data: bytes, path: str | os.PathLike[str], max_pixels: int, nodata: float | None) -> Thermal | None:
    try:
        flir = read_flir(data)
        if flir is None or not flir.records:
            return None
        if flir.raw_kind == "unknown":  # the picture on top is all there is
            picture = decode(data, path, 1, max_pixels)
            own = (flir.palette_name or "the file's own", flir.palette) if flir.palette is not None else None
            coloured = picture.array.ndim == 3 and palette.is_coloured(picture.array)
            as_shown = _from_colours(picture.array, own) if coloured else from_picture(picture, path, nodata)
            text = "The FLIR file holds no raw thermal data that dfuse can decode: the picture is used as shown."
            return replace(as_shown, flir=flir, warnings=(text, *as_shown.warnings))
        width, height = flir.counts_size()
        if width * height > max_pixels:
            raise FlirError(f"its raw thermal data claim {width}×{height} pixels")
        counts = exif.upright(flir.counts(), exif.orientation(data))
    except FlirError as error:
        raise ImageReadError(f"{shown(path)} cannot be used: {error}.") from error
    return _of_counts(flir, counts, nodata)


def _frame(data: bytes, path: str | os.PathLike[str], page: int, max_pixels: int, nodata: float | None) -> Thermal:
    """A frame of an FFF file, which has no picture on top."""
    found = checked_header(data, shown(path), page, max_pixels)
    try:
        flir = read_flir(data, page)
        assert flir is not None  # its header said so
        thermal = _of_counts(flir, flir.counts(), nodata)
    except FlirError as error:
        raise ImageReadError(f"{shown(path)} cannot be used: {error}.") from error
    if found.pages > 1 and page == 1:
        text = f"The infrared file holds {found.pages} frames: dfuse uses number 1 (--page chooses another)."
        thermal = replace(thermal, warnings=(text, *thermal.warnings))
    return thermal


def _of_counts(flir: Flir, counts: np.ndarray, nodata: float | None) -> Thermal:
    """Counts, upright, as temperatures where the file's constants give them."""
    told = () if nodata is None else (nodata,)
    celsius = arrays.in_bands(flir.planck.celsius, counts) if flir.planck else None
    if celsius is not None and np.isfinite(celsius).mean() >= 1 - _MOST_WITHOUT:
        dead = holes.stuck(counts, ~np.isfinite(celsius))
        hidden = dead if dead.any() else None
        return Thermal(unit="°C", flir=flir, span=_span(flir), **_without_holes(celsius, told, hidden))
    text = "The FLIR file has no constants that give temperatures: its raw counts are used."
    if celsius is not None:
        text = "The FLIR file's constants give no temperature for most of its counts: its raw counts are used."
    return Thermal(unit="counts", flir=flir, span=flir.span, **_without_holes(counts, told, None, (text,)))


def _span(flir: Flir) -> tuple[float, float] | None:
    """The camera's span in °C; None where the file does not say it, or a limit has no temperature."""
    if flir.span is None or flir.planck is None:
        return None
    low, high = map(float, flir.planck.celsius(np.array(flir.span)))
    return (low, high) if low < high else None  # False for NaN, too


def _dji(data: bytes, path: str | os.PathLike[str], max_pixels: int, nodata: float | None) -> Thermal | None:
    counts = read_dji(data)
    if counts is None or counts.size > max_pixels:
        return None
    counts = exif.upright(counts, exif.orientation(data))
    return Thermal(unit="counts", **_without_holes(counts, () if nodata is None else (nodata,)))
