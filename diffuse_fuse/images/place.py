"""Where the pixels of a map lie on the earth: the tags of a GeoTIFF, kept, moved with a cut, and compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from diffuse_fuse.errors import PairError
from diffuse_fuse.images import ifd
from diffuse_fuse.images.quiet import quiet

_SCALE, _TIEPOINTS, _MATRIX, _KEYS, _DOUBLES, _TEXTS = 33550, 33922, 34264, 34735, 34736, 34737
_TAGS = (_SCALE, _TIEPOINTS, _MATRIX, _KEYS, _DOUBLES, _TEXTS)
_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274
_DOUBLE = 12
_LARGEST = 100_000  # bytes of all tags
_RASTER_KEY, _POINT = 1025, 2  # GTRasterTypeGeoKey: 1 a pixel is an area, 2 a point
_SYSTEM_KEYS, _OWN = (3072, 2048), 32767  # of the projected and the geographic system; one that has no number
_CITATIONS = (1026, 2049, 3073)  # keys that are text for people
_SAME = 0.5  # pixels of the coarser grid, by which borders may differ


@dataclass(frozen=True)
class Place:
    """tags: the GeoTIFF's, number → (type, value). size: (H, W) of the picture that they are for.

    affine: (a, b, c, d, e, f) with x = a·column + b·row + c, y = d·column + e·row + f at the corners of pixels.
    """

    size: tuple[int, int]
    affine: tuple[float, float, float, float, float, float]
    tags: Mapping[int, tuple[int, Any]] = field(hash=False)

    @property
    def is_upright(self) -> bool:
        """Whether rows and columns go along the axes, x to the right and y upwards."""
        a, b, _, d, e, _ = self.affine
        return b == d == 0 and a > 0 and e < 0

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top, of an upright one."""
        (height, width), (a, _, c, _, e, f) = self.size, self.affine
        return c, f + e * height, c + a * width, f

    def system(self) -> Any:
        """What says the coordinate system, to be compared with another's."""
        kind, keys = self.tags.get(_KEYS, (0, ()))
        entries = (tuple(keys[at : at + 4]) for at in range(4, len(keys) - 3, 4))
        shown = tuple(entry for entry in entries if entry[0] not in (_RASTER_KEY, *_CITATIONS))
        return kind and shown, self.tags.get(_DOUBLES, (0, ()))[1]

    def epsg(self) -> int | None:
        """The number of the coordinate system in EPSG's list, or None where it is one of its own."""
        keys = self.tags.get(_KEYS, (0, ()))[1]
        found = {keys[at]: keys[at + 3] for at in range(4, len(keys) - 3, 4) if keys[at + 1] == 0}
        return next((int(found[key]) for key in _SYSTEM_KEYS if 0 < found.get(key, 0) < _OWN), None)

    def as_dict(self) -> dict[str, Any]:
        """What ``dfuse inspect`` says: the system, a pixel's sides, and left, bottom, right and top, None if turned."""
        a, b, _, d, e, _ = self.affine
        number = self.epsg()
        return {
            "system": None if number is None else f"EPSG:{number}",
            "pixel": [math.hypot(a, d), math.hypot(b, e)],
            "extent": list(self.extent) if self.is_upright else None,
        }

    def cut(self, rows: slice, columns: slice) -> Place:
        """The place of a part of the picture."""
        a, b, c, d, e, f = self.affine
        x, y = columns.start, rows.start
        moved = (a, b, c + a * x + b * y, d, e, f + d * x + e * y)
        size = (rows.stop - rows.start, columns.stop - columns.start)
        tags = {tag: value for tag, value in self.tags.items() if tag not in (_SCALE, _TIEPOINTS, _MATRIX)}
        half = 0.5 if _is_point(self.tags) else 0.0
        at = moved[2] + half * (a + b), moved[5] + half * (d + e)
        tags[_MATRIX] = (_DOUBLE, (a, b, 0.0, at[0], d, e, 0.0, at[1], *(0.0,) * 4, 0.0, 0.0, 0.0, 1.0))
        if self.is_upright:
            del tags[_MATRIX]
            tags[_SCALE] = (_DOUBLE, (a, -e, 0.0))
            tags[_TIEPOINTS] = (_DOUBLE, (0.0, 0.0, 0.0, *at, 0.0))
        return replace(self, size=size, affine=moved, tags=tags)

    def put(self, directory: ifd.Directory) -> None:
        """Write the tags."""
        for tag, (kind, value) in self.tags.items():
            ifd.put(directory, tag, kind, value)

    def world_file(self) -> str:
        """The six lines of a world file, which counts from the middle of the first pixel."""
        a, b, c, d, e, f = self.affine
        return "".join(f"{value:.12g}\n" for value in (a, d, b, e)) + (
            f"{c + (a + b) / 2:.6f}\n{f + (d + e) / 2:.6f}\n"
            if max(abs(c), abs(f)) > 1000
            else f"{c + (a + b) / 2:.12f}\n{f + (d + e) / 2:.12f}\n"
        )


