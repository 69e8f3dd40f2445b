"""Camera raw files, and which picture of a TIFF is its picture.

DNG, NEF, ARW, CR2, PEF, 3FR and IIQ are TIFFs whose first picture is a preview. The preview is never taken for the
photograph: LibRaw (the extra ``raw``) develops the file, and without it a sentence says so. A map whose overviews come
first has its full picture behind them.
"""

from __future__ import annotations

import io
import struct

import numpy as np

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.extras import has, need

_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, _SUBFILE, _SUBIFDS, _DNG = 256, 257, 259, 262, 254, 330, 50706
_WANTED = (_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, _SUBFILE, _SUBIFDS, _DNG)
_SENSOR = (32803, 34892)  # photometric: colour filter array, linear raw
_MAKERS = (32767, 34713, 32769, 32770, 65535)  # compressions of Sony, Nikon, Samsung and Pentax
_SIZES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MOST_TAGS, _MOST_SUBIFDS, _LOOKED_AT = 200, 8, 8
_REDUCED, _SHORT = 1, 3

# raw files that are no TIFF, by their first bytes
_OTHERS = ((b"FUJIFILMCCD-RAW", "RAF"), (b"IIU\0", "RW2"), (b"IIRO", "ORF"), (b"IIRS", "ORF"), (b"MMOR", "ORF"))


def kind(data: bytes) -> str | None:
    """The kind of raw file that ``data`` begins, such as "DNG", or None for another file. Never raises."""
    other = next((name for mark, name in _OTHERS if data.startswith(mark)), None)
    if other or data[4:12] == b"ftypcrx ":
        return other or "CR3"
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return None
    if data[8:10] == b"CR":
        return "CR2"
    if data[8:12] in (b"IIII", b"MMMM"):
        return "IIQ"
    try:
        return _tiff_kind(data)
    except (struct.error, IndexError, ValueError):
        return None


def full_pictures(data: bytes, offsets: list[int]) -> list[int]:
    """Of the directories of a TIFF those of pictures in full size: without overviews and previews that say so.

    Where the first is a preview of a larger picture in a sub-directory, that is the first. All of them where each is
    called a smaller copy.
    """
    try:
        if len(offsets) == 1 and not (found := _tags(data, offsets[0])).get(_SUBFILE, [0])[0] & _REDUCED:
            return _with_larger(data, offsets, found)
        kept = _without_reduced(data, offsets)
        return kept or _with_larger(data, offsets, _tags(data, offsets[0]))
    except (struct.error, IndexError):
        return offsets


def _without_reduced(data: bytes, offsets: list[int]) -> list[int]:
    """The directories whose first tag, the lowest one of a TIFF, does not say that they are a smaller copy."""
    order, big = "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+")
    first = struct.Struct(order + ("QHHQI" if big else "HHHII"))  # how many tags; the first, its type, count and value
    kept = []
    for offset in offsets:
        _, tag, form, _, value = first.unpack_from(data, offset)
        if tag == _SUBFILE and form == _SHORT and order == ">":
            value >>= 16
        if tag != _SUBFILE or not value & _REDUCED:
            kept.append(offset)
    return kept


def develop(data: bytes, name: str, max_pixels: int) -> np.ndarray:
    """A raw file → uint16 H×W×3, upright, in sRGB, with the camera's white balance, by LibRaw.

    Raises ImageReadError where the extra ``raw`` is missing, for what LibRaw cannot read, and for more pixels than
    ``max_pixels``.
    """
    require(data, name)
    rawpy = need("rawpy", "raw")
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            height, width = raw.sizes.height, raw.sizes.width
            if width * height > max_pixels:
                raise ImageReadError(
                    f"{name} claims {width}×{height} pixels, more than the limit of {max_pixels}: if it is a real "
                    "picture and memory allows, raise --max-pixels."
                )
            return raw.postprocess(use_camera_wb=True, output_bps=16)
    except rawpy.LibRawError as error:
        text = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else error
        raise ImageReadError(
            f"{name} is a camera's raw picture ({kind(data)}) that LibRaw cannot read ({text}): save it as TIFF."
        ) from None


def size(data: bytes) -> tuple[int, int] | None:
    """(height, width) of a developed raw file, None where LibRaw is missing or cannot tell."""
    if not has("rawpy"):
        return None
    rawpy = need("rawpy", "raw")
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            turned = raw.sizes.flip in (5, 6)
            height, width = raw.sizes.height, raw.sizes.width
            return (width, height) if turned else (height, width)
    except rawpy.LibRawError:
        return None


def require(data: bytes, name: str) -> None:
    """Raises ImageReadError, with the line that installs it, where raw files cannot be developed here."""
    if not has("rawpy"):
        raise ImageReadError(
            f"{name} is a camera's raw picture ({kind(data)}), which needs the extra raw (in dfuse's folder, "
            "pip install '.[raw]'): install it, or save the picture as TIFF."
        )


def _tiff_kind(data: bytes) -> str | None:
    from diffuse_fuse.images.tiff import directories  # which reads by what is here

    for number, offset in enumerate(directories(data)[:_LOOKED_AT]):
        found = _tags(data, offset)
        if number == 0 and _DNG in found:
            return "DNG"
        inner = [_tags(data, at) for at in found.get(_SUBIFDS, [])]
        for each in (found, *inner):
            if each.get(_PHOTOMETRIC, [0])[0] in _SENSOR:
                return "raw"
        if any(each.get(_COMPRESSION, [1])[0] in _MAKERS for each in (found, *inner)):
            return "raw"
    return None


def _with_larger(data: bytes, offsets: list[int], found: dict[int, list[int]]) -> list[int]:
    """``offsets``, whose first is exchanged for a larger picture of its sub-directories, if there is one."""
    inner = [(at, _tags(data, at)) for at in found.get(_SUBIFDS, [])]
    larger = [(_pixels(tags), at) for at, tags in inner if _pixels(tags) > _pixels(found)]
    return [max(larger)[1], *offsets[1:]] if larger else offsets


def _pixels(tags: dict[int, list[int]]) -> int:
    return tags.get(_WIDTH, [0])[0] * tags.get(_HEIGHT, [0])[0]


def _tags(data: bytes, offset: int) -> dict[int, list[int]]:
    """The whole numbers of a directory's tags that are looked at here."""
    order, big = "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+")
    entry, count = struct.Struct(order + ("HHQQ" if big else "HHII")), struct.Struct(order + ("Q" if big else "H"))
    word, found = struct.Struct(order + ("Q" if big else "I")), {}
    (entries,) = count.unpack_from(data, offset)
    first = offset + count.size
    for at in range(first, first + entry.size * min(entries, _MOST_TAGS), entry.size):
        if at + entry.size > len(data):
            break
        tag, form, many, _ = entry.unpack_from(data, at)
        if tag not in _WANTED or form not in _SIZES or many < 1:
            continue
        many = min(many, _MOST_SUBIFDS)
        values = struct.Struct(f"{order}{many}{_SIZES[form]}")
        where = at + entry.size - word.size
        if values.size > word.size:
            (where,) = word.unpack_from(data, where)
        if where + values.size <= len(data):
            found[tag] = list(values.unpack_from(data, where))
    return found
