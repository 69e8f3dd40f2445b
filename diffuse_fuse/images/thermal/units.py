"""What the numbers of a thermal file mean, where somebody says it → °C."""

from __future__ import annotations

import numpy as np

from diffuse_fuse.images.options import ThermalUnit
from diffuse_fuse.images.thermal.planck import KELVIN

# value · factor + offset; Boson and Altum write hundredths of a kelvin, Lepton 2.5 and 3.5 too, others tenths
_FACTORS: dict[str, tuple[float, float]] = {
    "C": (1, 0), "K": (1, -KELVIN), "cK": (0.01, -KELVIN), "dK": (0.1, -KELVIN), "cC": (0.01, 0), "dC": (0.1, 0),
    "F": (5 / 9, -160 / 9),
}  # fmt: skip
_COLDEST, _HOTTEST = -120.0, 2500.0  # °C of most of a scene


def celsius(values: np.ndarray, unit: ThermalUnit) -> np.ndarray:
    """Values of any numeric dtype, H×W, in ``unit`` → °C, float32."""
    factor, offset = _FACTORS[unit]
    return (values.astype(np.float64) * factor + offset).astype(np.float32)


def implausible(measured: np.ndarray, unit: ThermalUnit) -> str | None:
    """A warning where most of a scene would be colder or hotter than any; None otherwise."""
    middle = float(np.median(measured)) if measured.size else 0.0
    if _COLDEST <= middle <= _HOTTEST:
        return None
    return f"With the unit {unit}, most of the infrared picture has {middle:.0f} °C: check the unit (--thermal-unit)."
