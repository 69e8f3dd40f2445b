"""Values → [0, 1]: which value becomes black and which white."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from diffuse_fuse.images import arrays
from diffuse_fuse.images.thermal.source import Thermal

Range = tuple[float, float]

# A range is said to be too wide where so many of its parts hold so many of the pixels.
_BINS, _FEW, _ALMOST_ALL = 100, 6, 0.99
_MOST = 0.5  # of the pixels that the range must show that the warning names
_SAMPLE = 500_000


def to_unit(thermal: Thermal, given: Range | None = None, black_hot: bool = False) -> np.ndarray:
    """The picture as the fusion takes it, H×W: uint8 grey levels as they are, else float32 in [0, 1].

    given: the values that become 0 and 1; those outside are clipped. Without it, robust percentiles of the picture,
    and 8-bit pictures stay as they are. black_hot: turned round.
    """
    values = thermal.values
    if given is None and values.dtype == np.uint8:
        return 255 - values if black_hot else values
    if given is not None:
        unit = _scaled(values, given)
    else:
        unit = arrays.stretch_counts(values, None if thermal.holes is None else thermal.measured)
    return 1 - unit if black_hot else unit


def outside(thermal: Thermal, given: Range) -> bool:
    """True when so little of the picture lies in the range that it shows nothing: a wrong unit, mostly."""
    measured = thermal.measured
    inside = (measured > given[0]) & (measured < given[1])
    return float(inside.mean()) < 0.01


def robust_range(thermal: Thermal) -> Range:
    """The two percentiles that a picture by itself is stretched between."""
    values = thermal.measured.astype(np.float64)
    low, high = np.percentile(values, (arrays.CLIPPED_PERCENT, 100 - arrays.CLIPPED_PERCENT))
    return float(low), float(high)


def crowded(thermal: Thermal, given: Range | None = None) -> str | None:
    """A warning where almost all pixels share a small part of the range that becomes black to white; None otherwise.

    8-bit levels without a range are shown as they are, so nothing is said of them.
    """
    if given is None and thermal.unit == "levels":
        return None
    values = thermal.measured.astype(np.float64).ravel()
    values = values[:: max(1, values.size // _SAMPLE)]
    low, high = given or arrays.stretched_range(thermal.measured.astype(np.float64).ravel())
    if not high > low:
        return None
    counts, edges = np.histogram(np.clip(values, low, high), _BINS, (low, high))
    full = np.argsort(counts)[::-1][:_FEW]
    if counts[full].sum() < _ALMOST_ALL * values.size:
        return None
    main = int(full[0])
    near = (values >= edges[max(0, main - _FEW)]) & (values <= edges[min(_BINS, main + 1 + _FEW)])
    if near.mean() < _MOST:
        return None
    first, last = np.percentile(values[near], (0.5, 99.5))
    if not last > first:  # an even ground has no contrast that a range could show
        return None
    return (
        f"{_ALMOST_ALL:.0%} of the infrared picture's pixels fall into {_FEW / _BINS:.0%} of the range "
        f"{low:.6g} to {high:.6g} that becomes black to white, so it shows little: --thermal-range {first:.6g} "
        f"{last:.6g} shows most of them; if a value means that nothing was measured, --nodata VALUE leaves it out."
    )


def series_range(ranges: Iterable[Range]) -> Range | None:
    """One range for a series: the smallest that holds the robust range of every picture; None without pictures."""
    lows, highs = zip(*ranges, strict=True) if (ranges := list(ranges)) else ((), ())
    return (min(lows), max(highs)) if lows else None


def _scaled(values: np.ndarray, given: Range) -> np.ndarray:
    low, high = given
    return np.clip((values.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32)
