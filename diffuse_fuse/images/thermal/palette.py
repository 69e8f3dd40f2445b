"""False colours: is a thermal picture painted in a known palette, and which place in it does each pixel have?"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import cv2
import numpy as np

from diffuse_fuse.errors import ImageReadError, UsageError
from diffuse_fuse.images import arrays
from diffuse_fuse.images.decode import decode, read_bytes
from diffuse_fuse.images.names import shown

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
# DJI's rainbow 1; its irons as an H20T and a Mavic 2 Enterprise Advanced painted them beside their raw counts.
_RAINBOW_1 = (
    (128, 0, 0), (250, 0, 199), (96, 0, 255), (0, 77, 255), (0, 255, 243), (0, 255, 53), (140, 255, 0), (255, 180, 0),
    (255, 70, 0),
)  # fmt: skip
_DJI_IRON = (
    (0, 0, 35), (22, 1, 72), (58, 2, 106), (102, 3, 129), (138, 4, 146), (173, 5, 157), (187, 12, 130), (201, 22, 109),
    (218, 39, 74), (238, 61, 38), (249, 83, 10), (253, 121, 0), (253, 152, 0), (253, 173, 0), (253, 211, 0),
    (255, 243, 28), (255, 255, 78), (255, 255, 148), (255, 255, 218),
)  # fmt: skip
_DJI_IRON_16 = (
    (15, 16, 46), (22, 16, 57), (31, 16, 73), (41, 15, 93), (60, 15, 106), (76, 14, 110), (113, 14, 122),
    (140, 14, 136), (175, 22, 129), (198, 36, 99), (213, 51, 62), (226, 65, 33), (234, 90, 14), (235, 126, 12),
    (235, 158, 12), (234, 198, 14), (235, 231, 29), (234, 235, 73), (233, 235, 117), (235, 235, 200),
)  # fmt: skip
_OPENCV = ("INFERNO", "HOT", "JET", "RAINBOW", "PLASMA", "MAGMA", "TURBO", "VIRIDIS", "COOL", "PARULA")
_UNSURE = ("HSV", "AUTUMN")  # a circle, and a part of others that go the other way: nobody can say what is hot

_SATURATED = 40  # max(R, G, B) - min(R, G, B) of a pixel that has a colour, on the 8-bit scale
_SHARE_SATURATED = 0.15  # of the picture: below it, the colours are noise or a logo
# RGB distance to the palette: a JPEG of quality 50 stays below 14; of 354 pictures of daylight and night cameras the
# nearest is at 34.
_MEDIAN_DISTANCE = 16.0
_FAR = 48.0  # RGB distance of a pixel that is certainly not of the palette
_SHARE_FAR = 0.3  # text boxes and scales can cover a quarter
_STRANGE = 32.0  # RGB distance of a colour that is hardly of the palette
_SHARE_STRANGE = 0.4  # of the different colours of a picture, however often they are there: text has few of them
_NEARLY = (
    3.0  # two palettes whose errors, and per cents of misfits, differ by no more fit alike: what is hot must agree
)
_USED = 0.12  # share of the palette's length that a picture must fill
REVERSED = "reversed"
_LARGEST_BAR = 4_000_000  # pixels of the picture of a palette
_LARGEST_TEXT = 1_000_000  # characters of a palette's text
_OFF_BAR, _SHARE_OFF_BAR = 24, 0.25  # levels from a bar's colour, and share of its pixels: frames and scratches
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
    fitting: list[tuple[float, float, Palette, np.ndarray]] = []
    for candidate in [*([Palette(*own)] if own else []), *known(), *_from_opencv(_UNSURE)]:
        distance, place = _nearest(candidate.colours, sample)
        used = np.percentile(place, 98) - np.percentile(place, 2)
        error = float(np.median(distance))
        fits = error <= _MEDIAN_DISTANCE and (distance > _FAR).mean() <= _SHARE_FAR
        if fits and used >= _USED * len(candidate.colours) and _strange(sample, distance) <= _SHARE_STRANGE:
            fitting.append((error, float((distance > _STRANGE / 2).mean()), candidate, place))
    if not fitting:
        return None
    fitting.sort(key=lambda fit: fit[0])
    (error, foreign, best, place), *others = fitting
    if best.name.upper() in _UNSURE:
        return None
    alike = [there for off, odd, _, there in others if off <= error + _NEARLY and odd <= foreign + _NEARLY / 100]
    return None if any(_agreement(place, there) < 0 for there in alike) else best


def named(given: str) -> Palette | None:
    """The palette that ``--palette`` names: one of those known, or a file of its colours; None for "reversed".

    A file is a picture of the palette's bar, from cold (left, or bottom) to hot, or a text of rows of R, G and B from 0
    to 255. "NAME-reversed" goes from hot to cold. Raises UsageError.
    """
    if given == REVERSED:
        return None
    wanted = _plain(given.removesuffix(f"-{REVERSED}"))
    palettes = known()
    found = next((each for each in palettes if _plain(each.name) == wanted), None)
    if found is None:
        if not os.path.isfile(given):
            names = ", ".join(each.name for each in palettes)
            raise UsageError(f"The palette {given!r} is neither a file nor one of {names}, nor {REVERSED}.")
        return Palette(os.path.basename(given), _colours_in(given))
    if given.endswith(f"-{REVERSED}"):
        return Palette(f"{found.name}, {REVERSED}", found.colours[::-1].copy())
    return found


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _colours_in(path: str) -> np.ndarray:
    """uint8 N×3 RGB from the picture of a bar or a text of numbers. Raises UsageError."""
    wrong = (
        f"The palette file {shown(path)} is neither a picture of a colour bar nor rows of R, G and B: draw the bar "
        "from cold (left) to hot, without its labels."
    )
    try:
        picture = decode(read_bytes(path), path, max_pixels=_LARGEST_BAR).array
    except ImageReadError:
        return _colours_in_text(path, wrong)
    if picture.ndim != 3 or picture.dtype != np.uint8:
        raise UsageError(wrong)
    upright = picture.shape[0] > picture.shape[1]
    along = np.median(picture, axis=1 if upright else 0, keepdims=True)
    off = np.abs(picture - along).max(axis=2) > _OFF_BAR
    if max(picture.shape[:2]) < 2 or off.mean() > _SHARE_OFF_BAR:  # a bar has one colour across
        raise UsageError(wrong)
    colours = along[::-1, 0] if upright else along[0]
    return np.ascontiguousarray(np.rint(colours).astype(np.uint8))


def _colours_in_text(path: str, wrong: str) -> np.ndarray:
    try:
        with open(path, encoding="utf-8-sig") as file:
            rows = [re.findall(r"-?[\d.]+", line)[-3:] for line in file.read(_LARGEST_TEXT).splitlines()]
        colours = np.array([row for row in rows if len(row) == 3], np.float64)
    except (OSError, ValueError):
        raise UsageError(wrong) from None
    if len(colours) < 2 or colours.min() < 0 or colours.max() > 255:
        raise UsageError(wrong)
    return np.rint(colours * (255 if colours.max() <= 1 else 1)).astype(np.uint8)


def _strange(sample: np.ndarray, distance: np.ndarray) -> float:
    """The share of the different colours of a sample N×3 that lie far from the palette, whatever their number."""
    _, inverse, counts = np.unique(
        (sample >> 4).astype(np.uint32) @ np.array([256, 16, 1], np.uint32), return_inverse=True, return_counts=True
    )
    mean = np.bincount(inverse, distance) / counts
    often = counts >= max(3, 0.0005 * len(sample))
    return float((mean[often] > _STRANGE).mean()) if often.any() else 1.0


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two places of the same pixels; 1 where one of them does not vary."""
    if one.std() == 0 or other.std() == 0:
        return 1.0
    return float(np.corrcoef(one, other)[0, 1])


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
    """The palettes of thermal cameras and of OpenCV."""
    made = {
        "iron": _IRON, "rainbow HC": _RAINBOW_HC, "DJI rainbow 1": _RAINBOW_1, "DJI iron": _DJI_IRON,
        "DJI iron 16": _DJI_IRON_16,
    }  # fmt: skip
    return [*(Palette(name, _interpolated(anchors)) for name, anchors in made.items()), *_from_opencv(_OPENCV)]


def _from_opencv(names: tuple[str, ...]) -> list[Palette]:
    ramp, palettes = np.arange(256, dtype=np.uint8)[None], []
    for name in names:
        bgr = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{name}"))[0]
        # OpenCV's rainbow begins with red for cold
        colours = bgr[::-1, ::-1] if name == "RAINBOW" else bgr[:, ::-1]
        palettes.append(Palette(name.lower(), np.ascontiguousarray(colours)))
    return palettes


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
