"""Pictures in bands of rows: what a metric needs in between stays small, whatever the picture's size.

A metric that is a sum over pixels is the sum over bands, each with as many rows around as its filters look at. So a
picture of 100 megapixels takes little more memory than the picture itself, and one of any size finds its values in the
processor's caches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.metrics.context import Array

_PIXELS = 1 << 16  # of a band: its float64 planes fit into half a megabyte each
_LEAST_ROWS = 64  # of very wide pictures: the rows around a band are computed twice
_KEPT_BYTES = 1 << 24


@dataclass(frozen=True)
class Band:
    """Some rows of a picture. rows: with those around, as far as there are any; inner: which of these are its own."""

    rows: slice
    inner: slice


def bands(height: int, width: int, around: int = 0, step: int = 1) -> Iterator[Band]:
    """Bands that cover ``height`` rows of ``width`` pixels, with ``around`` more on either side inside the picture.

    The first row of each is a multiple of ``step``.
    """
    rows = -(-max(_LEAST_ROWS, _PIXELS // max(1, width)) // step) * step
    for top in range(0, height, rows):
        bottom, first = min(top + rows, height), max(0, top - around)
        yield Band(slice(first, min(bottom + around, height)), slice(top - first, bottom - first))


def total(shape: tuple[int, int], around: int, values: Callable[[Band], tuple[float, ...]]) -> Array:
    """Sum of what ``values`` gives for each band of a picture of ``shape``, float64."""
    # Having seen a block of this size, the C library of Linux keeps smaller ones that are freed: otherwise the next
    # band's planes are new pages, which take as long to come by as to compute.
    np.empty(_KEPT_BYTES, np.uint8)
    sums: Array = np.asarray([values(band) for band in bands(*shape, around)], np.float64).sum(axis=0)
    return sums
