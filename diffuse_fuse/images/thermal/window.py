"""Values → [0, 1]: which value becomes black and which white."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from diffuse_fuse.images import arrays
from diffuse_fuse.images.thermal.source import Thermal

Range = tuple[float, float]


def to_unit(thermal: Thermal, given: Range | None = None, black_hot: bool = False) -> np.ndarray:
    """The picture as the fusion takes it, H×W: uint8 grey levels as they are, else float32 in [0, 1].

    given: the values that become 0 and 1; those outside are clipped. Without it, robust percentiles of the picture,
    and 8-bit pictures stay as they are. black_hot: turned round.
    """
    values = thermal.values
    if given is None and values.dtype == np.uint8:
        return 255 - values if black_hot else values
    unit = arrays.stretch_counts(values) if given is None else arrays.scaled(values, *given)
    return 1 - unit if black_hot else unit


def outside(thermal: Thermal, given: Range) -> bool:
    """True when so little of the picture lies in the range that it shows nothing: a wrong unit, mostly."""
    inside = (thermal.values > given[0]) & (thermal.values < given[1])
    return float(inside.mean()) < 0.01


def robust_range(thermal: Thermal) -> Range:
    """The two percentiles that a picture by itself is stretched between."""
    return arrays.robust_ends(thermal.values)


def series_range(ranges: Iterable[Range]) -> Range | None:
    """One range for a series: the smallest that holds the robust range of every picture; None without pictures."""
    lows, highs = zip(*ranges, strict=True) if (ranges := list(ranges)) else ((), ())
    return (min(lows), max(highs)) if lows else None
