"""One file that holds both pictures of a pair: four channels, bands, pages. Which is which, and each by itself.

Numbers count from 1, as in programs for maps. Where every page of a file has one channel, its pages are its bands.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import cv2
import numpy as np

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import exif, header, npy, tiff
from diffuse_fuse.images.decode import Picture, checked_header, decode, opencv_image
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import LoadOptions

_FORMATS = ("PNG", "TIFF", "NumPy", "JPEG 2000", "BMP", "WebP")
_EXTREME = 0.5  # of the pixels of a fourth channel: where more are 0 or full, it is transparency
_TOLD_APART = 6  # bands: of so many, what is left over is neither one band nor three
_LEVELS = 16  # that a picture has at least
_ROUGH = 0.1  # of the pixels of a picture that no smooth gradient has
_STEP = 1.5 / 255


@dataclass(frozen=True)
class Both:
    """options: with the bands and pages filled in that tell the two pictures of a file apart. note: a sentence."""

    options: LoadOptions
    note: str


def with_thermal_channel(data: bytes, path: str | os.PathLike[str], options: LoadOptions) -> Both | None:
    """How to read an infrared file that holds a visible picture too, in four channels; None for any other.

    Raises ImageReadError.
    """
    if options.ir_band is not None:
        return None
    found = checked_header(data, shown(path), options.page, options.max_pixels)
    if found.format not in _FORMATS or _count(data, found) != 4:
        return None
    if not _is_measured(_channels(data, shown(path), found, options)[..., 3]):
        return None
    note = "The infrared file has four channels: the fourth is read as infrared."
    return Both(replace(options, ir_band=4), note)


def find_both(data: bytes, path: str | os.PathLike[str], options: LoadOptions) -> Both | None:
    """How a file given alone holds both pictures; None for one that does not. Raises ImageReadError.

    Four channels are RGB and infrared; of two pages the one in colour is the visible picture. All else the options
    must say: a sentence asks for them.
    """
    name = shown(path)
    found = checked_header(data, name, options.page, options.max_pixels)
    if found.format not in _FORMATS:
        return None
    bands = _count(data, found)
    if options.vis_page is not None or (found.pages > 1 and not options.ir_band and not options.vis_bands):
        return _by_pages(data, name, found, options)
    if options.ir_band or options.vis_bands:
        return _by_bands(name, bands, options)
    if bands == 4:
        if not _is_measured(_channels(data, name, found, options)[..., 3]):
            return None
        note = "The file has four channels: the first three are read as the visible picture, the fourth as infrared."
        return Both(replace(options, ir_band=4, vis_bands=(1, 2, 3)), note)
    if bands > 4:
        raise ImageReadError(
            f"{name} has {bands} bands: name the infrared and the visible ones, such as --ir-band {bands} "
            "--vis-bands 3,2,1."
        )
    return None


def infrared_band(data: bytes, path: str | os.PathLike[str], options: LoadOptions) -> Picture:
    """The band that ``options.ir_band`` names, as a picture of one channel. Raises ImageReadError."""
    assert options.ir_band is not None
    return _of_bands(data, shown(path), options, (options.ir_band,), options.page)


def visible_bands(data: bytes, path: str | os.PathLike[str], options: LoadOptions) -> Picture:
    """The picture on ``options.vis_page``, or of its bands ``options.vis_bands``, or both. Raises ImageReadError."""
    page = options.vis_page or 1
    if options.vis_bands is None:
        return decode(data, path, page, options.max_pixels)
    return _of_bands(data, shown(path), options, options.vis_bands, page)


def is_picture(alpha: np.ndarray) -> bool:
    """True where an alpha channel H×W in [0, 1] has the texture of a picture, as no transparency has."""
    if not _is_measured(alpha):
        return False
    rough = np.abs(cv2.Laplacian(alpha.astype(np.float32), cv2.CV_32F)) > _STEP
    return float(rough[1:-1, 1:-1].mean()) > _ROUGH if min(alpha.shape) > 2 else False


def _is_measured(channel: np.ndarray) -> bool:
    """True where a channel is a picture and no transparency: many levels, few of them at either end."""
    full = np.iinfo(channel.dtype).max if channel.dtype.kind in "ui" else 1
    extreme = float(((channel == 0) | (channel == full)).mean())
    return extreme < _EXTREME and len(np.unique(channel[:: max(1, channel.shape[0] // 256)])) >= _LEVELS


def _by_pages(data: bytes, name: str, found: header.Header, options: LoadOptions) -> Both:
    if found.pages < 2:
        raise ImageReadError(
            f"{name} has only one page, so it has none for the visible picture: give the visible picture as a file."
        )
    page, vis_page = options.page, options.vis_page
    if vis_page is None:
        colours = [number for number in (1, 2) if _in_colour(data, number)] if found.pages == 2 else []
        if len(colours) != 1:
            raise ImageReadError(
                f"{name} has {found.pages} pages: choose the infrared one with --page and the visible one with "
                "--vis-page, or use --ir-band and --vis-bands where pages are bands."
            )
        (vis_page,) = colours
        page = 3 - vis_page
    elif page == vis_page:
        if found.pages != 2:
            raise ImageReadError(f"{name} has {found.pages} pages: also choose the infrared one with --page.")
        page = 3 - vis_page
    note = f"Page {page} of the file is read as the infrared picture, page {vis_page} as the visible one."
    return Both(replace(options, page=page, vis_page=vis_page), note)


def _in_colour(data: bytes, page: int) -> bool:
    found = header.read_header(data, page)
    return found is not None and (found.channels or 1) >= 3


def _by_bands(name: str, bands: int, options: LoadOptions) -> Both:
    ir, vis = options.ir_band, options.vis_bands
    first = range(1, min(bands, _TOLD_APART) + 1)  # a header may claim any number
    if vis is None:
        vis = tuple(band for band in first if band != ir)
        if len(vis) not in (1, 3):
            vis = (1, 2, 3)
        if ir in vis or bands < 2:
            raise ImageReadError(f"{name} has {bands} bands: also choose the visible ones with --vis-bands.")
    if ir is None:
        others = [band for band in first if band not in vis]
        if len(others) != 1:
            raise ImageReadError(f"{name} has {bands} bands: also choose the infrared one with --ir-band.")
        (ir,) = others
    seen = ", ".join(map(str, vis))
    note = f"Band {ir} of the file is read as the infrared picture, {seen} as the visible one."
    return Both(replace(options, ir_band=ir, vis_bands=vis), note)


def _count(data: bytes, found: header.Header) -> int:
    """How many bands there are; pages where each has one channel."""
    if found.format == "NumPy":
        shape, _ = npy.shape_of(data)
        return _npy_bands(shape)
    return found.pages if found.pages > 1 and (found.channels or 1) == 1 else found.channels or 1


def _npy_bands(shape: tuple[int, ...]) -> int:
    if len(shape) != 3:
        return 1
    return shape[2] if shape[2] in (1, 3, 4) or npy.has_bands(shape) else shape[0]


def _of_bands(data: bytes, name: str, options: LoadOptions, wanted: tuple[int, ...], page: int) -> Picture:
    found = checked_header(data, name, page, options.max_pixels)
    bands = _count(data, found)
    if max(wanted) > bands:
        has = f"{bands} bands" if bands > 1 else "one band"
        raise ImageReadError(f"{name} has {has}: there is no band {max(wanted)}.")
    if found.format == "TIFF" and found.pages > 1 and (found.channels or 1) == 1:
        parts = [decode(data, name, band, options.max_pixels).array for band in wanted]
        if len({part.shape for part in parts}) > 1:
            raise ImageReadError(f"{name} has pages of different sizes: they are not bands of one picture.")
        array = np.stack(parts, axis=-1)
    else:
        array = _channels(data, name, found, options, page)[..., [band - 1 for band in wanted]]
    array = np.ascontiguousarray(array[..., 0] if len(wanted) == 1 else array)
    return Picture(array, replace(found, alpha=False, channels=len(wanted), pages=1))


def _channels(data: bytes, name: str, found: header.Header, options: LoadOptions, page: int = 1) -> np.ndarray:
    """All channels of a picture, H×W×C, upright, as stored. Raises ImageReadError."""
    try:
        if found.format == "TIFF":
            array = tiff.decode_page(data, tiff.read_page(data, page)[0], header.room(options.max_pixels))
        elif found.format == "NumPy":
            view = npy.view(data)
            last = view.ndim != 3 or _npy_bands(view.shape) == view.shape[2]
            array = np.array(view if last else np.moveaxis(view, 0, -1), order="C")
            if array.nbytes > header.room(options.max_pixels):
                raise ValueError("it needs too much memory")
        else:
            found_by_opencv = opencv_image(data, cv2.IMREAD_UNCHANGED)
            if found_by_opencv is None or found_by_opencv.ndim != 3 or found_by_opencv.shape[2] not in (3, 4):
                raise ValueError("its channels cannot be told apart")
            array = found_by_opencv
            array = exif.upright(array[..., [2, 1, 0, 3][: array.shape[2]]], exif.orientation(data))
    except (ValueError, cv2.error) as error:
        text = str(error).strip().split("\n", 1)[0].rstrip(".")
        raise ImageReadError(f"{name} cannot be decoded: {text}.") from error
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or array.size == 0 or array.shape[2] < (found.channels or 1):
        raise ImageReadError(f"{name} cannot be decoded: an array of the shape {array.shape} is not a picture.")
    if array.dtype.kind not in "uif":
        raise ImageReadError(f"{name} holds values of the type {array.dtype}, which is not a picture.")
    array = array.astype(np.float32) if array.dtype == np.float16 else array
    return array.astype(array.dtype.newbyteorder("="), copy=False)
