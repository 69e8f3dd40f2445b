"""How much the still parts of a video flicker.

Of two consecutive frames a pixel is still where the mean absolute change of the 7×7 pixels around it is below 4 of 255
in both sources, infrared and visible luma: noise and compression stay below it, what moves does not. The flicker of a
stream is the mean absolute change of its luma over all still pixels of all pairs of consecutive frames, of 255.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

AROUND = 7
STILL = 4.0


@dataclass(frozen=True)
class Flicker:
    """Mean absolute change of still pixels, of 255, of the infrared, the visible and the fused frames.

    still: the share of all pixels that were still; changes: how many pairs of consecutive frames were compared.
    """

    ir: float
    vis: float
    fused: float
    still: float
    changes: int

    @property
    def is_steady(self) -> bool:
        """True where the fused video flickers no more than that of the sources which flickers more."""
        return self.fused <= max(self.ir, self.vis)

    def as_dict(self) -> dict[str, Any]:
        """As JSON prints it."""
        return {**asdict(self), "steady": self.is_steady}


class FlickerMeter:
    """Takes the frames one by one and keeps the last one only."""

    def __init__(self) -> None:
        self._before: list[np.ndarray] | None = None
        self._sums = np.zeros(3)
        self._still = self._pixels = self._changes = 0

    def add(self, ir: np.ndarray, vis: np.ndarray, fused: np.ndarray) -> None:
        """The next frame: infrared H×W, visible and fused luma H×W, all uint8 of one size."""
        now = [ir, vis, fused]
        if self._before is not None and self._before[0].shape == ir.shape:
            changes = [cv2.absdiff(a, b) for a, b in zip(self._before, now, strict=True)]
            still = is_still(changes[0]) & is_still(changes[1])
            self._sums += [float(cv2.mean(change, still.view(np.uint8))[0]) * still.sum() for change in changes]
            self._still += int(still.sum())
            self._pixels += still.size
            self._changes += 1
        self._before = now

    def result(self) -> Flicker | None:
        """The flicker of all frames so far; None where nothing was still or there was one frame only."""
        if not self._still:
            return None
        ir, vis, fused = (float(total / self._still) for total in self._sums)
        return Flicker(ir, vis, fused, self._still / self._pixels, self._changes)


def is_still(change: np.ndarray) -> np.ndarray:
    """Absolute change of a source, uint8 H×W → where it is still, bool H×W."""
    return around(change) < STILL


def around(change: np.ndarray) -> np.ndarray:
    """The mean of the 7×7 pixels around each one, as float32."""
    return cv2.boxFilter(change, cv2.CV_32F, (AROUND, AROUND))


def luma(rgb: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 → uint8 H×W."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
