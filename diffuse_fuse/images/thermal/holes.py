"""Pixels without a measurement: no-data values, empty borders of warped pictures and maps, dead pixels.

They are found by the file's word (NaN, a no-data tag, alpha) or the user's and, in counts and temperatures, by what a
value does: it repeats exactly, and lies far from all others or fills the outside of a sharply cut picture. Grey levels
of 8 bits are only taken for holes where somebody says so: a black sky is a measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

LARGEST = 1e30  # beyond that, differences of values overflow
_NO_DATA = -9999.0  # what many programs write into floats where there is nothing
# Other values that programs and sensors write where there is nothing; holes only where they lie far from the rest.
_USUAL_LOW = (0.0, -999.0, -9999.0, -10000.0, -32767.0, -32768.0, -99999.0, -2147483648.0, -273.15)
_USUAL_HIGH = (9999.0, 32767.0, 99999.0, 2147483647.0)

_FULL = (4095, 16383, 32767, 65535)  # highest counts of sensors
_MOST_STUCK = 0.001  # of the pixels

_FAR = 2.0  # times the range of the others: no scene has so much room below its coldest thing
_CLEAR = 0.05  # of the range of the others: what differs less from a fill might be the scene's own
_SHARP = 0.9  # of the outline of an empty border that has such a step
_CONVEX = 0.97  # of its convex hull that a warped picture fills; a skyline leaves more open
BORDER = 0.005  # of the pixels: an empty border of less is not looked for by its shape
_MOST = 0.6  # more than that is the ground of something
_VARIED = 8  # values that a picture has at least, besides those of its holes
_SMALLEST = 64  # pixels of the shorter side: less has no shape to judge
_RING = 0.02  # of the outermost pixels that have one value
_BLENDED = 2  # pixels beside a hole into which interpolation spreads its value
_KERNEL = 8  # pixels from the first untouched fill to the first untouched measurement, of the widest kernel
_SAMPLE = 50_000  # pixels that percentiles are taken of
_ROUNDS = 3  # kinds of holes in one picture, at most
_TINY = 5  # pixels: of what is narrower nothing is seen in the fused picture, so what is around it fills it


@dataclass(frozen=True)
class Holes:
    """mask: bool H×W, True where there is no measurement. values: which stand there, for people, at most three."""

    mask: np.ndarray
    values: tuple[float, ...] = ()

    @property
    def sentence(self) -> str:
        """What is said once about them."""
        count = int(np.count_nonzero(self.mask))
        share = count / self.mask.size
        few = share < 0.001 or count <= 20
        where = f"{count} of its {self.mask.size} pixels" if few else f"{share:.1%} of its pixels"
        named = ", ".join(f"{value:.6g}" for value in self.values)
        named = f" ({named}, which marks a missing measurement)" if named else ""
        wide = large(self.mask).any()
        filled = "the fused picture shows the visible one there" if wide else "filled from their surroundings"
        return f"The infrared picture has no value in {where}{named}: they are left out, and {filled}."


def find(values: np.ndarray, told: Sequence[float] = (), hidden: np.ndarray | None = None) -> Holes | None:
    """The holes of a thermal picture H×W of any numeric dtype; None where there are none, or nothing else.

    told: values that mean no measurement, by the file's or the user's word. hidden: bool H×W, by alpha or a mask.
    """
    mask = np.zeros(values.shape, bool)
    named: list[float] = []
    if values.dtype.kind == "f":
        mask |= ~(np.abs(values) <= LARGEST)
        told = (*told, _NO_DATA)
    for value in told:
        _add(mask, named, _equal(values, value), value)
    if hidden is not None and not hidden.all():
        mask |= hidden
        mask |= _blended(values, mask, float(np.median(values[hidden])) if hidden.any() else np.nan)
    if values.dtype != np.uint8 and not mask.all() and not _is_8_bit(values):
        mask |= _thin_line(values, mask) | stuck(values, mask)
        for _ in range(_ROUNDS):
            empty = _far_value(values, mask)
            if empty is not None and (empty in _USUAL_LOW or values.dtype.kind == "f"):
                _add(mask, named, _nearly(values, empty), empty)
                continue
            if empty is None:
                empty = empty_border(values, mask)
            if empty is None:
                break
            _add(mask, named, outside_of(values, empty) & ~mask, empty)  # inside, the same value is the scene's
    for value in named:
        mask |= _blended(values, mask, value)
    if not mask.any() or mask.all():
        return None
    return Holes(mask, tuple(named[:3]))


def filled(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Values H×W whose holes continue what is around them, ever more smoothly towards their middle; same dtype.

    By averages over ever larger blocks of what was measured (push and pull, Gortler et al. 1996).
    """
    exact = np.float32 if values.dtype in (np.uint8, np.uint16, np.int16, np.float32) else np.float64
    weight = (~mask).astype(exact)
    smooth = _push_pull(np.where(mask, 0, values).astype(exact), weight)
    result = values.copy()
    inside = smooth[mask]
    result[mask] = np.rint(inside) if values.dtype.kind in "ui" else inside
    return result


