"""CIELAB as TIFF files store it → RGB."""

from __future__ import annotations

from typing import Literal

import numpy as np

Encoding = Literal["CIELAB", "ICCLAB"]

_WHITE = np.array([0.96422, 1.0, 0.82521])  # D50, that of ICC profiles, Photoshop and libtiff
# CIEXYZ of that white → linear sRGB, with Bradford's adaptation to its own white, D65
_TO_LINEAR = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
_BLOCK = 1 << 18  # pixels at a time, for the memory that float64 takes


def to_rgb(stored: np.ndarray, encoding: Encoding) -> np.ndarray:
    """L*, a*, b* as stored, uint8 or uint16 H×W×3 → sRGB of the same dtype; what sRGB cannot show is clipped.

    CIELAB (photometric interpretation 8): L* from 0 to 100 over all levels, a* and b* with a sign, in whole numbers
    (8 bits) or 256ths (16). ICCLAB (9): a* and b* counted from -128, and L* = 100 at 0xFF00 of 16 bits. Raises
    ValueError for other types and shapes.
    """
    if stored.dtype not in (np.uint8, np.uint16) or stored.ndim != 3 or stored.shape[2] != 3:
        raise ValueError(f"L*a*b* colours of the type {stored.dtype} and shape {stored.shape} are not defined")
    flat = stored.reshape(-1, 3)
    rgb = np.empty_like(flat)
    levels = np.iinfo(stored.dtype).max
    for start in range(0, len(flat), _BLOCK):
        part = _unit_rgb(_lab(flat[start : start + _BLOCK], encoding))
        rgb[start : start + _BLOCK] = np.rint(part * levels)
    return rgb.reshape(stored.shape)


def _lab(stored: np.ndarray, encoding: Encoding) -> np.ndarray:
    """N×3 float64: L* in [0, 100], a* and b* in [-128, 128)."""
    deep = stored.dtype == np.uint16
    step = 256 if deep else 1
    if encoding == "ICCLAB":
        colours: np.ndarray = stored[:, 1:] / step - 128
        white = 0xFF00 if deep else 0xFF
    else:
        signed: np.ndarray = stored[:, 1:].astype(np.int16 if deep else np.int8)
        colours = signed / step
        white = np.iinfo(stored.dtype).max
    return np.column_stack([stored[:, 0] * (100 / white), colours])


def _unit_rgb(lab: np.ndarray) -> np.ndarray:
    """N×3 CIELAB of D50 → sRGB in [0, 1] (CIE 15:2004 and IEC 61966-2-1)."""
    y = (lab[:, 0] + 16) / 116
    f = np.column_stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200])
    xyz = _WHITE * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    linear = np.clip(xyz @ _TO_LINEAR.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
