"""Values → [0, 1]: which value becomes black and which white."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import arrays
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import ThermalRange, is_camera
from diffuse_fuse.images.thermal.source import Thermal

Range = tuple[float, float]

_ENOUGH = 0.25  # of the picture must lie in the camera's span: a sky can fill more than half

# A range is said to be too wide where so many of its parts hold so many of the pixels.
_BINS, _FEW, _ALMOST_ALL = 100, 6, 0.99
_MOST = 0.5  # of the pixels that the range must show that the warning names
_SAMPLE = 500_000


def to_unit(thermal: Thermal, given: Range | None = None, black_hot: bool = False) -> np.ndarray:
    """The picture as the fusion takes it, H×W: uint8 grey levels as they are, else float32 in [0, 1].

    given: the values that become 0 and 1; those outside are clipped. Without it, robust percentiles of the picture
    within the camera's span (see ``cut_to_span``), and 8-bit pictures stay as they are. black_hot: turned round.
    """
    values, given = thermal.values, given or cut_to_span(thermal)
    if given is None and values.dtype == np.uint8:
        return 255 - values if black_hot else values
    if given is not None:
        unit = arrays.scaled(values, *given)
    else:
        unit = arrays.stretch_counts(values, None if thermal.holes is None else thermal.measured)
    return 1 - unit if black_hot else unit


def asked_range(thermal: Thermal, asked: ThermalRange | None, path: str | os.PathLike[str]) -> Range | None:
    """The values that become black and white where ``asked`` sets them, else None; ``path`` is for the message.

    Raises ImageReadError for "camera" where the file does not say what the camera's screen showed.
    """
    if not is_camera(asked):
        return asked
    if thermal.span is None:
        raise ImageReadError(
            f"{shown(path)} does not store the range of the camera's display: give two values instead of camera, or "
            "leave --thermal-range out."
        )
    return thermal.span


def outside(thermal: Thermal, given: Range) -> bool:
    """True when so little of the picture lies in the range that it shows nothing: a wrong unit, mostly."""
    return _share_within(thermal, given) < 0.01


def robust_range(thermal: Thermal) -> Range:
    """The two percentiles between which almost all of what was measured lies."""
    return arrays.robust_ends(thermal.measured)


def cut_to_span(thermal: Thermal) -> Range | None:
    """The robust range as far as it lies within the camera's span; None where that cuts off nothing.

    A clear sky is colder than what a camera can measure and would take most of the greys. The camera leaves it out of
    its screen. Where hardly anything lies in the span, somebody had set it for another scene: None, too.
    """
    if thermal.span is None or thermal.values.dtype == np.uint8:
        return None
    (low, high), (first, last) = robust_range(thermal), thermal.span
    cut = max(low, first), min(high, last)
    if cut == (low, high) or cut[0] >= cut[1] or _share_within(thermal, thermal.span) < _ENOUGH:
        return None
    return cut


def shown_range(thermal: Thermal) -> Range:
    """The two values that a picture by itself is stretched between."""
    return cut_to_span(thermal) or robust_range(thermal)


def crowded(thermal: Thermal, given: Range | None = None) -> str | None:
    """A warning where almost all pixels share a small part of the range that becomes black to white; None otherwise.

    8-bit levels without a range are shown as they are, so nothing is said of them.
    """
    if given is None and thermal.unit == "levels":
        return None
    values = thermal.measured.ravel()
    values = values[:: max(1, values.size // _SAMPLE)].astype(np.float64)
    low, high = given or cut_to_span(thermal) or arrays.stretched_range(thermal.measured)
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
        f"{low:.6g} to {high:.6g} from black to white, so it shows little. --thermal-range {first:.6g} {last:.6g} "
        "shows most of them; if a value marks a missing measurement, add --nodata VALUE."
    )


def series_range(ranges: Iterable[Range]) -> Range | None:
    """One range for a series: the smallest that holds the robust range of every picture; None without pictures."""
    lows, highs = zip(*ranges, strict=True) if (ranges := list(ranges)) else ((), ())
    return (min(lows), max(highs)) if lows else None


def _share_within(thermal: Thermal, given: Range) -> float:
    measured = thermal.measured
    return float(((measured > given[0]) & (measured < given[1])).mean())
