"""A side of a picture cut into parts that see enough of their neighbours to come out as they would in the whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.arrays import Array

OnRows = Callable[[int, int], None]  # told, now and then, how many rows of a picture are done and how many there are


@dataclass(frozen=True)
class Span:
    """One part of a side. A network is given the places from ``start`` to ``stop``, of which those beyond the picture
    are reflected; of its result, what lies ``inside`` goes to ``out`` of the picture."""

    start: int
    stop: int
    out: slice

    @property
    def inside(self) -> slice:
        """Where in its own result the part finds what goes to ``out``."""
        return slice(self.out.start - self.start, self.out.stop - self.start)

    def of(self, array: Array, axis: int) -> Array:
        """The part of an ``array`` along ``axis`` that the network is given."""
        return reflected(array, self.start, self.stop, axis)


def spans(size: int, parts: int, overlap: int, cell: int) -> Iterator[Span]:
    """``size`` pixels in up to ``parts`` parts of whole cells of ``cell`` pixels, with ``overlap`` pixels more on each
    side where the picture goes on; the last cell may go beyond the picture."""
    padded = size + -size % cell
    side = math.ceil(padded / cell / parts) * cell
    for start in range(0, size, side):
        stop = min(start + side, padded)
        yield Span(max(0, start - overlap), min(stop + overlap, padded), slice(start, min(stop, size)))


def reflected(array: Array, start: int, stop: int, axis: int) -> Array:
    """Places ``start`` to ``stop`` along ``axis``; those beyond the last one are reflected at it."""
    size = array.shape[axis]
    before = (slice(None),) * axis
    inside = array[(*before, slice(start, min(stop, size)))]
    if stop <= size:
        return inside
    beyond = 2 * (size - 1) - np.arange(size, stop)
    return np.concatenate([inside, array[(*before, beyond)]], axis=axis)