def large(mask: np.ndarray) -> np.ndarray:
    """The holes that are wide enough to be seen, bool H×W: not dead pixels, lines and scratches."""
    kernel = np.ones((_TINY, _TINY), np.uint8)
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel).astype(bool)


def empty_border(
    values: np.ndarray, mask: np.ndarray | None = None, tolerance: float = 0, dents: bool = False
) -> float | None:
    """The one value that fills the outside of a picture which was warped or framed; None where there is none.

    ``mask``: holes that are known. ``tolerance``: by how much the fill may vary, as it does in a JPEG. The outside is
    cut off sharply and, unless it may have ``dents``, leaves a convex picture: so a sky is not taken for one.
    """
    mask = np.zeros(values.shape, bool) if mask is None else mask
    ring = outermost(values)[~outermost(mask)]
    if not ring.size or min(values.shape) < _SMALLEST:
        return None
    found, counts = np.unique(ring, return_counts=True)
    for at in np.argsort(counts)[::-1][:2]:
        value = float(found[at])
        if counts[at] >= _RING * ring.size and is_border(values, mask, value, tolerance, dents):
            return value
    return None


def outside_of(values: np.ndarray, value: float, tolerance: float = 0) -> np.ndarray:
    """bool H×W: what is connected to the picture's border and has this value."""
    same = values == value if not tolerance else (values >= value - tolerance) & (values <= value + tolerance)
    padded = cv2.copyMakeBorder(same.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(padded, connectivity=4)
    return (labels == labels[0, 0])[1:-1, 1:-1]


def _add(mask: np.ndarray, named: list[float], new: np.ndarray, value: float) -> None:
    if new.any():
        mask |= new
        if value not in named and np.isfinite(value):
            named.append(value)


def _equal(values: np.ndarray, value: float) -> np.ndarray:
    """Where the values are this one, as far as their type can hold it."""
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return values == values.dtype.type(value)
    return values == value


def _nearly(values: np.ndarray, value: float) -> np.ndarray:
    """Where the values are this one, to what is lost when floats are weighted and added."""
    if values.dtype.kind != "f":
        return values == value
    with np.errstate(invalid="ignore"):  # a damaged file can hold NaN of the kind that signals
        return np.abs(values - values.dtype.type(value)) <= 1e-5 * abs(value)


def _far_value(values: np.ndarray, mask: np.ndarray) -> float | None:
    """A usual no-data value at the lower or upper end with nothing near it."""
    known = values[~mask]
    if not known.size:
        return None
    top = np.iinfo(values.dtype).max if values.dtype.kind in "ui" else None
    lowest, highest = float(known.min()), float(known.max())
    # a kernel may overshoot the fill
    candidates: list[tuple[float, tuple[float, ...]]] = [(v, _USUAL_LOW) for v in _USUAL_LOW if lowest <= v]
    candidates += [(value, _USUAL_HIGH) for value in (*_USUAL_HIGH, top) if value is not None and value <= highest]
    for value, usual in candidates:
        same = _nearly(values, value) & ~mask
        if value > highest or not same.any():
            continue
        near = cv2.dilate(same.astype(np.uint8), np.ones((2 * _KERNEL + 1, 2 * _KERNEL + 1), np.uint8))
        others = _sample(values[~mask & (near == 0)])
        if np.unique(others).size < _VARIED:
            continue  # a drawing: its ground is one value
        low, high = np.percentile(others, (0.5, 99.5))
        room = low - value if usual is _USUAL_LOW else value - high
        if room <= max(_FAR * (high - low), 0):
            continue
        if usual is _USUAL_HIGH and top and not outside_of(values, value)[[0, 0, -1, -1], [0, -1, 0, -1]].any():
            continue  # something hot that the sensor's highest count stands for
        return value
    return None


def is_border(values: np.ndarray, mask: np.ndarray, value: float, tolerance: float, dents: bool) -> bool:
    outside = outside_of(values, value, tolerance)
    if not BORDER <= outside.mean() < _MOST:
        return False
    if not dents and not _is_convex(~outside):
        return False
    near = cv2.dilate(outside.astype(np.uint8), _around())
    outline = (cv2.dilate(near, np.ones((3, 3), np.uint8)) > near) & ~mask
    others = _sample(values[(near == 0) & ~mask])
    if not outline.any() or np.unique(others).size < _VARIED:
        return False
    low, high = np.percentile(others.astype(np.float64), (0.5, 99.5))
    steps = np.abs(values[outline].astype(np.float64) - value)
    return high > low and float((steps > _CLEAR * (high - low)).mean()) >= _SHARP


def _thin_line(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What interpolation made of the outermost measurements and of an outside that is all but out of the picture."""
    nothing = np.zeros_like(mask)
    inner = (slice(3, -3), slice(3, -3))
    others = _sample(values[inner][~mask[inner]]) if min(values.shape) >= _SMALLEST else values[:0]
    if np.unique(others).size < _VARIED:
        return nothing
    low, high = np.percentile(others.astype(np.float64), (0.5, 99.5))
    below = ~mask & (values < low - (high - low))
    outer = np.ones_like(mask)
    outer[_BLENDED:-_BLENDED, _BLENDED:-_BLENDED] = False
    line = outer & below & ~large(below)
    return line if np.count_nonzero(line) >= _SMALLEST // 2 else nothing


def stuck(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Single pixels at a sensor's highest count, besides those of ``mask``.

    What is hot and far away also warms those around, by the lens.
    """
    nothing = np.zeros_like(mask)
    if values.dtype.kind not in "ui" or int(values.max()) not in _FULL or min(values.shape) < 3:
        return nothing
    full = values == values.max()
    if np.count_nonzero(full) > _MOST_STUCK * values.size:
        return nothing
    others = _sample(values[~(full | mask)])
    if np.unique(others).size < _VARIED:
        return nothing
    low, high = (float(value) for value in np.percentile(others, (0.5, 99.5)))
    room = float(values.max()) - high
    around = cv2.dilate(np.where(full | mask, 0, values).astype(np.float32), np.ones((3, 3), np.uint8))
    alone = full & (around < high + 0.1 * room) & ~large(full)
    return alone if room > _FAR * (high - low) else nothing


def _is_convex(inside: np.ndarray) -> bool:
    part = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return False
    hull = cv2.fillConvexPoly(np.zeros_like(part), cv2.convexHull(np.concatenate(outlines)), 1)
    return bool(np.count_nonzero(part) >= _CONVEX * np.count_nonzero(hull))


def _blended(values: np.ndarray, mask: np.ndarray, fill: float) -> np.ndarray:
    """Pixels beside holes that interpolation made of a measurement and the fill: below (above) all measurements.

    Along an edge that hardly tilts they are a thin line far beyond the last hole. Cubic and longer kernels overshoot
    to the other side of the measurements too, right beside the hole.
    """
    if not np.isfinite(fill) or not mask.any():
        return np.zeros_like(mask)
    beside = cv2.dilate(mask.astype(np.uint8), np.ones((2 * _KERNEL + 1, 2 * _KERNEL + 1), np.uint8)).astype(bool)
    others = _sample(values[~beside])
    if others.size < 2:
        return np.zeros_like(mask)
    low, high = np.percentile(others.astype(np.float64), (0.5, 99.5))
    if low <= fill <= high:
        return np.zeros_like(mask)
    spare = 0.25 * (high - low)
    below, above = ~mask & (values < low - spare), ~mask & (values > high + spare)
    between, beyond = (below, above) if fill < low else (above, below)
    thin = between & ~large(between)
    _, labels = cv2.connectedComponents((thin | mask).astype(np.uint8), connectivity=8)
    touching = np.zeros(labels.max() + 1, bool)
    touching[labels[mask]] = True
    return (thin & touching[labels]) | (beside & (between | (beyond & ~large(beyond))))


def _push_pull(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    height, width = values.shape
    known = np.divide(values, weight, out=np.zeros_like(values), where=weight > 0)
    if weight.all() or min(height, width) < 2:
        rest = np.sum(values) / max(np.sum(weight), 1e-12)
        return np.where(weight > 0, known, rest).astype(values.dtype)
    size = ((width + 1) // 2, (height + 1) // 2)
    smaller = [cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (values, weight)]
    coarse = cv2.resize(_push_pull(*smaller), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(weight > 0, known, coarse)


def _is_8_bit(values: np.ndarray) -> bool:
    """An 8-bit picture saved with 16 bits."""
    return values.dtype == np.uint16 and not np.any(values[::16, ::16] % 257) and not np.any(values % 257)


def outermost(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array[0], array[-1], array[1:-1, 0], array[1:-1, -1]])


def _around() -> np.ndarray:
    return np.ones((2 * _BLENDED + 1, 2 * _BLENDED + 1), np.uint8)


def _sample(values: np.ndarray) -> np.ndarray:
    return values[:: max(1, values.size // _SAMPLE)]
