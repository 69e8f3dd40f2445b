"""Is hot white or black? Seen from the picture alone, and only said where it is plain."""

from __future__ import annotations

import cv2
import numpy as np

from diffuse_fuse.images.thermal import holes as hole

# Skewness of the detail at two scales and of the picture as a whole, all of which must agree. Chosen so that none of
# the white-hot pictures at hand comes near them; benchmarks/polarity.py counts.
_PLAIN, _WHOLE = 1.2, 0.5
_LIKELY = 0.4  # where there is a sky as well
# Turning a picture round must be surer, by the whole or by the detail: parts of white-hot pictures that hold a single
# cold thing come near those.
_SURE_WHOLE, _SURE_DETAIL = 1.5, 3.0
_SIZE = (256, 192)  # pixels; what is measured needs no more
_SKY = (0.15, 0.7)  # of the picture and of its width: a smooth, even part of so much at the top is sky
_NO_SKY = 0.01
_SKY_SIZE, _SMOOTH, _COLDEST = (128, 96), 0.015, 0.25  # pixels; of the range a pixel; of the range
_BLURS = (6.0, 24.0)  # pixels of it: detail is what is smaller than about four of these
_FINEST_BLUR = 3.0
_LARGEST = 240  # pixels of a shorter side on which frames are looked for
_LEVELS = 3 / 255  # of the range: so much a frame may vary after compression
_EVEN = 0.98  # of a row or column that is a frame's
_RING = 0.02  # of the outermost pixels that have the value of an empty outside
_RINGING = 7  # pixels: so wide compression and interpolation spread the edge of a frame


