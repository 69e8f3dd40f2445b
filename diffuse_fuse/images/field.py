"""Where the infrared camera's field of view lies in the visible picture, and the pair cut to it.

The visible camera of a drone or a car often sees more than the thermal one. Then the infrared picture covers a
rectangle of the visible one: its field. A pair is fused over that rectangle, at the visible picture's resolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from diffuse_fuse.errors import PairError, UsageError
from diffuse_fuse.images.enlarging import Enlarger, Lies, applies, enlarge

_LEAST = 16  # pixels a side that a common field must have
_LARGEST = 100.0  # times the visible picture that a field may be: more is a slip of the pen
_FORMS = "X,Y,W,H in pixels of the visible picture or as fractions of it (0.2,0.2,0.6,0.6), or one number N"


@dataclass(frozen=True)
class Field:
    """A rectangle in a visible picture of ``size`` (width, height), in its pixels; it may reach over the sides.

    x, y: of its upper left corner, where (0, 0) is the corner, not the centre, of the first pixel. w, h: its sides.
    """

    x: float
    y: float
    w: float
    h: float
    size: tuple[int, int]

    def at_size(self, size: tuple[int, int]) -> Field:
        """The same field in the same picture at another resolution (width, height)."""
        sx, sy = size[0] / self.size[0], size[1] / self.size[1]
        return Field(self.x * sx, self.y * sy, self.w * sx, self.h * sy, size)

    def zoomed(self, ir: float, vis: float) -> Field:
        """The field after the infrared camera zoomed in ``ir`` times and the visible one ``vis`` times, each about the
        centre of its own picture."""
        cx, cy = self.size[0] / 2, self.size[1] / 2
        x, y = cx + (self.x + self.w / 2 - cx) * vis, cy + (self.y + self.h / 2 - cy) * vis
        w, h = self.w * vis / ir, self.h * vis / ir
        return Field(x - w / 2, y - h / 2, w, h, self.size)

    def inside(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom, in whole pixels, of what both cameras see. Raises PairError where that is
        nothing to speak of."""
        x0, x1 = max(0, round(self.x)), min(self.size[0], round(self.x + self.w))
        y0, y1 = max(0, round(self.y)), min(self.size[1], round(self.y + self.h))
        if min(x1 - x0, y1 - y0) < min(_LEAST, *self.size):
            raise PairError(
                f"The infrared field {self} does not overlap the visible picture of {self.size[0]}×{self.size[1]}."
            )
        return x0, y0, x1, y1

    def as_list(self) -> list[float]:
        """x, y, w, h as JSON holds them."""
        return [round(float(value), 3) for value in (self.x, self.y, self.w, self.h)]

    def __str__(self) -> str:
        return f"{self.w:.0f}×{self.h:.0f}{self.x:+.0f}{self.y:+.0f}"


@dataclass(frozen=True)
class Located:
    """What became of looking for a field: None where the pair is taken as it is; ``report`` as ``--json`` prints it,
    and warnings as sentences."""

    field: Field | None
    report: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()


class Locate(Protocol):
    """Tells where an infrared picture h×w, with its holes, lies in a visible one H×W×3.

    zoom: the digital zoom that the infrared and the visible file note. whole: whether the two can be taken as they
    are, since both have the same proportions or the file says how they lie.
    """

    def __call__(
        self, ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None, zoom: tuple[float, float], whole: bool
    ) -> Located: ...


@dataclass(frozen=True)
class GivenField:
    """A field as a user gives it, for pictures of any size: numbers, and what they are.

    zoom: the visible camera sees so many times more, around the same centre; else x, y, w, h: in pixels, or with
    ``fractions`` of the visible picture's sides.
    """

    zoom: float | None = None
    x: float = 0.0
    y: float = 0.0
    w: float = 1.0
    h: float = 1.0
    fractions: bool = True

    def within(self, ir: tuple[int, int], vis: tuple[int, int]) -> Field:
        """The field of an infrared picture of (width, height) in a visible one of (width, height)."""
        if self.zoom is not None:
            pixel = min(vis[0] / ir[0], vis[1] / ir[1]) / self.zoom
            w, h = pixel * ir[0], pixel * ir[1]
            return Field((vis[0] - w) / 2, (vis[1] - h) / 2, w, h, vis)
        if self.fractions:
            return Field(self.x * vis[0], self.y * vis[1], self.w * vis[0], self.h * vis[1], vis)
        return Field(self.x, self.y, self.w, self.h, vis)

    def as_json(self) -> list[float] | float:
        """What decides about the pixels."""
        return self.zoom if self.zoom is not None else [self.x, self.y, self.w, self.h]


def field_sentence(field: Field) -> str:
    """What is said where a pair is cut to a field. Raises PairError as ``Field.inside`` does."""
    x0, y0, x1, y1 = field.inside()
    width, height = field.size
    return (
        f"The infrared picture shows {x1 - x0}×{y1 - y0} of the visible picture's {width}×{height} pixels "
        f"(--ir-field {x0},{y0},{x1 - x0},{y1 - y0}): that part is fused."
    )


