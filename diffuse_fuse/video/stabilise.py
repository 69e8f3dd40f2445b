"""Less flicker where nothing happens: a recursive average over time that moving things are left out of.

The network amplifies weak contrast, and with it the noise of both cameras. Where neither source changes, the fused
luma is a running average of its own past; where either does, it is the network's. And nowhere does the average change
a pixel by more than ``LIMIT``: nothing can leave a trail.
"""

from __future__ import annotations

import cv2
import numpy as np

from diffuse_fuse.video.flicker import around, luma

STRENGTH = 0.7
LIMIT = 4.0  # of 255
# Mean change of the pixels around (of 255) up to which a place is still, and from which on it moves.
_STILL, _MOVES = 2.0, 8.0


class Stabiliser:
    """Takes the frames of a video one by one. ``strength``: the share of the past in what is still, 0 to below 1."""

    def __init__(self, strength: float = STRENGTH) -> None:
        self._strength = strength
        self._before: tuple[np.ndarray, np.ndarray] | None = None
        self._average: np.ndarray | None = None

    def __call__(self, ir: np.ndarray, vis: np.ndarray, fused: np.ndarray) -> np.ndarray:
        """``ir`` H×W and the luma ``vis`` H×W of the sources, ``fused`` H×W×3, all uint8 → the frame to show."""
        if not self._strength:
            return fused
        network = luma(fused).astype(np.float32)
        before, self._before = self._before, (ir, vis)
        if before is None or self._average is None or before[0].shape != ir.shape:
            self._average = network
            return fused
        change = cv2.max(around(cv2.absdiff(ir, before[0])), around(cv2.absdiff(vis, before[1])))
        shift = (_MOVES - change) * np.float32(self._strength / (_MOVES - _STILL))
        np.clip(shift, 0, self._strength, out=shift)
        self._average -= network
        shift *= self._average
        np.clip(shift, -LIMIT, LIMIT, out=shift)
        self._average = network + shift
        # The same for R, G and B: grey stays grey. Bytes, because OpenCV adds them many times faster than floats.
        up, down = (cv2.convertScaleAbs(np.maximum(part, 0)) for part in (shift, -shift))
        return cv2.subtract(cv2.add(fused, cv2.merge([up] * 3)), cv2.merge([down] * 3))
