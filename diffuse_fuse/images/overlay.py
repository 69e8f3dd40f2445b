"""Temperatures in colours on a picture, as thermographers show them: where it is hot, in a part, or with edges.

values: H×W in any unit, of the picture's size; NaN where nothing was measured, which is never painted.
"""

from __future__ import annotations

import cv2
import numpy as np

from diffuse_fuse.errors import UsageError, meant
from diffuse_fuse.images.thermal import palette

Range = tuple[float, float]

_INSET = 0.25  # of either side that stays around a picture in picture
_EDGES = 1.0  # strength of the visible picture's detail on the palette
_DETAIL = 3.0  # pixels, the deviation of the blur that detail is the difference to, at 640 pixels
_BAR, _LINE = 0.04, 0.003  # width of the colour bar and of lines, of the picture's longer side
_STEPS = 256


def palettes() -> dict[str, np.ndarray]:
    """The palettes by name, uint8 256×3 RGB from cold to hot."""
    found = {each.name.lower(): each.colours for each in palette.known()}
    at = np.linspace(0, 1, _STEPS)
    return {
        name: np.stack([np.interp(at, np.linspace(0, 1, len(c)), c[:, k]) for k in range(3)], axis=1).astype(np.uint8)
        for name, c in found.items()
    }


def colours_of(name: str) -> np.ndarray:
    """The palette ``name``. Raises UsageError."""
    known = palettes()
    if name.lower() not in known:
        raise UsageError(f"There is no palette '{name}': choose from {', '.join(known)}." + meant(name, known))
    return known[name.lower()]


def coloured(values: np.ndarray, limits: Range, colours: np.ndarray) -> np.ndarray:
    """The values in a palette, uint8 H×W×3; ``limits`` are the ends of it."""
    low, high = limits
    unit = (np.nan_to_num(values.astype(np.float32), nan=low) - low) / max(high - low, 1e-9)
    return colours[np.rint(np.clip(unit, 0, 1) * (len(colours) - 1)).astype(np.intp)]


def painted(picture: np.ndarray, values: np.ndarray, shown: Range, limits: Range, colours: np.ndarray) -> np.ndarray:
    """``picture`` (uint8 H×W×3) with the palette where the values lie in ``shown``, both ends included."""
    with np.errstate(invalid="ignore"):
        where = (values >= shown[0]) & (values <= shown[1])
    return np.where(where[..., None], coloured(values, limits, colours), picture)


def inset(picture: np.ndarray, values: np.ndarray, limits: Range, colours: np.ndarray) -> np.ndarray:
    """``picture`` with the palette in its middle, a frame around it: picture in picture."""
    height, width = values.shape
    top, left = round(height * _INSET), round(width * _INSET)
    inner = np.s_[top : height - top, left : width - left]
    made = picture.copy()
    part = coloured(values, limits, colours)[inner]
    made[inner] = np.where(np.isnan(values[inner])[..., None], made[inner], part)
    line = max(1, round(max(height, width) * _LINE))
    cv2.rectangle(made, (left, top), (width - left - 1, height - top - 1), (255, 255, 255), line)
    return made


def with_edges(picture: np.ndarray, values: np.ndarray, limits: Range, colours: np.ndarray) -> np.ndarray:
    """The palette with the detail of ``picture`` on it; where nothing was measured, the picture."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), _DETAIL * max(1.0, max(grey.shape) / 640))
    made = coloured(values, limits, colours) + _EDGES * detail[..., None]
    made = np.clip(np.rint(made), 0, 255).astype(np.uint8)
    return np.where(np.isnan(values)[..., None], picture, made)


def with_bar(picture: np.ndarray, limits: Range, colours: np.ndarray, celsius: bool) -> np.ndarray:
    """``picture`` with a colour bar at its right, its ends written beside it, in °C with ``celsius``."""
    height, width = picture.shape[:2]
    bar = max(8, round(max(height, width) * _BAR))
    scale = bar / 36
    texts = [plain(value, celsius) for value in limits]
    wide = max(_text_width(text, scale) for text in texts) + (bar if celsius else 0)
    strip = np.zeros((height, 3 * bar // 2 + max(bar, wide) + bar // 2, 3), np.uint8)
    ramp = colours[np.linspace(len(colours) - 1, 0, height - bar).round().astype(int)]
    strip[bar // 2 : height - (bar - bar // 2), bar // 2 : bar // 2 + bar] = ramp[:, None]
    for text, row in zip(texts, (height - bar // 2, bar), strict=True):
        _write(strip, text, (2 * bar, row), scale, celsius)
    return np.hstack([picture, strip])


def plain(value: float, celsius: bool) -> str:
    """A value as people write it: tenths of a degree, and counts without an exponent."""
    if celsius:
        return f"{value:.1f}"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e12 else f"{value:.4g}"


def _text_width(text: str, scale: float) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, max(1, round(scale)))[0][0]


def _write(strip: np.ndarray, text: str, at: tuple[int, int], scale: float, celsius: bool) -> None:
    white, thick = (255, 255, 255), max(1, round(scale))
    cv2.putText(strip, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, white, thick, cv2.LINE_AA)
    if celsius:  # OpenCV's fonts have no degree sign
        x, y = at[0] + _text_width(text, scale), at[1]
        cv2.circle(strip, (x + round(5 * scale), y - round(18 * scale)), max(1, round(3 * scale)), white, thick)
        cv2.putText(
            strip, "C", (x + round(10 * scale), y), cv2.FONT_HERSHEY_SIMPLEX, scale, white, thick, cv2.LINE_AA
        )  # fmt: skip