def looks_black_hot(values: np.ndarray, holes: np.ndarray | None = None) -> bool | None:
    """True for black-hot, False for white-hot, None where it cannot be told; values H×W of any numeric dtype.

    Hot things (people, engines, chimneys) are small and far above their surroundings, cold things seldom are: so the
    detail of a white-hot picture has more far bright values than far dark ones. Where that is likely but not plain, a
    wide smooth sky decides, which is cold. ``holes``: bool H×W, which say nothing; nor do frames
    and empty borders, which are found here.
    """
    step = max(1, min(values.shape) // _LARGEST)
    values = values[::step, ::step].astype(np.float64)  # what a damaged file claims overflows a float32
    valid = np.ones(values.shape, bool) if holes is None else ~holes[::step, ::step]
    if not valid.any():
        return None
    low, high = float(values[valid].min()), float(values[valid].max())
    if high <= low:
        return None
    values = np.where(valid, (values - low) / (high - low), 0).astype(np.float32)
    valid = valid & content(values)
    known = cv2.resize(valid.astype(np.float32), _SIZE, interpolation=cv2.INTER_AREA)
    small = cv2.resize(np.where(valid, values, 0), _SIZE, interpolation=cv2.INTER_AREA)
    inside = known > 0.99
    if not inside.any():
        return None
    small = np.where(inside, small / np.maximum(known, 1e-6), 0).astype(np.float32)
    whole, skews = _skewness(small[inside]), []
    for blur in _BLURS:
        ground = _blurred(small, blur) / np.maximum(_blurred(inside.astype(np.float32), blur), 1e-6)
        skews.append(_skewness((small - ground)[inside]))
    dark, bright = _skies(small, inside)
    detail = max(skews)
    sure = (detail <= -_PLAIN and whole <= -_SURE_WHOLE) or (detail <= -_SURE_DETAIL and whole <= -_WHOLE)
    if sure or (bright and detail <= -_LIKELY):
        return True
    plain = (min(skews) >= _PLAIN and whole >= _WHOLE) or (dark and min(skews) >= _LIKELY)
    return False if plain else None


def _skies(small: np.ndarray, inside: np.ndarray) -> tuple[bool, bool]:
    """Whether a smooth part at the top looks like sky: of the darkest values, and of the brightest."""
    rows, columns = (np.flatnonzero(inside.mean(axis) > 0.6) for axis in (1, 0))
    if not rows.size or not columns.size:
        return False, False
    part = small[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    part = cv2.GaussianBlur(cv2.resize(part, _SKY_SIZE, interpolation=cv2.INTER_AREA), (0, 0), 1)
    low, high = np.percentile(part, (1, 99))
    slope = np.hypot(*(cv2.Sobel(part, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1))))
    smooth = slope < _SMOOTH * (high - low)
    found = []
    for extreme in (part < low + _COLDEST * (high - low), part > high - _COLDEST * (high - low)):
        _, labels = cv2.connectedComponents((extreme & smooth).astype(np.uint8), connectivity=4)
        sky = (labels > 0) & np.isin(labels, labels[:3])
        found.append((float(sky.mean()), float(sky[:3].any(axis=0).mean())))
    (dark, dark_width), (bright, bright_width) = found
    return (
        dark >= _SKY[0] and dark_width >= _SKY[1] and bright < _NO_SKY,
        bright >= _SKY[0] and bright_width >= _SKY[1] and dark < _NO_SKY,
    )


def content(unit: np.ndarray) -> np.ndarray:
    """bool H×W: the scene, without frames and empty borders, of a picture in [0, 1]."""
    rows, columns = _without_frame(unit)
    part = unit[rows, columns]
    valid = np.zeros(unit.shape, bool)
    valid[rows, columns] = True
    raw = hole.outermost(part)
    ring = np.rint(raw / _LEVELS) * _LEVELS
    levels, counts = np.unique(ring, return_counts=True)
    for at in np.argsort(counts)[::-1][:2]:
        if counts[at] < _RING * ring.size:
            continue
        value = float(levels[at])
        if hole.is_border(part, np.zeros(part.shape, bool), value, _LEVELS, dents=True):
            outside = hole.outside_of(part, value, _LEVELS)
        else:  # what is exactly one value is clipped, and says nothing either
            exact, often = np.unique(raw[ring == levels[at]], return_counts=True)
            outside = hole.outside_of(part, float(exact[often.argmax()]))
            if not hole.BORDER <= outside.mean() < 0.7:
                continue
        around = cv2.dilate(outside.astype(np.uint8), np.ones((_RINGING, _RINGING), np.uint8))
        valid[rows, columns] &= around == 0
    return valid


def _without_frame(unit: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns without those of a frame."""
    bounds = []
    for lines in (unit, unit.T):
        first, last = (_even_lines(part) for part in (lines, lines[::-1]))
        bounds.append(slice(first, len(lines) - last))
    return bounds[0], bounds[1]


def _even_lines(lines: np.ndarray) -> int:
    """How many lines at the beginning are a frame's, with two more that its edge may reach; at most about a quarter."""
    count = 0
    while count < len(lines) // 4 and _is_even(lines[count]):
        count += 1
    if not count or abs(float(np.median(lines[count - 1])) - float(np.median(lines[count]))) <= _LEVELS:
        return 0  # what is as even beyond is the scene
    return count + 2


def _is_even(line: np.ndarray) -> bool:
    return float((np.abs(line - np.median(line)) <= _LEVELS).mean()) >= _EVEN


def _blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur, on a smaller picture where it is wide: nobody sees the difference, and it takes no time."""
    factor = sigma / _FINEST_BLUR
    size = tuple(max(1, round(side / factor)) for side in values.shape[::-1])
    reduced = cv2.GaussianBlur(cv2.resize(values, size, interpolation=cv2.INTER_AREA), (0, 0), _FINEST_BLUR)
    return cv2.resize(reduced, values.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _skewness(values: np.ndarray) -> float:
    values = values.astype(np.float64)
    values -= values.mean()
    spread = float(np.sqrt(np.mean(values * values)))
    values /= max(spread, 1e-9)
    return float(np.mean(values * values * values)) if spread > 1e-9 else 0.0
