"""Frames of two sources, each with its time → pairs: by their number, or by what is nearest in time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
U = TypeVar("U")

Pair = Literal["time", "frame"]
SAME_RATE = Fraction(2, 1000)  # 30 and 29.97 frames a second are one rate: cameras round it
_TOLERANCE = 1e-3  # of a frame, by which times of files are rounded


def one_rate(a: Fraction | None, b: Fraction | None) -> bool:
    """Whether two rates are the same but for rounding; a source without one goes at the other's."""
    return a is None or b is None or abs(a - b) <= SAME_RATE * max(a, b)


def by_number(first: Iterator[T], second: Iterator[U], skip: int = 0) -> Iterator[tuple[T, U]]:
    """Frame by frame. skip: so many frames of ``second`` come before the first of ``first``; negative: the reverse."""
    yield from zip(islice(first, max(0, -skip), None), islice(second, max(0, skip), None), strict=False)


def by_time(
    first: Iterator[tuple[float, T]],
    second: Iterator[tuple[float, U]],
    rates: tuple[Fraction, Fraction],
    fps: Fraction,
    offset: float = 0.0,
) -> Iterator[tuple[T, U]]:
    """At each moment of a grid of ``fps`` frames a second, the frame of each source that is nearest.

    The items are (seconds from the source's beginning, frame); rates: frames a second of both, for how long a frame
    stays. offset: ``first`` begins so many seconds after ``second``. The grid goes over the time that both show.
    """
    begin = max(0.0, offset)
    a = _Nearest(((seconds + offset, frame) for seconds, frame in first), 1 / float(rates[0]))
    b = _Nearest(second, 1 / float(rates[1]))
    number = 0
    while True:
        moment = begin + number / float(fps)
        if not (a.reaches(moment) and b.reaches(moment)):
            return
        yield a.frame, b.frame
        number += 1


class _Nearest(Generic[T]):
    """Goes through frames in time; holds the one that is nearest to the moment asked for, and the next."""

    def __init__(self, items: Iterator[tuple[float, T]], lasts: float) -> None:
        self._items, self._lasts = items, lasts
        self._now = next(items, None)
        self._next = next(items, None)

    @property
    def frame(self) -> T:
        assert self._now is not None  # as long as ``reaches`` says so
        return self._now[1]

    def reaches(self, moment: float) -> bool:
        """Goes on to the frame nearest to ``moment``; False once the source has ended."""
        close = _TOLERANCE * self._lasts
        while self._now and self._next and self._next[0] - moment <= moment - self._now[0] + close:
            self._now, self._next = self._next, next(self._items, None)
        if self._now is None:
            return False
        # the last frame is shown as long as any other
        return self._next is not None or moment < self._now[0] + self._lasts - close