def parse_field(text: str) -> GivenField:
    """What a user writes: ``X,Y,W,H`` in pixels or, if none is above 1, in fractions; or one number, the zoom.

    Percent signs are taken, as are blanks, and ``x`` between the sides. Raises UsageError for anything else.
    """
    parts = [part for part in text.strip().replace(",", " ").replace(";", " ").split() if part]
    percent = [part.endswith("%") for part in parts]
    try:
        numbers = [float(part.rstrip("%")) / (100 if ends else 1) for part, ends in zip(parts, percent, strict=True)]
    except ValueError:
        numbers = []
    if not all(map(math.isfinite, numbers)) or len(numbers) not in (1, 4) or (any(percent) and not all(percent)):
        raise UsageError(f"The infrared field is {_FORMS}, not '{text}'.")
    if len(numbers) == 1:
        return _zoom(numbers[0], text)
    x, y, w, h = numbers
    fractions = any(percent) or (max(map(abs, numbers)) <= 1.5 and min(w, h) < 1.5)
    if not min(w, h) > 0 or (fractions and max(abs(x), abs(y), w, h) > _LARGEST):
        raise UsageError(f"The infrared field is {_FORMS}, with sides above 0, not '{text}'.")
    return GivenField(None, x, y, w, h, fractions)


def _zoom(number: float, text: str) -> GivenField:
    if not 0.1 <= number <= _LARGEST:
        raise UsageError(f"The infrared field's N is how many times more the visible camera sees, not '{text}'.")
    return GivenField(number)


def cut_to(
    ir: np.ndarray,
    vis: np.ndarray,
    field: Field,
    shape: tuple[int, int] | None = None,
    how: str | Enlarger | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The part that both cameras see, as an infrared and a visible array of one size.

    ir h×w (or h×w×3), uint8, uint16 or float in [0, 1]; vis H×W×3; both whole; ``field`` for a visible picture of that
    size. The parts have the visible picture's resolution, or ``shape`` (width, height). ``how`` the
    infrared picture is enlarged is ``LoadOptions.enlarge``; None: by cubic interpolation. Raises PairError where the
    field leaves nothing in common.
    """
    x0, y0, x1, y1 = field.inside()
    shape = shape or (x1 - x0, y1 - y0)
    part = vis[y0:y1, x0:x1]
    if shape != (x1 - x0, y1 - y0):
        shrinks = shape[0] < x1 - x0
        part = cv2.resize(part, shape, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    elif how is not None:
        lies = Lies(
            (ir.shape[0], ir.shape[1]),
            (y1 - y0, x1 - x0),
            (field.y - y0, field.x - x0),
            (field.h / ir.shape[0], field.w / ir.shape[1]),
        )
        if applies(how, lies):
            return enlarge(ir, part, lies, how), np.ascontiguousarray(part)
    return _part_of(ir, field, (x0, y0, x1, y1), shape), np.ascontiguousarray(part)


def own_shape(ir: np.ndarray, field: Field) -> tuple[int, int]:
    """Width and height of the common field at the infrared picture's resolution."""
    x0, y0, x1, y1 = field.inside()
    return max(1, round((x1 - x0) * ir.shape[1] / field.w)), max(1, round((y1 - y0) * ir.shape[0] / field.h))


def _part_of(ir: np.ndarray, field: Field, part: tuple[int, int, int, int], shape: tuple[int, int]) -> np.ndarray:
    """The infrared picture over ``part`` of the visible one, as W×H = ``shape``; edges are repeated."""
    x0, y0, x1, y1 = part
    per_x, per_y = ir.shape[1] / field.w, ir.shape[0] / field.h  # infrared pixels a visible pixel
    step_x, step_y = (x1 - x0) * per_x / shape[0], (y1 - y0) * per_y / shape[1]
    u0, v0 = (x0 - field.x) * per_x, (y0 - field.y) * per_y
    if max(step_x, step_y) > 2:  # much smaller than the sensor: averaged first, so that nothing is skipped
        factor = max(step_x, step_y)
        size = (max(1, round(ir.shape[1] / factor)), max(1, round(ir.shape[0] / factor)))
        sx, sy = size[0] / ir.shape[1], size[1] / ir.shape[0]
        ir = cv2.resize(ir, size, interpolation=cv2.INTER_AREA)
        step_x, step_y, u0, v0 = step_x * sx, step_y * sy, u0 * sx, v0 * sy
    matrix = np.array([[step_x, 0, u0 + step_x / 2 - 0.5], [0, step_y, v0 + step_y / 2 - 0.5]])
    warped = cv2.warpAffine(
        ir, matrix, shape, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return warped if warped.dtype.kind == "u" else np.clip(warped, 0, 1)
