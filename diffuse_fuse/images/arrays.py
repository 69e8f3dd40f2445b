"""Arrays of any accepted kind → what the fusion and the metrics compute with.

Accepted: H×W or H×W×3 (RGB); uint8, uint16, or float in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffuse_fuse.errors import ImageError
from diffuse_fuse.luma import LUMA

# Share of pixels, in percent, that may be clipped at either end when thermal counts are stretched. Enough
# for the dead pixels of any camera; a person far away (0.2 % of the picture) is clipped to white, not lost.
CLIPPED_PERCENT = 0.5

_CAMERA_BITS = (8, 10, 12)  # of 16, written as they are: white is a sixteenth of what the file could hold, or less
_MOST_BITS, _NEAR_WHITE = 14, 0.97  # a quarter may be a dark scene of 16 bits, unless its lights end there
_BAND = 1 << 22  # values of a picture that are computed with at once

_FLOAT_SLACK = 1e-4  # rounding of a resize or a colour conversion that somebody did before


def as_infrared(array: np.ndarray, name: str = "infrared") -> np.ndarray:
    """An infrared array → float32 H×W in [0, 1].

    uint8 is divided by 255, uint16 is stretched by ``stretch_counts``, float must be in [0, 1]. Three equal
    channels become one, three different ones their luma. Raises ImageError for any other shape, dtype or
    range.
    """
    array = require_picture(array, name)
    array = to_one_channel(array)
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255)
    if array.dtype == np.uint16:
        return stretch_counts(array)
    return _float_in_range(array, name)


def as_visible(array: np.ndarray, name: str = "visible") -> np.ndarray:
    """A visible array → float32 H×W×3 RGB in [0, 1].

    uint8 is divided by 255, uint16 by 65535, float must be in [0, 1]; one channel is repeated. Raises
    ImageError for any other shape, dtype or range.
    """
    array = require_picture(array, name)
    if array.dtype == np.uint8:
        unit = array.astype(np.float32) / np.float32(255)
    elif array.dtype == np.uint16:
        unit = array.astype(np.float32) / np.float32(65535)
    else:
        unit = _float_in_range(array, name)
    return np.repeat(unit[..., None], 3, axis=2) if unit.ndim == 2 else unit


def to_uint8_grey(array: np.ndarray, name: str = "infrared") -> np.ndarray:
    """An infrared array of any accepted kind → uint8 H×W (uint8 H×W comes back as it is)."""
    array = require_picture(array, name)
    if array.dtype == np.uint8:
        return to_one_channel(array)
    return to_bytes(as_infrared(array, name))


def to_uint8_rgb(array: np.ndarray, name: str = "visible") -> np.ndarray:
    """A visible array of any accepted kind → uint8 H×W×3 RGB (uint8 H×W×3 comes back as it is)."""
    array = require_picture(array, name)
    if array.dtype == np.uint8:
        return np.repeat(array[..., None], 3, axis=2) if array.ndim == 2 else array
    if array.dtype.kind == "f":
        _float_in_range(array, name)  # of the whole, so that it is said of the whole
    return in_bands(lambda part: to_bytes(as_visible(part, name)), array)


def to_deep_rgb(array: np.ndarray, name: str = "visible") -> np.ndarray:
    """A visible array of any accepted kind → H×W×3 RGB: uint8 as it is, everything deeper as uint16."""
    array = require_picture(array, name)
    if array.dtype == np.uint8:
        return to_uint8_rgb(array)
    if array.dtype.kind == "f":
        unit = _float_in_range(array, name)
        array = in_bands(lambda part: np.rint(part * 65535).astype(np.uint16), unit)
    return np.repeat(array[..., None], 3, axis=2) if array.ndim == 2 else array


def used_bits(array: np.ndarray) -> int | None:
    """How many bits a camera filled of a uint16 picture that would be nearly black: 8, 10 or 12, and 14 where its
    brightest level is white there; None for any other."""
    brightest = int(array.max()) if array.dtype == np.uint16 else 0
    if _NEAR_WHITE * 2**_MOST_BITS <= brightest < 2**_MOST_BITS:
        return _MOST_BITS
    return next((bits for bits in _CAMERA_BITS if 0 < brightest < 2**bits), None)


def spread_bits(array: np.ndarray, bits: int) -> np.ndarray:
    """uint16 values of so many bits → all 16."""
    return np.rint(array * (65535 / (2**bits - 1))).astype(np.uint16)


def to_bytes(unit: np.ndarray) -> np.ndarray:
    """Float in [0, 1] → uint8, rounded to nearest; values outside are clipped."""
    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)


def is_grey(array: np.ndarray) -> bool:
    """True when the picture holds no colour: one channel, or R == G == B everywhere.

    By content, not by channel count: many grey pictures come as three-channel files.
    """
    return array.ndim == 2 or bool(
        np.array_equal(array[..., 0], array[..., 1]) and np.array_equal(array[..., 1], array[..., 2])
    )


def to_one_channel(array: np.ndarray) -> np.ndarray:
    """H×W or H×W×3 → H×W of the same dtype: the common channel if all three are equal, otherwise the luma."""
    if array.ndim == 2:
        return array
    if is_grey(array):
        return np.ascontiguousarray(array[..., 0])
    return in_bands(_luma, array)


def _luma(array: np.ndarray) -> np.ndarray:
    luma = array.astype(np.float64) @ np.array(LUMA)
    return np.rint(luma).astype(array.dtype) if array.dtype.kind in "ui" else luma.astype(array.dtype)


def over_black(array: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """H×W or H×W×3 of any numeric dtype, and alpha H×W in [0, 1] → the picture on a black ground, same dtype.

    Black, because there the visible camera saw nothing and the infrared picture alone should show.
    """

    def blended(part: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        product = part.astype(np.float32) * (alpha if part.ndim == 2 else alpha[..., None])
        return (np.rint(product) if part.dtype.kind in "ui" else product).astype(part.dtype)

    return in_bands(blended, array, alpha)


def stretch_counts(counts: np.ndarray, measured: np.ndarray | None = None) -> np.ndarray:
    """Raw thermal counts or temperatures, H×W of any numeric dtype → float32 in [0, 1] over the full range.

    A 14-bit camera fills a few hundred of 65536 levels: shown as they are, its pictures are black. So the
    values between two robust percentiles are stretched; those outside are clipped. A picture without any
    contrast is all 0. ``measured``: those of the values that count, where some are no measurement.

    Counts that are all multiples of 257 are an 8-bit picture saved with 16 bits; they keep their 8-bit
    values.
    """
    seen = counts if measured is None else measured
    if counts.dtype == np.uint16 and not np.any(seen % 257):
        return (counts // 257).astype(np.float32) / np.float32(255)
    low, high = stretched_range(seen)
    if high <= low:
        return np.zeros(counts.shape, np.float32)
    return scaled(counts, low, high)


def robust_ends(values: np.ndarray) -> tuple[float, float]:
    """The two percentiles that ``stretch_counts`` scales by; as ``np.percentile`` in float64, which takes many times
    the memory."""
    flat = values.reshape(-1)
    places = [(flat.size - 1) * percent / 100 for percent in (CLIPPED_PERCENT, 100 - CLIPPED_PERCENT)]
    around = [(int(place), min(int(place) + 1, flat.size - 1)) for place in places]
    parted = np.partition(flat, sorted({index for pair in around for index in pair}))
    ends = []
    for place, pair in zip(places, around, strict=True):
        (a, b), part = (float(parted[index]) for index in pair), place - pair[0]
        ends.append(b - (b - a) * (1 - part) if part >= 0.5 else a + (b - a) * part)
    return ends[0], ends[1]


def scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values of any numeric dtype → float32, ``low`` as 0 and ``high`` as 1; those outside are clipped."""
    return in_bands(
        lambda part: np.clip((part.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32), values
    )


def in_bands(function: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """``function(*arrays)``, for a function of each row by itself: of large arrays a band of rows at a time.

    What it computes on the way, often in float64, would take several times the memory of the picture.
    """
    height = len(arrays[0])
    rows = max(1, _BAND * height // max(1, arrays[0].size))
    if rows >= height:
        return function(*arrays)
    part = function(*(array[:rows] for array in arrays))
    result = np.empty((height, *part.shape[1:]), part.dtype)
    result[:rows] = part
    for top in range(rows, height, rows):
        result[top : top + rows] = function(*(array[top : top + rows] for array in arrays))
    return result


def stretched_range(values: np.ndarray) -> tuple[float, float]:
    """The values that become 0 and 1 by ``stretch_counts``, of any shape; equal without any contrast."""
    low, high = robust_ends(values)
    if high <= low:  # fewer than 0.5 % of the pixels differ from the rest: they are all the contrast there is
        low, high = float(values.min()), float(values.max())
    return low, high


def require_finite(array: np.ndarray, name: str) -> None:
    """Raise ImageError if a float array holds NaN or infinity."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(np.count_nonzero(~np.isfinite(array)))
        raise ImageError(
            f"The {name} picture has NaN or infinite values in {bad} of {array.size} places: "
            "fill them first, for example with the median."
        )


def odd_channels(channels: int | None, name: str) -> str | None:
    """A warning where a file has more channels than a picture in colour with alpha; None otherwise."""
    if channels is None or channels <= 4:
        return None
    return f"The {name} file has {channels} channels: the first three are read as red, green and blue."


def require_picture(array: np.ndarray, name: str) -> np.ndarray:
    """The array, H×W or H×W×3, of an accepted type. Raises ImageError, which says what to do, for any other."""
    if np.ma.is_masked(array):
        raise ImageError(f"The {name} array has masked values: fill them first, with array.filled(value).")
    try:
        array = np.asarray(array)
    except ValueError as error:  # lists of different lengths
        raise ImageError(f"The {name} picture is not an array ({error}).") from None
    if array.dtype not in (np.uint8, np.uint16) and array.dtype.kind != "f":
        raise ImageError(
            f"The {name} array is of type {array.dtype}: give uint8, uint16, or float with values in [0, 1]."
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0:
        raise ImageError(f"The {name} array is empty (shape {array.shape}).")
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3):
        return array
    hint = ""
    if array.ndim == 3 and array.shape[2] == 4:
        hint = "; drop the alpha channel with array[..., :3]"
    elif array.ndim == 3 and array.shape[0] in (1, 3):
        hint = "; put the channels last with array.transpose(1, 2, 0)"
    elif array.ndim == 4:
        hint = "; give one picture at a time"
    raise ImageError(f"The {name} array has the shape {array.shape}: give H×W or H×W×3{hint}.")


def _float_in_range(array: np.ndarray, name: str) -> np.ndarray:
    require_finite(array, name)
    low, high = float(array.min()), float(array.max())
    if low < -_FLOAT_SLACK or high > 1 + _FLOAT_SLACK:
        raise ImageError(
            f"The {name} array has floats from {low:g} to {high:g}, but they must be in [0, 1]: "
            "divide by the largest possible value (255 for 8-bit data)."
        )
    return np.clip(array.astype(np.float32), 0, 1)
