"""The bytes of a picture file → an array in RGB order, upright. Nothing is scaled or reduced here."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import exif, header, irg, lab, npy, raw, temperatures, tiff
from diffuse_fuse.images.intact import damage
from diffuse_fuse.images.names import RAW_SUFFIXES, shown
from diffuse_fuse.images.options import MAX_PIXELS
from diffuse_fuse.images.quiet import quiet

_READABLE = "PNG, JPEG, TIFF, WebP, BMP, JPEG 2000, PGM, PPM or NumPy's .npy"
_LARGEST_FILE = 2**31 - 1  # bytes; OpenCV takes no more
_AS_IT_IS = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR


@dataclass(frozen=True)
class Picture:
    """array: H×W or H×W×3 (RGB) of the file's dtype. alpha: H×W in [0, 1], None where all is opaque.

    on_black: the array is on black already where it is transparent, as some files hold it.
    """

    array: np.ndarray
    header: header.Header
    alpha: np.ndarray | None = None
    on_black: bool = False


ReadBytes = Callable[[str | os.PathLike[str]], bytes]
_Decoded = tuple[np.ndarray | None, np.ndarray | None, bool]  # array, alpha and on_black of a Picture


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a picture file; raises ImageReadError for whatever is none, before reading all of it,
    and UsageError for what is no path.
    """
    path = path_of(path)
    name = shown(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageReadError(f"{name} is a folder, not a picture.")
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            raise ImageReadError(
                f"{name} is not a regular file (a pipe, socket or device): copy the picture to a file."
            )
        with open(path, "rb") as file:
            start = file.read(header.LONGEST_START)
            if path.suffix.lower() not in RAW_SUFFIXES:
                require_picture_start(start, name)
            if status.st_size > _LARGEST_FILE:
                raise ImageReadError(f"{name} has {status.st_size / 1e9:.1f} GB: more than 2.1 GB cannot be decoded.")
            return start + file.read(max(0, status.st_size - len(start)))  # room is made for what is asked for
    except FileNotFoundError:
        raise ImageReadError(f"{name} does not exist.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise ImageReadError(f"{name} cannot be opened: {getattr(error, 'strerror', None) or error}.") from error


def require_picture_start(start: bytes, name: str) -> None:
    """Raise ImageReadError for bytes that begin as no picture does; ``name`` is for the message."""
    if start and header.format_of(start[: header.LONGEST_START]) is None:
        if what := header.foreign(start):
            help = "use dfuse video" if what == "a video" else "save it as PNG or TIFF"
            raise ImageReadError(f"{name} is {what}, which dfuse does not read: {help}.")
        raise _no_picture(name)


def checked_header(data: bytes, name: str, page: int = 1, max_pixels: int = MAX_PIXELS) -> header.Header:
    """The header of a picture that may be decoded; ``name`` is for the messages. Nothing is decoded.

    Raises ImageReadError, as ``decode`` does, for whatever the header or the end of the file tells to be none.
    """
    wrong = damage(data)
    if wrong:
        raise ImageReadError(f"{name} {wrong}: copy the file again from its source.")
    kind = raw.kind(data)
    if kind:
        raw.require(data, name)
    found = header.read_header(data, page)
    if found is None and kind:
        raise ImageReadError(
            f"{name} is a camera's raw picture ({kind}) that LibRaw cannot read: save it as TIFF (dfuse does not use "
            "the preview inside)."
        )
    if found is None:
        raise _no_picture(name)
    if not 1 <= page <= found.pages:
        has = f"{found.pages} pages" if found.pages > 1 else "one page"
        raise ImageReadError(f"{name} has {has}: there is no page {page}.")
    if found.width < 1 or found.height < 1:
        raise ImageReadError(f"{name} is empty: it has {found.width}×{found.height} pixels.")
    if refused := header.refusal(found, max_pixels):
        raise ImageReadError(f"{name} {refused}.")
    return found


def decode(
    data: bytes, path: str | os.PathLike[str], page: int = 1, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> Picture:
    """Decode the bytes of a picture file; ``path`` (or ``name``) is for the messages.

    page: which one of a multi-page TIFF or a stack of arrays, from 1. Raises ImageReadError for whatever is cut off,
    damaged, no picture, or has more than ``max_pixels`` pixels.
    """
    name = name or shown(path)
    found = checked_header(data, name, page, max_pixels)
    if found.format == header.RAW:
        return Picture(raw.develop(data, name, max_pixels), found)
    try:
        array, alpha, on_black = _decoders.get(found.format, _decode_other)(data, found, page, header.room(max_pixels))
    except cv2.error as error:
        raise ImageReadError(f"{name} cannot be decoded: {_first_line(error.err or error)}.") from error
    except ValueError as error:
        raise ImageReadError(f"{name} cannot be decoded: {_first_line(error)}.") from error
    if array is None:
        raise _no_picture(name)
    if alpha is not None and alpha.min() >= 1:
        alpha = None
    return Picture(array, found, alpha, on_black)


def _decode_other(data: bytes, found: header.Header, _page: int, _room: int) -> _Decoded:
    if found.alpha:
        image = opencv_image(data, cv2.IMREAD_UNCHANGED)
        if image is not None and image.ndim == 3 and image.shape[2] == 4:
            # alpha is only decoded when OpenCV does not turn the picture upright, so that is done here
            image = exif.upright(image, exif.orientation(data))
            return _rgb(image), _unit_alpha(image[..., 3]), False
    if found.format == "PNM" and data[1:2] in b"123":  # numbers as text; OpenCV wants something behind the last one
        data += b"\n"
    image = _rgb(opencv_image(data, _AS_IT_IS))
    key = header.transparent_grey(data) if found.alpha and image is not None and image.ndim == 2 else None
    if image is None or key is None:
        return image, None, False
    return image, np.not_equal(image, key).astype(np.float32), False


def _decode_tiff(data: bytes, _: header.Header, number: int, room: int) -> _Decoded:
    page, _count = tiff.read_page(data, number)
    array, alpha, on_black = _tiff_page(data, page, room)
    if page.mask is not None and array is not None:
        mask = tiff.decode_page(data, page.mask, room)
        if mask.shape == array.shape[:2]:
            seen = (mask > 0).astype(np.float32)
            alpha = seen if alpha is None else alpha * seen
    return array, alpha, on_black


def _tiff_page(data: bytes, page: tiff.Page, room: int) -> _Decoded:
    tiff.require_known(page)
    if page.lab:
        return _tiff_with_lab(data, page, room), None, False
    decoded = _tiff_with_alpha(data, page, room) if page.alpha else None
    if decoded:
        return decoded
    image = None if page.planar else _by_libtiff(tiff.with_first_page(data, page), _AS_IT_IS)
    if image is not None:
        # OpenCV turns 8-bit pictures with white at 0 the right way round, but not deeper ones
        if page.inverted and image.dtype == np.uint16:
            image = np.iinfo(np.uint16).max - image
        return _rgb(image), None, False
    array = tiff.decode_page(data, page, room)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] < 3):
        raise ValueError(f"a page of the shape {array.shape} is not a picture")
    return _plain_dtype(array[..., :3] if array.ndim == 3 else array), None, False


def _by_libtiff(data: bytes, flags: int) -> np.ndarray | None:
    """The first page by OpenCV, which makes black of what is damaged: so that is looked for before."""
    tiff.require_whole(data)
    return opencv_image(data, flags)


def _tiff_with_alpha(data: bytes, page: tiff.Page, room: int) -> _Decoded | None:
    """By tifffile, which knows every kind of alpha; by OpenCV where that cannot decompress; None where neither can."""
    try:
        array = _plain_dtype(tiff.decode_page(data, page, room))
    except ValueError:
        image = None if page.planar else _by_libtiff(tiff.with_first_page(data, page), cv2.IMREAD_UNCHANGED)
        if image is None or image.dtype not in (np.uint8, np.uint16) or image.shape[2:] != (4,):
            return None
        # libtiff multiplies 8-bit colours by an alpha that they do not hold yet
        return (
            _rgb(image),
            _unit_alpha(image[..., 3]),
            page.alpha == "multiplied" or (page.alpha == "separate" and image.dtype == np.uint8),
        )
    if array.ndim != 3 or array.shape[2] not in (2, 4):
        return None
    colours, alpha = array[..., :-1], _unit_alpha(array[..., -1])
    if page.inverted and array.dtype.kind == "u":
        colours = np.iinfo(array.dtype).max - colours
    colours = np.ascontiguousarray(colours[..., 0] if array.shape[2] == 2 else colours)
    return colours, alpha, page.alpha == "multiplied"


def _tiff_with_lab(data: bytes, page: tiff.Page, room: int) -> np.ndarray:
    """RGB. OpenCV makes yellow of CIELAB's white, since it does not adapt to sRGB's, and shows ICCLAB unconverted."""
    whole = page.dtype is not None and page.dtype.kind in "ui" and page.dtype.itemsize in (1, 2)
    if page.lab is None or page.lab == "ITULAB" or page.channels != 3 or not whole:
        kind = f"{page.lab}, {page.channels} channels, {page.dtype}"
        raise ValueError(f"its colours are L*a*b* of a kind that dfuse does not read ({kind}): save it as RGB")
    plain = tiff.with_channels_as_they_are(data, page)
    stored = None if page.planar else _rgb(_by_libtiff(tiff.with_first_page(plain, page), _AS_IT_IS))
    if stored is None:
        stored = _plain_dtype(tiff.decode_page(plain, page, room))
    return lab.to_rgb(stored.view(f"u{stored.dtype.itemsize}"), page.lab)


def _decode_npy(data: bytes, found: header.Header, number: int, _room: int) -> _Decoded:
    array = npy.view(data)
    if npy.has_bands(array.shape):
        array = array[..., :3]
    elif found.pages > 1 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        array = array[number - 1]
    array = np.array(_plain_dtype(array), order="C")  # not a view of the file's bytes, which nobody may change
    if array.ndim == 2:
        return array, None, False
    if array.shape[2] == 4:
        return np.ascontiguousarray(array[..., :3]), _unit_alpha(array[..., 3]), False
    return np.ascontiguousarray(array[..., 0] if array.shape[2] == 1 else array), None, False


def _decode_flir(data: bytes, _: header.Header, number: int, _room: int) -> _Decoded:
    from diffuse_fuse.images.thermal.flir import FlirError, read_flir  # which decodes PNG by what is here

    try:
        flir = read_flir(data, number)
        assert flir is not None  # its header said so
        return flir.counts(), None, False
    except FlirError as error:
        raise ValueError(str(error)) from error


def _decode_irg(data: bytes, *_: object) -> _Decoded:
    return irg.celsius(data), None, False


def _decode_table(data: bytes, _: header.Header, number: int, _room: int) -> _Decoded:
    return temperatures.read(data).pages[number - 1].astype(np.float32), None, False


_decoders: dict[str, Callable[[bytes, header.Header, int, int], _Decoded]] = {
    "TIFF": _decode_tiff, "NumPy": _decode_npy, header.FLIR: _decode_flir, header.IRG: _decode_irg,
    header.TABLE: _decode_table,
}  # fmt: skip


def opencv_image(data: bytes, flags: int) -> np.ndarray | None:
    """BGR(A) as OpenCV gives it, or None, without its log; not cv2.imread: on Windows it cannot open every name."""
    with quiet():
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def _rgb(image: np.ndarray | None) -> np.ndarray | None:
    # by slicing, because cvtColor does not know every dtype that a TIFF can hold
    return np.ascontiguousarray(image[..., 2::-1]) if image is not None and image.ndim == 3 else image


def _unit_alpha(alpha: np.ndarray) -> np.ndarray:
    unit = np.array(alpha, np.float32, order="C")  # the one copy, which all else is done in
    if alpha.dtype.kind == "f":
        np.nan_to_num(unit, copy=False)
    else:
        unit /= np.float32(np.iinfo(alpha.dtype).max)
    return np.clip(unit, 0, 1, out=unit)


def _plain_dtype(array: np.ndarray) -> np.ndarray:
    """Native byte order; bool as 0 and 255, half floats as single ones."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind not in "uif":
        raise ValueError(f"values of the type {array.dtype} are not a picture")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


_UNKNOWN = {
    ".csv": "is no table of temperatures: it needs rows of as many numbers each, one for each pixel. Export the "
    "picture as a table, not as a list of points",
    ".irg": "is an InfiRay file of a kind that dfuse does not know: export it as a table (CSV) or a TIFF of "
    "temperatures",
}  # what is said of a file by its suffix, where its content is nothing that is read


def _no_picture(name: str) -> ImageReadError:
    unknown = _UNKNOWN.get(os.path.splitext(name)[1].lower())
    if unknown:
        return ImageReadError(f"{name} {unknown}.")
    return ImageReadError(f"{name} is damaged, or not a picture that dfuse reads ({_READABLE}).")


def _first_line(error: object) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".") or type(error).__name__
