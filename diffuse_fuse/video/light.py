"""The light of a scene in a video, by which it is re-lit: followed slowly, so that nothing pumps when a bus passes."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np

from diffuse_fuse.fusion.relight import AUTO, Balance, SceneLight, scene_light
from diffuse_fuse.video.thermal import SECONDS


class SteadyLight:
    """The light of each frame of one video.

    It begins with that of the first frame and follows those of the others with a time constant of ``SECONDS``.
    """

    def __init__(self, fps: float, balance: Balance = AUTO) -> None:
        self._share = 1 - math.exp(-1 / (fps * SECONDS))
        self._balance = balance
        self._light: SceneLight | None = None

    def __call__(self, ir: np.ndarray, vis: np.ndarray) -> SceneLight:
        """The light that the next frame, uint8 H×W and H×W×3, is to be fused with."""
        now, before = scene_light(ir, vis, self._balance), self._light
        if before is not None:
            names = [field.name for field in fields(SceneLight)]
            pairs = {name: (getattr(before, name), getattr(now, name)) for name in names}
            now = SceneLight(**{name: old + self._share * (new - old) for name, (old, new) in pairs.items()})
        self._light = now
        return now
