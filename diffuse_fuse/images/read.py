"""Picture files → arrays as the fusion wants them. One clear ImageReadError for whatever cannot be used."""

from __future__ import annotations

import os

import numpy as np

from diffuse_fuse.errors import ImageError, ImageReadError
from diffuse_fuse.images import arrays
from diffuse_fuse.images.decode import Picture, ReadBytes, decode, read_bytes
from diffuse_fuse.images.names import SUFFIXES, is_picture_name, shown
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.thermal import asked_range, read_as, to_unit

__all__ = [
    "SUFFIXES",
    "is_picture_name",
    "read_image",
    "read_infrared",
    "read_visible",
    "visible_from_file_array",
    "visible_from_picture",
]


def read_visible(
    path: str | os.PathLike[str], options: LoadOptions = DEFAULT, deep: bool = False, read_file: ReadBytes = read_bytes
) -> np.ndarray:
    """A visible picture → H×W×3, RGB: uint8, or with ``deep`` uint16 where the file has more than 8 bits.

    EXIF orientation is applied, what is transparent becomes black, a grey file is repeated to three equal channels;
    float files must be in [0, 1]. Of a radiometric JPEG it is the photograph inside, if there is one. ``read_file``
    gives the file's bytes. Raises ImageReadError.
    """
    from diffuse_fuse.images import embedded  # which reads by what is here

    data = read_file(path)
    flir = embedded.radiometric(data)
    if flir and (found := flir.visible_bytes()):
        return embedded.photo(found, data, path, options.max_pixels)
    return visible_from_picture(decode(data, path, max_pixels=options.max_pixels), path, deep)


def read_infrared(path: str | os.PathLike[str], options: LoadOptions = DEFAULT) -> np.ndarray:
    """An infrared picture → H×W: uint8 as it is for 8-bit files, else float32 in [0, 1].

    Radiometric files give their temperatures, deeper ones (16-bit counts, float) their values, scaled by
    ``thermal.to_unit``. EXIF orientation is applied; holes (see ``thermal.holes``) continue what is around; three equal
    channels become one, a picture in a known palette its place in that palette, any other colour picture its luma.
    Raises ImageReadError.
    """
    thermal = read_as(read_bytes(path), path, options)
    return to_unit(thermal, asked_range(thermal, options.thermal_range, path), options.polarity == "black-hot")


def read_image(
    path: str | os.PathLike[str], options: LoadOptions = DEFAULT, read_file: ReadBytes = read_bytes
) -> np.ndarray:
    """A picture file → H×W or H×W×3 (RGB) with the dtype of the file, upright, without alpha.

    Works for any path the system knows, in any script. ``read_file`` gives the file's bytes. Raises ImageReadError when
    the file is missing, unreadable, cut off, or no picture.
    """
    return decode(read_file(path), path, options.page, options.max_pixels).array


def visible_from_picture(picture: Picture, path: str | os.PathLike[str], deep: bool = False) -> np.ndarray:
    """A decoded visible picture → H×W×3, what is transparent on black; ``path`` is for the messages.

    uint8, or with ``deep`` uint16 where the file has more than 8 bits. Of a picture whose values use 12 of 16 bits or
    fewer, white is what that many hold.
    """
    array, white = picture.array, picture.header.white
    if white and white < np.iinfo(array.dtype).max:  # OpenCV takes the numbers of a PNM as they are
        scale = np.iinfo(array.dtype).max / white
        array = np.rint(np.clip(array * scale, 0, np.iinfo(array.dtype).max)).astype(array.dtype)
    elif bits := arrays.used_bits(array):
        array = arrays.spread_bits(array, bits)
    if picture.alpha is not None and not picture.on_black:
        array = arrays.over_black(array, picture.alpha)
    return _naming_file(arrays.to_deep_rgb if deep else arrays.to_uint8_rgb, array, path)


def visible_from_file_array(image: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    """What ``read_image`` gave → uint8 H×W×3; ``path`` is for the messages."""
    return _naming_file(arrays.to_uint8_rgb, image, path)


def _naming_file(check, image: np.ndarray, path: str | os.PathLike[str]):
    """Call an array function; its ImageError becomes one that names the file."""
    try:
        return check(image)
    except ImageError as error:
        raise ImageReadError(f"{shown(path)}: {error}") from error
