"""False colours: is a thermal picture painted in a known palette, and which place in it does each pixel have?"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from diffuse_fuse.images import arrays

# Ironbow, the palette of most thermal cameras (a colour every 28 of 224 steps), and FLIR's high-contrast rainbow (14).
_IRON = (
    (0, 31, 37), (72, 11, 142), (143, 17, 161), (193, 46, 127), (224, 87, 69), (241, 136, 21), (244, 182, 13),
    (238, 219, 78), (225, 239, 239),
)  # fmt: skip
_RAINBOW_HC = (
    (16, 16, 16), (121, 16, 121), (210, 15, 215), (106, 15, 180), (15, 30, 155), (14, 134, 187), (13, 200, 193),
    (13, 133, 88), (43, 103, 15), (139, 166, 11), (204, 194, 8), (160, 98, 11), (128, 18, 19), (168, 38, 38),
    (206, 68, 68), (220, 152, 151), (233, 229, 228),
)  # fmt: skip
_OPENCV = ("INFERNO", "HOT", "JET", "RAINBOW", "PLASMA", "MAGMA", "TURBO", "VIRIDIS")

_SATURATED = 40  # max(R, G, B) - min(R, G, B) of a pixel that has a colour, on the 8-bit scale
_SHARE_SATURATED = 0.15  # of the picture: below it, the colours are noise or a logo
# RGB distance to the palette: a JPEG of quality 50 stays below 14; of 354 pictures of daylight and night cameras the
# nearest is at 34.
_MEDIAN_DISTANCE = 16.0
_FAR = 48.0  # RGB distance of a pixel that is certainly not of the palette
_SHARE_FAR = 0.3  # text boxes and scales can cover a quarter
_USED = 0.12  # share of the palette's length that a picture must fill
_SAMPLE = 20_000  # pixels that are looked at to find the palette


@dataclass(frozen=True)
class Palette:
    """colours: uint8 N×3 RGB, from cold to hot."""

    name: str
    colours: np.ndarray


def is_coloured(image: np.ndarray) -> bool:
    """True when enough of an RGB picture (uint8 H×W×3) has a colour that it could be painted in a palette."""
    return bool((_spread(_sample(image)) > _SATURATED).mean() > _SHARE_SATURATED)


def find(image: np.ndarray, own: tuple[str, np.ndarray] | None = None) -> Palette | None:
    """The palette that an RGB picture (uint8 H×W×3) is painted in, or None. ``own``: the one its file names."""
    sample = _sample(image)
    sample = sample[_spread(sample) > _SATURATED]
    if not len(sample):
        return None
    best: tuple[float, Palette] | None = None
    for candidate in [*([Palette(*own)] if own else []), *_known()]:
        distance, place = _nearest(candidate.colours, sample)
        used = np.percentile(place, 98) - np.percentile(place, 2)
        error = float(np.median(distance))
        fits = error <= _MEDIAN_DISTANCE and (distance > _FAR).mean() <= _SHARE_FAR
        if fits and used >= _USED * len(candidate.colours) and (best is None or error < best[0]):
            best = error, candidate
    return best[1] if best else None


def invert(image: np.ndarray, colours: np.ndarray) -> tuple[np.ndarray, float]:
    """The place of each pixel in the palette, uint8 H×W from 0 (cold) to 255, and the share of foreign pixels."""
    packed = arrays.in_bands(_packed, image)
    seen = np.zeros(1 << 24, bool)
    seen[packed] = True
    unique = np.flatnonzero(seen)
    rgb = np.stack([unique >> 16, unique >> 8 & 255, unique & 255], axis=1).astype(np.float32)
    distance, place = _nearest(colours, rgb)
    levels = np.zeros(1 << 24, np.uint8)
    levels[unique] = np.rint(place * (255 / (len(colours) - 1))).astype(np.uint8)
    seen[unique] = distance > _FAR
    return levels[packed], float(seen[packed].mean())


def _packed(image: np.ndarray) -> np.ndarray:
    return image.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)


def _nearest(colours: np.ndarray, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each colour N×3 the distance to the nearest of ``colours``, and its place there."""
    from scipy.spatial import cKDTree  # slow to import, and grey pictures need none of it

    return cKDTree(colours.astype(np.float32)).query(rgb.astype(np.float32))


def known() -> list[Palette]:
    """The palettes that are known."""
    return _known()


def _known() -> list[Palette]:
    known = [Palette("iron", _interpolated(_IRON)), Palette("rainbow HC", _interpolated(_RAINBOW_HC))]
    ramp = np.arange(256, dtype=np.uint8)[None]
    for name in _OPENCV:
        bgr = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{name}"))[0]
        # OpenCV's rainbow begins with red for cold
        colours = bgr[::-1, ::-1] if name == "RAINBOW" else bgr[:, ::-1]
        known.append(Palette(name.lower(), np.ascontiguousarray(colours)))
    return known


def _interpolated(anchors: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    values = np.array(anchors, np.float64)
    places, steps = np.linspace(0, 255, len(values)), np.arange(256)
    channels = [np.interp(steps, places, values[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


def _sample(image: np.ndarray) -> np.ndarray:
    pixels = image.reshape(-1, 3)
    return pixels[:: max(1, len(pixels) // _SAMPLE)]


def _spread(pixels: np.ndarray) -> np.ndarray:
    return pixels.max(axis=1).astype(np.int16) - pixels.min(axis=1)
