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


def to_unit(thermal: Thermal, given: Range | None = None, black_hot: bool = False) -> np.ndarray:
    """The picture as the fusion takes it, H×W: uint8 grey levels as they are, else float32 in [0, 1].

    given: the values that become 0 and 1; those outside are clipped. Without it, robust percentiles of the picture
    within the camera's span (see ``cut_to_span``), and 8-bit pictures stay as they are. black_hot: turned round.
    """
    values, given = thermal.values, given or cut_to_span(thermal)
    if given is None and values.dtype == np.uint8:
        return 255 - values if black_hot else values
    unit = arrays.stretch_counts(values) if given is None else arrays.scaled(values, *given)
    return 1 - unit if black_hot else unit


def asked_range(thermal: Thermal, asked: ThermalRange | None, path: str | os.PathLike[str]) -> Range | None:
    """The values that become black and white where ``asked`` sets them, else None; ``path`` is for the message.

    Raises ImageReadError for "camera" where the file does not say what the camera's screen showed.
    """
    if not is_camera(asked):
        return asked
    if thermal.span is None:
        raise ImageReadError(
            f"{shown(path)} does not say which values its camera's screen showed: give two instead of camera, or none."
        )
    return thermal.span


def outside(thermal: Thermal, given: Range) -> bool:
    """True when so little of the picture lies in the range that it shows nothing: a wrong unit, mostly."""
    return _share_within(thermal, given) < 0.01


def robust_range(thermal: Thermal) -> Range:
    """The two percentiles between which almost all of the picture lies."""
    return arrays.robust_ends(thermal.values)


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


def series_range(ranges: Iterable[Range]) -> Range | None:
    """One range for a series: the smallest that holds the robust range of every picture; None without pictures."""
    lows, highs = zip(*ranges, strict=True) if (ranges := list(ranges)) else ((), ())
    return (min(lows), max(highs)) if lows else None


def _share_within(thermal: Thermal, given: Range) -> float:
    return float(((thermal.values > given[0]) & (thermal.values < given[1])).mean())
