"""The fixtures beside the repository, which cannot be part of it: where they are, and how to read them."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np

SHARED = Path(os.environ.get("DFUSE_SHARED") or Path(__file__).resolve().parents[3] / "shared")
FIXTURES = SHARED / "fixtures"
ORACLE = FIXTURES / "metrics_oracle.json"
MISSING = f"{ORACLE.name} is not there: set DFUSE_SHARED to the folder that holds fixtures/"


@lru_cache(maxsize=64)
def read(path: Path) -> np.ndarray:
    """A picture as stored, uint8, RGB where it has colour."""
    import cv2

    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise OSError(f"{path} is no picture")
    return picture if picture.ndim == 2 else np.ascontiguousarray(picture[..., 2::-1])
