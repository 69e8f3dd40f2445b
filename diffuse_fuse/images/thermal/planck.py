"""Raw counts of a FLIR camera → °C.

The signal is Planck-shaped, S(T) = R1 / (R2·(exp(B/T) − F)) − O with T in kelvin, and the camera sees
S = ε·τ·S(object) + (1−ε)·τ·S(reflected) + (1−τ)·S(atmosphere), through a window where there is one
(W. Minkina, S. Dudzik: Infrared Thermography: Errors and Uncertainties, Wiley 2009, chapter 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

KELVIN = 273.15


@dataclass(frozen=True)
class Planck:
    """The camera's constants, and what it was told about the scene (temperatures in kelvin, distance in metres)."""

    r1: float
    b: float
    f: float
    o: float
    r2: float
    emissivity: float = 1.0
    reflected: float = 293.15
    atmosphere: float = 293.15
    distance: float = 0.0
    humidity: float = 0.5
    window: float = 293.15
    window_transmission: float = 1.0
    alpha: tuple[float, float] = (0.0, 0.0)
    beta: tuple[float, float] = (0.0, 0.0)
    x: float = 1.0

    @property
    def usable(self) -> bool:
        """Whether the constants can be those of a camera."""
        numbers = (self.r1, self.b, self.f, self.o, self.r2)
        return all(map(math.isfinite, numbers)) and self.r1 > 0 and self.b > 0 and self.r2 > 0 and self.f > 0

    def celsius(self, counts: np.ndarray) -> np.ndarray:
        """Raw counts → °C, float32 of the same shape; NaN where a count has no temperature."""
        emissivity = self.emissivity if 0 < self.emissivity <= 1 else 1.0
        glass = self.window_transmission if 0 < self.window_transmission <= 1 else 1.0
        air = self.air_transmission()
        not_object = (
            (1 - emissivity) * air * glass * self._signal(self.reflected)
            + (1 - air) * glass * self._signal(self.atmosphere)
            + (1 - glass) * self._signal(self.window)
        )
        signal = (counts.astype(np.float64) - not_object) / (emissivity * air * glass)
        with np.errstate(all="ignore"):
            kelvin = self.b / np.log(self.r1 / (self.r2 * (signal + self.o)) + self.f)
        return np.where(np.isfinite(kelvin) & (kelvin > 0), kelvin - KELVIN, np.nan).astype(np.float32)

    def air_transmission(self) -> float:
        """τ of the air on the way: from the distance and the water in it (Minkina & Dudzik, section 2.3)."""
        celsius = self.atmosphere - KELVIN
        sound = 0 < self.distance < 1e5 and 0 <= self.humidity <= 1 and -100 < celsius < 200
        if not (sound and all(map(math.isfinite, (*self.alpha, *self.beta, self.x)))):
            return 1.0
        water = self.humidity * math.exp(1.5587 + 6.939e-2 * celsius - 2.7816e-4 * celsius**2 + 6.8455e-7 * celsius**3)
        path, damp = math.sqrt(self.distance), math.sqrt(water)
        try:
            first, second = (math.exp(-path * (a + b * damp)) for a, b in zip(self.alpha, self.beta, strict=True))
        except OverflowError:
            return 1.0
        transmission = self.x * first + (1 - self.x) * second
        return transmission if 0 < transmission <= 1 else 1.0

    def _signal(self, kelvin: float) -> float:
        """The counts of a black body at this temperature; 0 where the formula has no value."""
        try:
            return self.r1 / (self.r2 * (math.exp(self.b / kelvin) - self.f)) - self.o
        except (OverflowError, ZeroDivisionError):
            return 0.0
