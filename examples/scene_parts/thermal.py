"""The infrared camera: radiance at 10.5 um, sky reflections, air, optics, detector, linear gain control."""

from __future__ import annotations

import cv2
import numpy as np

from . import stage
from .surfaces import Surface, smoothstep
from .visible import TO_SUN

AIR_C = {"day": 11.0, "night": 5.0}
NETD_K = 0.16  # noise-equivalent temperature difference of a plain uncooled microbolometer
COLUMN_K = 0.11  # what its column amplifiers differ by after correction


def radiance(celsius) -> np.ndarray:
    """Planck's law at 10.5 um, as a ratio to 25 degrees C."""
    x = 14387.77 / 10.5

    def law(kelvin):
        return 1.0 / np.expm1(x / kelvin)

    return (law(np.asarray(celsius, np.float32) + 273.15) / law(298.15)).astype(np.float32)


def sky_celsius(up: np.ndarray, cloud, air: float) -> np.ndarray:
    """Apparent temperature of the sky: the air at the horizon, cold overhead, warmer where clouds are."""
    clear = air - 2.0 - 40.0 * np.maximum(up, 0) ** 0.42
    return clear + cloud * 0.32 * np.maximum(air - 6.0 - clear, 0)


def surface_radiance(s: Surface, lasting_sun, night: bool, air: float) -> np.ndarray:
    """What leaves each surface towards the camera and survives the air on the way."""
    celsius = s.celsius
    if not night:
        facing = np.maximum(s.normal @ TO_SUN.astype(np.float32), 0)
        celsius = celsius + s.sun_gain * lasting_sun * (0.25 + 0.75 * facing)
    else:  # what lies open to the clear sky cools below the air
        open_sky = np.isin(s.material, (stage.PAINT, stage.GLASS, stage.ROOF, stage.PLASTIC)) & (s.normal[:, 1] > 0.3)
        celsius = celsius - 2.0 * open_sky
    cosine = np.einsum("ij,ij->i", s.normal, s.ray)
    up = s.ray[:, 1] - 2 * cosine * s.normal[:, 1]
    # the mirrored scene: cold sky above, houses near the horizon, ground below
    around = np.where(up > 0, sky_celsius(up, 0.0, air), air + 2.0)
    around = around * smoothstep(-0.05, 0.15, up) + (air + 2.0) * (1 - smoothstep(-0.05, 0.15, up))
    dull = (1 - s.emissivity) * (1 + 1.2 * (1 - np.abs(cosine)) ** 4 * (s.gloss > 50))
    dull = np.minimum(dull, 0.6)
    leaving = (1 - dull) * radiance(celsius) + dull * radiance(around)
    clear_air = np.exp(-s.depth * 0.0022)
    return leaving * clear_air + radiance(air) * (1 - clear_air)


def detect(signal: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Optical blur, shot noise, column pattern and linear automatic gain; uint8 (H, W)."""
    height, width = shape
    image = cv2.resize(signal, (width, height), interpolation=cv2.INTER_AREA)
    unit = min(height / 480, width / 640)
    image = cv2.GaussianBlur(image, (0, 0), max(0.65 * unit, 0.25))
    kelvin = float(radiance(25.5) - radiance(24.5))  # signal per kelvin
    noise = rng.normal(size=shape) * NETD_K * np.sqrt(np.maximum(image, 0.05))
    columns = rng.normal(size=(1, width)) * COLUMN_K
    image = image + kelvin * (noise + columns)
    low, middle, high = np.percentile(image, (3.0, 70.0, 99.6))
    low = max(low, middle - 11.5 * kelvin)  # the gain does not spend half its range on the sky
    return np.rint(255 * np.clip((image - low) / max(high - low, 4 * kelvin), 0, 1)).astype(np.uint8)