def read_place(data: bytes) -> Place | None:
    """The place of a GeoTIFF's first picture; None where it says none, or not as one affine grid. Never raises."""
    try:
        with quiet():
            main, _, _ = ifd.read(data)
        tags = {tag: (main.tagtype[tag], main[tag]) for tag in _TAGS if tag in main}
        size = int(main[_HEIGHT]), int(main[_WIDTH])
        if not tags or int(main.get(_ORIENTATION, 1)) != 1 or sum(len(value) for _, value in tags.values()) > _LARGEST:
            return None
        affine = _affine(tags)
        if affine is None or not all(map(math.isfinite, affine)) or affine[0] * affine[4] == affine[1] * affine[3]:
            return None
        trial = ifd.new()
        a, b, c, d, e, f = affine
        place = Place(
            size, (a, b, c, d, e, f), {tag: (kind, _plain(kind, value)) for tag, (kind, value) in tags.items()}
        )
        place.put(trial)
        trial.tobytes()
    except Exception:  # Pillow has no base class of its errors for damaged files
        return None
    return place


def shared_part(
    ir: Place | None, vis: Place | None
) -> tuple[tuple[slice, slice] | None, tuple[slice, slice] | None, str | None]:
    """The parts, rows and columns, of two pictures that show the same ground, and what is odd, as a sentence.

    None where all of them does, or it cannot be told. Raises PairError where the pictures have no ground in common.
    """
    if ir is None or vis is None:
        return None, None, None
    if ir.system() != vis.system():
        return None, None, (
            "The two maps have different coordinate systems: they are fused as if they showed the same ground. If they "
            "do not, convert one (gdalwarp)."
        )  # fmt: skip
    if not (ir.is_upright and vis.is_upright):
        same = all(map(math.isclose, ir.affine, vis.affine)) and ir.size == vis.size
        text = "The two maps are rotated against the axes: dfuse does not check whether they show the same ground."
        return None, None, None if same else text
    pairs = list(zip(ir.extent, vis.extent, strict=True))
    steps = [max(abs(ir.affine[at]), abs(vis.affine[at])) for at in (0, 4)]
    if all(abs(a - b) <= _SAME * steps[number % 2] for number, (a, b) in enumerate(pairs)):
        return None, None, None
    left, bottom, right, top = (
        (max if number < 2 else min)(pair) for number, pair in enumerate(pairs)
    )  # fmt: skip
    if right - left < steps[0] or top - bottom < steps[1]:
        raise PairError("By their GeoTIFF tags, the two maps do not overlap: they are not a pair.")
    parts = tuple(_window(place, left, bottom, right, top) for place in (ir, vis))
    shares = [
        (rows.stop - rows.start) * (columns.stop - columns.start) / math.prod(place.size)
        for (rows, columns), place in zip(parts, (ir, vis), strict=True)
    ]
    text = (
        f"The two maps cover different ground: both were cropped to their overlap, {shares[0]:.0%} of the infrared and "
        f"{shares[1]:.0%} of the visible one."
    )
    return parts[0], parts[1], text


def _window(place: Place, left: float, bottom: float, right: float, top: float) -> tuple[slice, slice]:
    (height, width), (a, _, c, _, e, f) = place.size, place.affine
    columns = [min(max(round((x - c) / a), 0), width) for x in (left, right)]
    rows = [min(max(round((y - f) / e), 0), height) for y in (top, bottom)]
    return slice(rows[0], max(rows[1], rows[0] + 1)), slice(columns[0], max(columns[1], columns[0] + 1))


def _affine(tags: Mapping[int, tuple[int, Any]]) -> tuple[float, ...] | None:
    """Of the corners of pixels; None for several tie points without a scale, which are no affine grid."""
    if _MATRIX in tags:
        m = tags[_MATRIX][1]
        a, b, c, d, e, f = (float(m[at]) for at in (0, 1, 3, 4, 5, 7))
    elif _SCALE in tags and _TIEPOINTS in tags and len(tags[_TIEPOINTS][1]) == 6:
        a, e = float(tags[_SCALE][1][0]), -float(tags[_SCALE][1][1])
        column, row, _, x, y, _ = map(float, tags[_TIEPOINTS][1])
        b = d = 0.0
        c, f = x - column * a, y - row * e
    else:
        return None
    if _is_point(tags):  # the tags say where the middle of a pixel is
        c, f = c - (a + b) / 2, f - (d + e) / 2
    return a, b, c, d, e, f


def _is_point(tags: Mapping[int, tuple[int, Any]]) -> bool:
    keys = tags.get(_KEYS, (0, ()))[1]
    return any(keys[at] == _RASTER_KEY and keys[at + 3] == _POINT for at in range(4, len(keys) - 3, 4))


def _plain(kind: int, value: Any) -> Any:
    """A tag's value as it can be written again; texts as their bytes."""
    if kind == ifd.ASCII:
        text = "".join(value) if isinstance(value, tuple) else value
        return text.encode("latin-1")
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)
