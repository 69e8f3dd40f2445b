"""Plane transforms: from a pixel of the visible picture to the pixel of the infrared picture that shows the same.

Pixel centres have whole coordinates, (0, 0) is the centre of the upper left pixel. The infrared picture has the
visible one's size here (``images.load.match_sizes`` comes first).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from diffuse_fuse.errors import AlignmentError, UsageError

ASPECT_TOLERANCE = 0.02
_FAR = 1e9  # pixels: no corner is moved so far


class Kind(str, Enum):
    """How a transform may bend a picture; the value is its name on the command line."""

    shift = "shift"
    similarity = "similarity"
    affine = "affine"
    homography = "homography"

    @classmethod
    def of(cls, name: Kind | str) -> Kind:
        """The kind of this name. Raises UsageError where there is none."""
        try:
            return cls(name)
        except ValueError:
            raise UsageError(f"Unknown kind of transform {name!r}: use one of {', '.join(cls)}.") from None

    @property
    def parameters(self) -> int:
        """Degrees of freedom."""
        return {"shift": 2, "similarity": 4, "affine": 6, "homography": 8}[self.value]


@dataclass(frozen=True)
class Transform:
    """``matrix``: 3×3, visible pixel (x, y, 1) -> infrared pixel, for pictures of ``size`` (width, height)."""

    matrix: np.ndarray
    size: tuple[int, int]

    @classmethod
    def identity(cls, size: tuple[int, int]) -> Transform:
        return cls(np.eye(3), size)

    def at_size(self, size: tuple[int, int]) -> Transform:
        """The same transform for pictures of another resolution; AlignmentError for another aspect ratio."""
        (w0, h0), (w1, h1) = self.size, size
        if abs(w1 * h0 / (h1 * w0) - 1) > ASPECT_TOLERANCE:
            raise AlignmentError(
                f"The alignment was made for pictures of {w0}×{h0} and these are {w1}×{h1}: "
                "make one from pictures of this camera with dfuse align."
            )
        scale = resampling(self.size, size)
        return Transform(scale @ self.matrix @ np.linalg.inv(scale), size)

    def corners(self) -> np.ndarray:
        """Where the four corners of the visible picture lie in the infrared one: 4×2, x and y."""
        return project(self.matrix, corner_points(self.size))

    def displacement(self) -> float:
        """Mean distance in pixels by which the four corners move."""
        return self.distance(Transform.identity(self.size))

    def distance(self, other: Transform) -> float:
        """Mean corner distance in pixels between two transforms of one size: the error, where one is the truth."""
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).mean())

    def about_centre(self) -> tuple[tuple[float, float], float, float]:
        """How the picture's centre moves (x, y in pixels), and the scale and rotation (degrees) around it."""
        w, h = self.size
        centre = np.array([(w - 1) / 2, (h - 1) / 2])
        points = project(self.matrix, centre + np.array([(0, 0), (1, 0), (0, 1)]))
        shift, right, down = points[0] - centre, points[1] - points[0], points[2] - points[0]
        scale = float(np.sqrt(abs(right[0] * down[1] - right[1] * down[0])))
        angle = float(np.degrees(np.arctan2(right[1] - down[0], right[0] + down[1])))
        return (float(shift[0]), float(shift[1])), scale, angle

    def rounded(self) -> list[list[float]]:
        """The matrix as JSON holds it."""
        return [[round(float(value), 9) for value in row] for row in self.matrix]

    def is_sane(self) -> bool:
        """False when it turns the picture over, or enlarges or shrinks any part by a half or more."""
        with np.errstate(all="ignore"):
            corners = self.corners()
        if not (np.abs(corners) < _FAR).all():  # NaN is not below it either
            return False
        before = corner_points(self.size)
        sides = np.linalg.norm(np.roll(corners, -1, 0) - corners, axis=1)
        ratio = sides / np.linalg.norm(np.roll(before, -1, 0) - before, axis=1)
        area, area_before = (cv2.contourArea(each.astype(np.float32), oriented=True) for each in (corners, before))
        return bool(ratio.min() > 0.5 and ratio.max() < 2 and 0.4 < area / area_before < 2.5)


def corner_points(size: tuple[int, int]) -> np.ndarray:
    """The four corners of a picture of (width, height), in a circle: 4×2."""
    w, h = size
    return np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], float)


def project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points N×2 through a 3×3 matrix."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return moved[:, :2] / moved[:, 2:]


def resampling(source: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    """3×3: pixel coordinates of a picture of size ``source`` -> those of it resized to ``target`` (width, height)."""
    x, y = target[0] / source[0], target[1] / source[1]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def resample(array: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``out(x) = array(matrix · x)``, bilinear, zero outside; H×W or H×W×C of up to four channels."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if np.allclose(matrix[2], (0, 0, 1), rtol=0, atol=1e-12):
        return cv2.warpAffine(array, matrix[:2], size, flags=flags)
    return cv2.warpPerspective(array, matrix, size, flags=flags)
