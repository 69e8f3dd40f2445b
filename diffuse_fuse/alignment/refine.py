"""From a guess to fractions of a pixel: least squares between two descriptor pictures."""

from __future__ import annotations

import cv2
import numpy as np

from diffuse_fuse.alignment.transform import Kind, corner_points, project, resample

ITERATIONS = 12
_STILL = 0.02  # pixels that the corners move in the last step

# How far a rig of two cameras may be from a pure shift, as the standard deviation at the end of the longer half
# side, relative to it: scale, rotation, unequal scales, shear, and the two terms of perspective. Weak where a
# picture has many edges (there the data decide), strong where it has few.
_PRIOR = np.array([np.inf, np.inf, 0.05, 0.05, 0.01, 0.01, 0.01, 0.01])
_PRIOR_WEIGHT = 100.0  # neighbouring residuals are not independent: so many count as one


def refine(
    ir: np.ndarray, vis: np.ndarray, matrix: np.ndarray, kind: Kind, iterations: int = ITERATIONS
) -> tuple[np.ndarray, float]:
    """The 3×3 matrix that makes ``ir(matrix · x)`` most like ``vis(x)``, from a start, and how alike they are then.

    Inverse compositional Gauss-Newton (Baker & Matthews, IJCV 2004) on the descriptors H×W×4; a pixel counts as
    much as its two descriptors agree, so that edges that only one camera sees do not pull. The likeness is the
    cosine over the common field, in [0, 1].
    """
    h, w = vis.shape[:2]
    free = kind.parameters
    slopes = _steepest_descent(vis, free).reshape(-1, 3, free)
    half = max(h, w) / 2
    precision = (half * _PRIOR[:free]) ** -2.0
    corners = corner_points((w, h))
    target = vis[..., :3]
    for _ in range(iterations):
        moved = resample(ir, matrix, (w, h))
        weights = _agreement(moved, vis)
        total = float(weights.sum())
        if total <= 0:
            break
        error = moved[..., :3] - target
        weighted = (slopes * weights.reshape(-1, 1, 1)).reshape(-1, free)
        variance = float(np.einsum("hw,hwc,hwc->", weights, error, error)) / total
        prior = _PRIOR_WEIGHT * variance * precision
        normal = (weighted.T @ slopes.reshape(-1, free)).astype(float) + np.diag(prior)
        right = (weighted.T @ error.reshape(-1)).astype(float) + prior * _parameters(matrix, w, h)[:free]
        normal += 1e-9 * np.trace(normal) * np.eye(free)  # a picture without edges is no reason to divide by zero
        step = np.linalg.solve(normal, right)
        new = matrix @ np.linalg.inv(_increment(step, w, h))
        new /= new[2, 2]
        distance = np.abs(project(new, corners) - project(matrix, corners)).max()
        matrix = new
        if not distance < 2 * half or distance < _STILL:
            break
    return matrix, likeness(resample(ir, matrix, (w, h)), vis)


def likeness(moved: np.ndarray, vis: np.ndarray) -> float:
    """Cosine between two descriptor pictures H×W×4 over the field where both are valid."""
    common = (moved[..., 3] * vis[..., 3])[..., None]
    a, b = moved[..., :3] * common, vis[..., :3] * common
    norm = float(np.sqrt((a**2).sum(dtype=float) * (b**2).sum(dtype=float)))
    return float((a * b).sum(dtype=float)) / norm if norm > 0 else 0.0


def _agreement(moved: np.ndarray, vis: np.ndarray) -> np.ndarray:
    valid = (moved[..., 3] > 0.999) & (vis[..., 3] > 0.999)
    return np.clip(np.einsum("hwc,hwc->hw", moved[..., :3], vis[..., :3]), 0, None) * valid


def _steepest_descent(vis: np.ndarray, free: int) -> np.ndarray:
    """H×W×3×free: how each channel changes with each parameter; one unit moves the longer sides' ends by a pixel."""
    h, w = vis.shape[:2]
    half = max(h, w) / 2
    target = vis[..., :3] * vis[..., 3:]
    gx = cv2.Sobel(target, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(target, cv2.CV_32F, 0, 1, scale=1 / 8)
    x = ((np.arange(w, dtype=np.float32) - (w - 1) / 2) / half)[None, :, None]
    y = ((np.arange(h, dtype=np.float32) - (h - 1) / 2) / half)[:, None, None]
    columns = [gx, gy]
    if free >= 4:
        columns += [gx * x + gy * y, gy * x - gx * y]
    if free >= 6:
        columns += [gx * x - gy * y, gx * y + gy * x]
    if free == 8:
        columns += [-(gx * x + gy * y) * x, -(gx * x + gy * y) * y]
    return np.stack(columns, axis=-1)


def _normalisation(w: int, h: int) -> np.ndarray:
    """3×3: pixels -> the coordinates of ``_steepest_descent``."""
    half = max(h, w) / 2
    return np.array([[1 / half, 0, -(w - 1) / 2 / half], [0, 1 / half, -(h - 1) / 2 / half], [0, 0, 1]])


def _increment(step: np.ndarray, w: int, h: int) -> np.ndarray:
    """The 3×3 matrix, in pixels, of a step in the parameters of ``_steepest_descent``."""
    p = np.zeros(8)
    p[: len(step)] = step
    tx, ty, scale, turn, unequal, shear, px, py = p / (max(h, w) / 2)
    inner = np.array([[1 + scale + unequal, shear - turn, tx], [shear + turn, 1 + scale - unequal, ty], [px, py, 1]])
    normalise = _normalisation(w, h)
    return np.linalg.inv(normalise) @ inner @ normalise


def _parameters(matrix: np.ndarray, w: int, h: int) -> np.ndarray:
    """The eight parameters of a 3×3 matrix: what ``_increment`` takes, to first order."""
    normalise = _normalisation(w, h)
    m = normalise @ matrix @ np.linalg.inv(normalise)
    m = m / m[2, 2]
    scale, unequal = (m[0, 0] + m[1, 1]) / 2 - 1, (m[0, 0] - m[1, 1]) / 2
    turn, shear = (m[1, 0] - m[0, 1]) / 2, (m[0, 1] + m[1, 0]) / 2
    return np.array([m[0, 2], m[1, 2], scale, turn, unequal, shear, m[2, 0], m[2, 1]]) * (max(h, w) / 2)
