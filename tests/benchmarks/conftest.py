"""The measuring commands are scripts beside the package: found as Python finds them when they are run."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffuse_fuse.images.write import write_image

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(FOLDER))


@pytest.fixture
def dataset(tmp_path) -> Path:
    """Two pairs of 96×80 with an even sky, a textured ground and a hot spot."""
    y, x = np.mgrid[:80, :96]
    for number in range(2):
        rng = np.random.default_rng(number)
        ground = cv2.GaussianBlur(rng.normal(0, 60, (80, 96)), (0, 0), 1.5) * (y > 40)
        ir = 80 + ground + 120 * ((x - 60) ** 2 + (y - 60) ** 2 < 40)
        vis = np.stack([150 + ground[:, ::-1] + shade for shade in (0, 10, 40)], axis=-1)
        for side, picture in (("ir", ir), ("vi", vis)):
            noisy = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
            write_image(tmp_path / "set" / side / f"{number}.png", noisy)
    return tmp_path / "set"
