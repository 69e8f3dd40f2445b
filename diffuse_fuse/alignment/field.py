"""The infrared picture's field in the visible one, found by search: one pair in, a rectangle and its confidence out.

Guesses of ``scan`` are refined coarse to fine, as those of an alignment are, and believed when the parts of the
picture, each matched by itself, agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffuse_fuse.alignment.agreement import Agreement, agreement
from diffuse_fuse.alignment.descriptor import describe, inside_frame
from diffuse_fuse.alignment.pyramid import Level
from diffuse_fuse.alignment.refine import refine
from diffuse_fuse.alignment.scan import LARGEST, SMALLEST, resized, scan
from diffuse_fuse.alignment.transform import Kind, Transform, corner_points, project, resample, resampling
from diffuse_fuse.images.arrays import as_infrared, to_one_channel, to_uint8_rgb
from diffuse_fuse.images.field import Field

# Of the windows that agree, one in twenty does by chance, with a spread that goes with one over the root of their
# number. Chosen on RoadScene's training and validation pairs, right ones and interchanged ones; see docs/alignment.md.
_CHANCE, _SPREADS = 0.05, 2.2
SURE = 0.35  # the least of it, with many windows
MINIMUM_SIZE = 64  # pixels of the shorter side of either picture
LEVELS = (160, 320, 640)  # pixels of the field's longer side
STARTS = (8, 3, 2)  # guesses that are refined at each
_JUDGED = 480  # pixels of the field's longer side at which its windows are compared
_ENLARGED = 3.0  # at most: a field of few pixels is enlarged, so that its windows are as many as those of a large one
_MARGIN = 0.04  # of the field around it, that is looked at too
_LARGEST_IR, _LARGEST_VIS = 1024, 2048  # pixels of the longer side that are looked at
_EQUAL = 0.005  # of the visible picture's diagonal
_TURN = 10.0  # degrees: no rig is turned by more
UNSURE = (
    "No trustworthy field of the infrared picture in the visible one was found: give it with "
    "--ir-field X,Y,W,H, or make a file from many pairs with dfuse align."
)


@dataclass(frozen=True)
class FoundField:
    """``field``: the best one, believed or not; None where nothing could be compared.

    matrix: 3×3, visible pixel -> infrared pixel at the pictures' own sizes, with the rotation that a rectangle cannot
    hold. confidence: share in [0, 1] of the field's windows that agree when each is matched by itself. residual: median
    distance in pixels of the visible picture of the windows' own matches. reason: why it is not used, or None.
    """

    field: Field | None
    matrix: np.ndarray
    confidence: float = 0.0
    residual: float = 0.0
    reason: str | None = UNSURE

    def as_dict(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "source": "search",
            "applied": self.reason is None,
            "field": self.field and self.field.as_list(),
            "confidence": round(self.confidence, 4),
            "residual_px": round(self.residual, 3),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class _Sides:
    """Both pictures as they are looked at: grey float32, with bool masks of what is valid."""

    ir: np.ndarray
    vis: np.ndarray
    ir_valid: np.ndarray
    vis_valid: np.ndarray


@dataclass(frozen=True)
class _Window:
    """Both pictures over a field: ``start`` leads from the level's visible pixel to its infrared one, ``whole`` turns
    such a matrix into one for ``_Sides``; scale: level pixels a visible pixel."""

    level: Level
    start: np.ndarray
    whole: Callable[[np.ndarray], np.ndarray]
    scale: float


def find_field(ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None = None) -> FoundField:
    """Where an infrared picture h×w lies in a visible one H×W×3, each at its own size, as ``Fuser.fuse`` takes them.

    Fields that the visible camera sees 0.75 to 3.3 times are looked for, 1 being the largest one inside; up to 40 % of
    one may lie outside. ``holes``: bool h×w, where the infrared camera measured nothing.
    """
    a = as_infrared(ir)
    b = to_one_channel(to_uint8_rgb(vis)).astype(np.float32) / np.float32(255)
    if min(*a.shape, *b.shape) < MINIMUM_SIZE:
        return FoundField(None, np.eye(3))
    sides = _sides(a, b, holes)
    ir_size, vis_size = sides.ir.shape[::-1], sides.vis.shape[::-1]
    guesses = scan(sides.ir, sides.vis, sides.ir_valid, sides.vis_valid, STARTS[0])
    best = _best(sides, [matrix_of(guess.field, ir_size) for guess in guesses])
    if best is None:
        return FoundField(None, np.eye(3))
    agreed, small, scale = best
    to_ir = resampling(ir_size, (a.shape[1], a.shape[0]))
    to_vis = resampling((b.shape[1], b.shape[0]), vis_size)
    matrix = to_ir @ small @ to_vis
    field = _field_of(matrix, (a.shape[1], a.shape[0]), (b.shape[1], b.shape[0]))
    field = _whole_if_so(field)
    residual = agreed.residual / scale * b.shape[1] / vis_size[0]
    reason = None if agreed.share >= needed(agreed.windows) else UNSURE
    return FoundField(field, matrix, agreed.share, residual, reason)


def needed(windows: int) -> float:
    """The share of so many windows that must agree for a field to be believed."""
    return max(SURE, _CHANCE + _SPREADS / max(1, windows) ** 0.5)


def _best(sides: _Sides, matrices: list[np.ndarray]) -> tuple[Agreement, np.ndarray, float] | None:
    """The guess whose windows agree most: how they do, its matrix, and level pixels a visible pixel."""
    refined: list[tuple[float, np.ndarray, _Window, np.ndarray]] = []
    for longest, count in zip(LEVELS, STARTS, strict=True):
        refined = []
        for matrix in matrices[:count]:
            window = _window(sides, matrix, longest)
            if window is None:
                continue
            better, score = refine(window.level.ir, window.level.vis, window.start, Kind.similarity)
            whole = window.whole(better)
            if _is_sane(whole, sides):
                refined.append((score * _share(window.level, better) ** 0.5, whole, window, better))
        refined.sort(key=lambda entry: -entry[0])
        matrices = [whole for _, whole, _, _ in refined]
    found = []
    for whole in matrices:
        if window := _window(sides, whole, _JUDGED):
            agreed = agreement(window.level, Transform(window.start, window.level.size))
            found.append((agreed, whole, window.scale))
    return max(found, key=lambda entry: entry[0].share, default=None)


def _sides(ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None) -> _Sides:
    a, b = _reduced(ir, _LARGEST_IR), _reduced(vis, _LARGEST_VIS)
    valid = inside_frame(a)
    if holes is not None:
        valid = valid & (resized(holes.astype(np.float32), a.shape[::-1]) < 0.01)
    return _Sides(a, b, valid, inside_frame(b))


def _window(sides: _Sides, matrix: np.ndarray, longest: int) -> _Window | None:
    """Both pictures over the field that ``matrix`` says, its longer side ``longest`` pixels; None where too little of
    it lies in the visible picture."""
    ir_size, vis_size = sides.ir.shape[::-1], sides.vis.shape[::-1]
    corners = project(np.linalg.inv(matrix), corner_points(ir_size))
    low, high = corners.min(axis=0), corners.max(axis=0)
    long = float((high - low).max())
    x0, y0 = (max(0, int(np.floor(value))) for value in low - _MARGIN * long)
    x1, y1 = (min(side, int(np.ceil(v)) + 1) for v, side in zip(high + _MARGIN * long, vis_size, strict=True))
    if min(x1 - x0, y1 - y0) < MINIMUM_SIZE / 4:
        return None
    scale = min(_ENLARGED, longest / long)
    size = (max(16, round((x1 - x0) * scale)), max(16, round((y1 - y0) * scale)))
    part = np.s_[y0:y1, x0:x1]
    own = scale * long / max(ir_size)
    own_size = (max(16, round(ir_size[0] * own)), max(16, round(ir_size[1] * own)))
    level = Level(
        _described(sides.ir, sides.ir_valid, own_size), _described(sides.vis[part], sides.vis_valid[part], size)
    )
    to_level = resampling((x1 - x0, y1 - y0), size) @ np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1.0]])
    own_to_level = resampling(ir_size, own_size)
    return _Window(
        level,
        own_to_level @ matrix @ np.linalg.inv(to_level),
        lambda found: np.linalg.inv(own_to_level) @ found @ to_level,
        scale,
    )


def _described(grey: np.ndarray, valid: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return describe(resized(grey, size), resized(valid.astype(np.float32), size) > 0.99)


def _share(level: Level, matrix: np.ndarray) -> float:
    """How much of the infrared picture lies in the visible one, at most 1."""
    moved = resample(level.ir[..., 3], matrix, level.size)
    return min(1.0, float((moved * level.vis[..., 3]).sum()) / max(1.0, float(level.ir[..., 3].sum())))


def _is_sane(matrix: np.ndarray, sides: _Sides) -> bool:
    """False for scales and rotations that are not looked for."""
    if not np.isfinite(matrix).all():
        return False
    fit = min(b / a for a, b in zip(sides.ir.shape, sides.vis.shape, strict=True))
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0])) * fit
    turn = float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    return 0.93 * SMALLEST < zoom < 1.07 * LARGEST and abs(turn) < _TURN


def matrix_of(field: Field, ir: tuple[int, int]) -> np.ndarray:
    """3×3: visible pixel -> infrared pixel; pixel centres have whole coordinates."""
    sx, sy = ir[0] / field.w, ir[1] / field.h
    return np.array([[sx, 0, (0.5 - field.x) * sx - 0.5], [0, sy, (0.5 - field.y) * sy - 0.5], [0, 0, 1]])


def _field_of(matrix: np.ndarray, ir: tuple[int, int], vis: tuple[int, int]) -> Field:
    """The upright rectangle with the centre and the size of where the infrared picture lies."""
    inverse = np.linalg.inv(matrix)
    pixel = float(np.sqrt(abs(np.linalg.det(inverse[:2, :2]))))  # visible pixels an infrared pixel
    (cx, cy), w, h = project(inverse, np.array([[(ir[0] - 1) / 2, (ir[1] - 1) / 2]]))[0] + 0.5, *(pixel * s for s in ir)
    return Field(float(cx - w / 2), float(cy - h / 2), w, h, vis)


def _whole_if_so(field: Field) -> Field:
    """The whole visible picture, where a field is that up to what the search is off by."""
    w, h = field.size
    off = np.abs([field.x, field.y, field.x + field.w - w, field.y + field.h - h]).max()
    return Field(0.0, 0.0, w, h, field.size) if off < _EQUAL * np.hypot(w, h) else field


def _reduced(grey: np.ndarray, longest: int) -> np.ndarray:
    factor = longest / max(grey.shape)
    if factor >= 1:
        return grey
    return resized(grey, (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor))))
