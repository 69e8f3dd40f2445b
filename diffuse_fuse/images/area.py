"""Area means of a picture, and enlarging so that exactly these means come back.

A pixel of a small picture measures the mean over its area, so reducing is y = A x with A made of a matrix for the rows
and one for the columns, by whole or fractional factors (what OpenCV calls INTER_AREA). An enlargement G with A G = 1 is
a right inverse of A: x + G (y - A x) has the means y, whatever x is. (The null-space projection of DDNM, Wang et al.
2023, whose A^+ is a right inverse too.) All matrices are float64.

Where the small row does not begin with the large one, ``start`` is where its first pixel begins, in pixels of the
large row, and ``step`` how many of these each covers.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from diffuse_fuse.arguments import text, whole
from diffuse_fuse.arrays import Array
from diffuse_fuse.errors import UsageError

ENLARGEMENTS = ("cubic", "nearest")
_SHARPNESS = -0.5  # a of Keys' cubic convolution (1981), whose error falls with the third power of the distance
_TAPS = range(-1, 3)
_ROUNDING = 1e-6  # of a pixel: an area that reaches so far outside counts as inside


@lru_cache(maxsize=32)
def mean_matrix(large: int, small: int, start: float = 0.0, step: float | None = None) -> Array:
    """(small, large): row i takes the mean over the i-th of ``small`` equal parts of ``large`` pixels in a row.

    Raises UsageError unless 1 <= small <= large.
    """
    large = whole(large, "The length of a row", least=1)
    small = whole(small, "The length of a reduced row", least=1, most=large)
    step = large / small if step is None else step
    edges, pixel = start + np.arange(small + 1) * step, np.arange(large)[None]
    overlap = np.clip(np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel), 0, None)
    return _frozen(overlap / overlap.sum(axis=1, keepdims=True))


@lru_cache(maxsize=32)
def enlarging_matrix(
    small: int, large: int, kind: str = "cubic", start: float = 0.0, step: float | None = None
) -> Array:
    """(large, small): a right inverse of ``mean_matrix(large, small)``, so that the means of what it makes are exact.

    "nearest": the Moore-Penrose inverse, which repeats values where the factor is whole: of all answers the one with
    the least energy, in blocks. "cubic": Keys' cubic convolution C, corrected to C (A C)^-1, smooth; it is where
    back-projection would arrive. Raises UsageError for another kind, and as ``mean_matrix`` does.
    """
    if text(kind, "The enlargement") not in ENLARGEMENTS:
        raise UsageError(f"Unknown enlargement '{kind}': use one of {', '.join(ENLARGEMENTS)}.")
    mean = mean_matrix(large, small, start, step)
    shape = mean.T if kind == "nearest" else _matrix(*_taps(small, large, start, step), small)
    return _frozen(np.linalg.solve((mean @ shape).T, shape.T).T)


def enlarged(y: Array, size: tuple[int, int], lies: tuple[tuple[float, float], ...] | None = None) -> Array:
    """``y`` (h, w) enlarged to ``size`` (H, W), float32, smooth and with exactly the means ``y``.

    As both ``enlarging_matrix`` of "cubic" would, four taps at a time: no library of matrices has a say in the order
    of sums. ``lies``: start and step of rows and of columns, where the small picture's pixels reach over the sides;
    those that do are taken as they are, and only the others come back as means.
    """
    for axis, ((start, step), large) in enumerate(zip(lies or ((0.0, None),) * 2, size, strict=True)):
        small = y.shape[axis]
        along = _correction(small, large, start, step) @ np.moveaxis(y, axis, 0).astype(np.float64)
        first, weights = _taps(small, large, start, step)
        parts = along.astype(np.float32)
        result = np.zeros((large, y.shape[1 - axis]), np.float32)
        for tap, weight in zip(_TAPS, weights, strict=True):
            result += weight.astype(np.float32)[:, None] * parts[np.clip(first + tap, 0, small - 1)]
        y = np.moveaxis(result, 0, axis)
    return np.ascontiguousarray(y)


def inside(small: int, large: int, start: float, step: float) -> slice:
    """Those of ``small`` pixels whose whole area lies on the large row."""
    first = max(0, int(np.ceil(-start / step - _ROUNDING)))
    last = min(small, int(np.floor((large - start) / step + _ROUNDING)))
    return slice(first, max(first, last))


@lru_cache(maxsize=32)
def _correction(small: int, large: int, start: float, step: float | None) -> Array:
    """(small, small): what ``small`` values become so that cubic convolution gives them back as means: T in C T y.

    T = 1 + S' (A C S')^-1 (S - A C), where S chooses the pixels that lie inside, and A takes the means over these.
    """
    step = large / small if step is None else step
    kept = inside(small, large, start, step)
    count, correction = kept.stop - kept.start, np.eye(small)
    if count:
        shape = _matrix(*_taps(small, large, start, step), small)
        seen = mean_matrix(large, count, start + kept.start * step, step) @ shape
        correction[kept] += np.linalg.solve(seen[:, kept], np.eye(small)[kept] - seen)
    return _frozen(correction)


def _taps(small: int, large: int, start: float, step: float | None) -> tuple[Array, list[Array]]:
    """Cubic convolution at the centres of ``large`` pixels: the pixel before each, and the weight of each tap."""
    step = large / small if step is None else step
    place = (np.arange(large) + 0.5 - start) / step - 0.5
    first = np.floor(place).astype(int)
    return first, [_keys(np.abs(place - (first + tap))) for tap in _TAPS]


def _matrix(first: Array, weights: list[Array], small: int) -> Array:
    """(large, small): taps as a matrix; values at the ends are repeated."""
    matrix = np.zeros((len(first), small))
    for tap, weight in zip(_TAPS, weights, strict=True):
        np.add.at(matrix, (np.arange(len(first)), np.clip(first + tap, 0, small - 1)), weight)
    return matrix


def _keys(distance: Array) -> Array:
    """The kernel of cubic convolution at distances from 0 to 2."""
    a, d = _SHARPNESS, distance
    near: Array = ((a + 2) * d - (a + 3)) * d * d + 1
    far: Array = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _frozen(matrix: Array) -> Array:
    """``matrix``, which nobody may write to: callers share it."""
    matrix.setflags(write=False)
    return matrix
