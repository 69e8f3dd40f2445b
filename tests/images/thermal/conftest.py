from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(os.environ.get("DFUSE_SHARED") or Path(__file__).resolve().parents[4] / "shared")
REAL = SHARED / "data" / "raw_thermal" / "flir"


@pytest.fixture
def celsius() -> np.ndarray:
    """A warm bar and a cold disc before a slope, 24×32, with a little noise, in °C."""
    y, x = np.mgrid[:24, :32]
    scene = 18 + 0.1 * x + 12 * ((x > 20) & (x < 25)) - 6 * ((x - 8) ** 2 + (y - 12) ** 2 < 20)
    return scene + np.random.default_rng(1).normal(0, 0.02, scene.shape)


@pytest.fixture
def photo() -> np.ndarray:
    """A visible picture, 48×64×3, in colour."""
    y, x = np.mgrid[:48, :64]
    return np.stack([60 + 2 * x, 200 - 3 * y, 90 + x + y], -1).astype(np.uint8)


@pytest.fixture
def real() -> Path:
    """The folder of three real files: FLIR.jpg (FLIR One), FLIR_AX8.jpg, FLIR_E40.jpg."""
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there: set DFUSE_SHARED to the folder that holds data/")
    return REAL


@pytest.fixture
def dji() -> Path:
    """The folder of real R-JPEGs of seven DJI cameras: H20N, H20T, M2EA, M30T, M3T, M3TD, XTS, each with .JPG."""
    folder = REAL.parent / "dji"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: set DFUSE_SHARED to the folder that holds data/")
    return folder
