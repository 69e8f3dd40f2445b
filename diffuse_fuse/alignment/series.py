"""Many pairs of one rig -> one transform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from diffuse_fuse.alignment.estimate import Estimate
from diffuse_fuse.alignment.transform import ASPECT_TOLERANCE, Kind, Transform, corner_points
from diffuse_fuse.errors import AlignmentError, counted
from diffuse_fuse.images.field import Field

_OUTLIER = 3.0  # spreads
_NARROWEST = 1.0  # pixels: what a single estimate is off by


@dataclass(frozen=True)
class Calibration:
    """The transform of a rig: from ``pairs`` pictures, of which ``used`` could be trusted and agreed.

    confidence, residual: medians of those. spread: median distance in pixels of their corners from the result's.
    field: where the infrared picture lies in the visible one; the transform is then for what is cut to it. zoom: the
    digital zoom that the infrared and the visible files noted.
    """

    transform: Transform
    kind: Kind
    pairs: int
    used: int
    confidence: float
    residual: float
    spread: float
    field: Field | None = None
    zoom: tuple[float, float] = (1.0, 1.0)

    def field_for(self, size: tuple[int, int], zoom: tuple[float, float] = (1.0, 1.0)) -> Field | None:
        """The field in visible pictures of another resolution (width, height), and with another digital zoom.

        None where the calibration has none. Raises AlignmentError for another aspect ratio.
        """
        if self.field is None:
            return None
        (w0, h0), (w1, h1) = self.field.size, size
        if abs(w1 * h0 / (h1 * w0) - 1) > ASPECT_TOLERANCE:
            raise AlignmentError(
                f"The field was found in visible pictures of {w0}×{h0} and this one is {w1}×{h1}: make a file from "
                "pictures of this camera with dfuse align."
            )
        return self.field.at_size(size).zoomed(zoom[0] / self.zoom[0], zoom[1] / self.zoom[1])

    def as_dict(self) -> dict[str, Any]:
        """As the file and ``--json`` hold it; lengths in pixels."""
        return {
            "kind": self.kind.value,
            "size": list(self.transform.size),
            "matrix": self.transform.matrix.tolist(),
            "pairs": self.pairs,
            "used": self.used,
            "confidence": round(self.confidence, 4),
            "residual_px": round(self.residual, 3),
            "spread_px": round(self.spread, 3),
            **(
                {"field": self.field.as_list(), "vis_size": list(self.field.size), "zoom": list(self.zoom)}
                if self.field
                else {}
            ),
        }


def combine(estimates: Sequence[Estimate], confident: float, least: int = 1) -> Calibration:
    """The robust middle of the estimates of one rig's pictures.

    The corners' median over all estimates with a confidence of at least ``confident``, then once more without those
    that lie more than three spreads from it. The estimates' own sizes may differ, not their aspect; the result is
    for the size of the first. Raises AlignmentError when fewer than ``least`` can be trusted.
    """
    trusted = [estimate for estimate in estimates if estimate.confidence >= confident]
    if len(trusted) < max(1, least):
        needed = "1 is" if least <= 1 else f"{least} are"
        raise AlignmentError(
            f"Only {len(trusted)} of {counted(len(estimates), 'pair')} could be aligned with confidence and {needed} "
            "needed: give more pairs, in daylight and with buildings, poles or people in both pictures."
        )
    kind, size = trusted[0].kind, trusted[0].found.size
    corners = np.stack([estimate.found.at_size(size).corners() for estimate in trusted])  # (N, 4, 2)
    middle, distances = _middle(corners)
    spread = float(np.median(distances))
    kept = distances <= _OUTLIER * max(spread, _NARROWEST)
    middle, distances = _middle(corners[kept])
    used = [estimate for estimate, keep in zip(trusted, kept, strict=True) if keep]
    return Calibration(
        _fit(middle, size, kind),
        kind,
        pairs=len(estimates),
        used=len(used),
        confidence=float(np.median([estimate.confidence for estimate in used])),
        residual=float(np.median([estimate.residual for estimate in used])),
        spread=float(np.median(distances)),
    )


def _middle(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The median of each corner (4×2), and each estimate's mean corner distance from it (N)."""
    middle = np.median(corners, axis=0)
    return middle, np.linalg.norm(corners - middle, axis=2).mean(axis=1)


def _fit(corners: np.ndarray, size: tuple[int, int], kind: Kind) -> Transform:
    """The transform of a kind that leads the picture's corners nearest to these."""
    source = corner_points(size)
    if kind is Kind.homography:
        matrix = cv2.getPerspectiveTransform(source.astype(np.float32), corners.astype(np.float32))
        return Transform(matrix / matrix[2, 2], size)
    x, y = source.T
    zero, one = np.zeros(4), np.ones(4)
    if kind is Kind.shift:
        offset = (corners - source).mean(axis=0)
        return Transform(np.array([[1, 0, offset[0]], [0, 1, offset[1]], [0, 0, 1]]), size)
    if kind is Kind.similarity:
        rows = np.block([[np.column_stack([x, -y, one, zero])], [np.column_stack([y, x, zero, one])]])
        a, b, tx, ty = np.linalg.lstsq(rows, corners.T.reshape(-1), rcond=None)[0]
        return Transform(np.array([[a, -b, tx], [b, a, ty], [0, 0, 1]]), size)
    solution = np.linalg.lstsq(np.column_stack([x, y, one]), corners, rcond=None)[0]
    return Transform(np.vstack([solution.T, (0, 0, 1)]), size)
