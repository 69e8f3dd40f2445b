"""A scene that two cameras see differently, and maps that are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from diffuse_fuse.alignment import Transform

SIZE = (320, 240)


def make_scene(seed: int, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """(ir uint8 H×W, vis uint8 H×W×3): the same shapes, brightness and contrast drawn anew in each, own texture."""
    rng = np.random.default_rng(seed)
    w, h = size
    ir, vis = np.full((h, w), 90.0), np.full((h, w, 3), 120.0)
    for _ in range(40):
        centre, radius = rng.uniform((0, 0), (w, h)), rng.uniform(8, 40)
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        polygon = np.rint(centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])).astype(np.int32)
        if rng.random() < 0.85:  # some things only one camera sees
            cv2.fillPoly(ir, [polygon], float(rng.uniform(20, 235)))
        if rng.random() < 0.85:
            cv2.fillPoly(vis, [polygon], tuple(rng.uniform(20, 235, 3)))
    ir = cv2.GaussianBlur(ir, (0, 0), 1.2) + rng.normal(0, 4, (h, w))
    vis = vis + rng.normal(0, 4, (h, w, 3))
    return np.clip(ir, 0, 255).astype(np.uint8), np.clip(vis, 0, 255).astype(np.uint8)


def make_map(
    angle: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0, 0), size: tuple[int, int] = SIZE
) -> Transform:
    """A rotation in degrees, a scale and a shift in pixels about the picture's centre."""
    matrix = np.vstack([cv2.getRotationMatrix2D(((size[0] - 1) / 2, (size[1] - 1) / 2), angle, scale), (0, 0, 1)])
    matrix[:2, 2] += shift
    return Transform(matrix, size)


def displaced(ir: np.ndarray, truth: Transform, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """The infrared picture as a camera that stands off by ``truth`` would have taken it."""
    return cv2.warpPerspective(ir, truth.matrix, (ir.shape[1], ir.shape[0]), borderMode=border)


@pytest.fixture(scope="session")
def shapes() -> tuple[np.ndarray, np.ndarray]:
    return make_scene(3)
