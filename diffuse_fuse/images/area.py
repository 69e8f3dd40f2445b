"""Area means of a picture, and enlarging so that exactly these means come back.

A pixel of a small picture measures the mean over its area, so reducing is y = A x with A made of a matrix for the rows
and one for the columns, by whole or fractional factors (what OpenCV calls INTER_AREA). An enlargement G with A G = 1 is
a right inverse of A: x + G (y - A x) has the means y, whatever x is. (The null-space projection of DDNM, Wang et al.
2023, whose A^+ is a right inverse too.) All matrices are float64.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from diffuse_fuse.arguments import text, whole
from diffuse_fuse.arrays import Array
from diffuse_fuse.errors import UsageError

ENLARGEMENTS = ("cubic", "nearest")
_SHARPNESS = -0.5  # a of Keys' cubic convolution (1981), whose error falls with the third power of the distance


@lru_cache(maxsize=32)
def mean_matrix(large: int, small: int) -> Array:
    """(small, large): row i takes the mean over the i-th of ``small`` equal parts of ``large`` pixels in a row.

    Raises UsageError unless 1 <= small <= large.
    """
    large = whole(large, "The length of a row", least=1)
    small = whole(small, "The length of a reduced row", least=1, most=large)
    edges = np.arange(small + 1) * (large / small)
    start, pixel = edges[:-1, None], np.arange(large)[None]
    overlap = np.clip(np.minimum(edges[1:, None], pixel + 1) - np.maximum(start, pixel), 0, None)
    return frozen(overlap / overlap.sum(axis=1, keepdims=True))


@lru_cache(maxsize=32)
def enlarging_matrix(small: int, large: int, kind: str = "cubic") -> Array:
    """(large, small): a right inverse of ``mean_matrix(large, small)``, so that the means of what it makes are exact.

    "nearest": the Moore-Penrose inverse, which repeats values where the factor is whole: of all answers the one with
    the least energy, in blocks. "cubic": Keys' cubic convolution C, corrected to C (A C)^-1, smooth; it is where
    back-projection would arrive. Raises UsageError for another kind, and as ``mean_matrix`` does.
    """
    if text(kind, "The enlargement") not in ENLARGEMENTS:
        raise UsageError(f"Unknown enlargement '{kind}': use one of {', '.join(ENLARGEMENTS)}.")
    mean = mean_matrix(large, small)
    shape = mean.T if kind == "nearest" else _cubic_matrix(small, large)
    return frozen(np.linalg.solve((mean @ shape).T, shape.T).T)


def frozen(matrix: Array) -> Array:
    """``matrix``, which nobody may write to: callers share it."""
    matrix.setflags(write=False)
    return matrix


def _cubic_matrix(small: int, large: int) -> Array:
    """(large, small): Keys' cubic convolution at the centres of ``large`` pixels; values at the ends are repeated."""
    place = (np.arange(large) + 0.5) * (small / large) - 0.5
    first = np.floor(place).astype(int)
    matrix = np.zeros((large, small))
    for tap in range(-1, 3):
        weight = _keys(np.abs(place - (first + tap)))
        np.add.at(matrix, (np.arange(large), np.clip(first + tap, 0, small - 1)), weight)
    return matrix


def _keys(distance: Array) -> Array:
    """The kernel of cubic convolution at distances from 0 to 2."""
    a, d = _SHARPNESS, distance
    near: Array = ((a + 2) * d - (a + 3)) * d * d + 1
    far: Array = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
