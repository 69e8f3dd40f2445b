"""A visible picture's file → the picture, what is odd about it, and what its file says besides.

A radiometric JPEG is no visible picture: what it shows is the camera's screen, thermal data in false colours, with a
logo and a scale. The photograph that it may hold besides is one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from diffuse_fuse.images import arrays, bands, embedded, exif, jpeg, read
from diffuse_fuse.images.decode import decode
from diffuse_fuse.images.metadata import NO_METADATA, SourceMetadata, read_source
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.thermal.dji import read_dji
from diffuse_fuse.images.thermal.flir import Flir


@dataclass(frozen=True)
class Visible:
    """array: H×W×3 RGB, uint8, or uint16 from deeper files. shown: as the file has it, H×W or H×W×3 of any dtype.

    flir: the records of the radiometric JPEG whose photograph it is, else None; thermal_size: (H, W) of the thermal
    picture in that file, upright; zoom: its digital zoom. warnings: sentences. metadata: what the file says besides.
    """

    array: np.ndarray
    shown: np.ndarray
    warnings: tuple[str, ...] = ()
    metadata: SourceMetadata = NO_METADATA
    flir: Flir | None = None
    thermal_size: tuple[int, int] | None = None
    zoom: float = 1.0


def load_visible(data: bytes, path: str | os.PathLike[str], options: LoadOptions = DEFAULT) -> Visible:
    """The visible picture in the bytes of a file; ``path`` is for the messages. Raises ImageReadError.

    Of a radiometric JPEG it is the photograph inside; where there is none, what it shows, with a warning.
    """
    flir = embedded.radiometric(data)
    if flir and (found := flir.visible_bytes()):
        photo = embedded.photo(found, data, path, options.max_pixels)
        width, height = flir.counts_size()
        turned = exif.orientation(data) >= 5
        return Visible(
            photo,
            photo,
            ("The visible file is a radiometric JPEG: dfuse uses the visible picture inside, not the one it shows.",),
            read_source(data, flir.camera, flir.gps, found, options.gps),
            flir,
            (width, height) if turned else (height, width),
            exif.read_notes(data).zoom,
        )
    chosen = options.vis_bands or options.vis_page
    picture = bands.visible_bands(data, path, options) if chosen else decode(data, path, max_pixels=options.max_pixels)
    warnings = []
    if picture.alpha is not None and not picture.on_black and bands.is_picture(picture.alpha):
        picture = replace(picture, alpha=None)
        warnings.append(
            "The visible picture's fourth channel looks like a picture, not like transparency: it is ignored (if it is "
            "the infrared one, give the file alone)."
        )
    if flir or _holds_dji_counts(data):
        warnings.append(
            "The visible file is a radiometric JPEG without a visible picture inside: dfuse uses the one it shows. If "
            "that is the thermal picture, give another file as the visible one."
        )
    if picture.alpha is not None:
        warnings.append("The visible picture is partly transparent: it was put on black there.")
    if many := arrays.odd_channels(picture.header.channels, "visible"):
        warnings.append(many)
    vis = read.visible_from_picture(picture, path, deep=True)
    bits = None if picture.header.white else arrays.used_bits(picture.array)
    if bits:
        warnings.append(f"The visible picture uses {bits} of its 16 bits: {2**bits - 1} is read as white.")
    return Visible(vis, picture.array, tuple(warnings), read_source(data, keep_gps=options.gps))


def _holds_dji_counts(data: bytes) -> bool:
    return data.startswith(jpeg.START) and read_dji(data) is not None
