"""The range of thermal values that becomes black to white in a video: fixed, or following slowly.

A range of its own for each frame makes the whole picture pump when something hot enters it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from diffuse_fuse.images.arrays import CLIPPED_PERCENT, to_bytes

if TYPE_CHECKING:
    from diffuse_fuse.video.frame import Frame

FIRST = 8  # frames that are looked at before the first one is shown
SECONDS = 2.0  # after a change, two thirds of the way are done in this time
_SAMPLES = 20_000  # pixels of a frame that its percentiles are taken of

Range = tuple[float, float]


class SteadyRange:
    """Infrared values of one video → uint8 grey levels.

    8-bit levels pass as they are, unless a range is ``given``. Deeper values are stretched between two robust
    percentiles, or the span that a frame brings along, which follow those of the frames with a time constant of
    ``SECONDS``. black_hot: turned round.
    """

    def __init__(self, fps: float, given: Range | None = None, black_hot: bool = False) -> None:
        self._share = 1 - math.exp(-1 / (fps * SECONDS))
        self._given, self._black_hot = given, black_hot
        self.range: Range | None = given

    def start(self, first: Iterable[tuple[np.ndarray, Range | None]]) -> None:
        """Looks at the first frames and their spans: the range begins as the middle of theirs."""
        ranges = [span or _robust(values) for values, span in first if values.dtype != np.uint8]
        if self._given is None and ranges:
            low, high = np.median(ranges, axis=0)
            self.range = float(low), float(high)

    def __call__(self, values: np.ndarray, span: Range | None = None) -> np.ndarray:
        """The next frame, H×W of any numeric type → uint8; ``span``: its own range, where it has one.

        What a masked array masks has no part in the range.
        """
        measured, values = values, np.ma.getdata(values)
        if self._given is None and values.dtype == np.uint8:
            levels = values
        else:
            levels = to_bytes(self._unit(values.astype(np.float32), measured, span))
        return 255 - levels if self._black_hot else levels

    def _unit(self, values: np.ndarray, measured: np.ndarray, span: Range | None) -> np.ndarray:
        if self._given is not None:
            low, high = self._given
        else:
            now = span or _robust(measured)
            before = self.range or now
            low, high = (old + self._share * (new - old) for old, new in zip(before, now, strict=True))
            self.range = low, high
        return (values - low) / (high - low) if high > low else np.zeros_like(values)


def looked_ahead(frames: Iterator[Frame], scale: SteadyRange) -> Iterator[Frame]:
    """The same frames, of which the first ``FIRST`` have been shown to ``scale``."""
    first = list(islice(frames, FIRST))
    scale.start((frame.ir, frame.span) for frame in first)
    while first:  # given away one by one, so that they are not held longer than needed
        yield first.pop(0)
    yield from frames


def _robust(values: np.ndarray) -> Range:
    step = max(1, math.isqrt(values.size // _SAMPLES))
    sample = values[::step, ::step]
    if isinstance(sample, np.ma.MaskedArray):
        sample = sample.compressed() if sample.count() else sample.data
    low, high = np.percentile(sample[np.isfinite(sample)], (CLIPPED_PERCENT, 100 - CLIPPED_PERCENT))
    return float(low), float(high)
