"""The three pictures that every metric looks at, checked once, and what several metrics share.

A metric is a function of one ``Triple``. What more than one metric needs (luma, gradients, local moments) is a
function of the triple too, called through ``Triple.once``: computed at the first call, kept for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from diffuse_fuse.arrays import Array as Array
from diffuse_fuse.errors import MetricError
from diffuse_fuse.luma import LUMA

T = TypeVar("T")

_LUMA_PIXELS = 1 << 16  # computed at once

_NAMES = {"ir": "infrared", "vis": "visible", "fused": "fused"}


class Triple:
    """An infrared, a visible and a fused picture of one scene.

    ir, vis, fused: uint8, H×W or H×W×3 (RGB), equal height and width. Raises MetricError otherwise.
    """

    def __init__(self, ir: Array, vis: Array, fused: Array) -> None:
        self.pictures = {"ir": ir, "vis": vis, "fused": fused}
        for name, picture in self.pictures.items():
            _check(_NAMES[name], picture)
        # one memory order: sums over another one are rounded otherwise, in the last digit
        self.pictures = {name: np.ascontiguousarray(picture) for name, picture in self.pictures.items()}
        sizes = {name: picture.shape[:2] for name, picture in self.pictures.items()}
        if len(set(sizes.values())) > 1:
            said = ", ".join(f"{_NAMES[name]} {width}×{height}" for name, (height, width) in sizes.items())
            raise MetricError(f"The pictures differ in size ({said}): bring them to one size before measuring.")
        self._kept: dict[Callable[[Triple], Any], Any] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pictures["ir"].shape[:2]
        return height, width

    @cached_property
    def ir(self) -> Array:
        """Luma of the infrared picture, H×W uint8."""
        return luma(self.pictures["ir"])

    @cached_property
    def vis(self) -> Array:
        """Luma of the visible picture, H×W uint8."""
        return luma(self.pictures["vis"])

    @cached_property
    def fused(self) -> Array:
        """Luma of the fused picture, H×W uint8."""
        return luma(self.pictures["fused"])

    @cached_property
    def lumas(self) -> tuple[Array, Array, Array]:
        """Luma of ir, vis and fused, H×W float64 holding the integers 0…255."""
        return self.ir.astype(np.float64), self.vis.astype(np.float64), self.fused.astype(np.float64)

    def once(self, compute: Callable[[Triple], T]) -> T:
        """``compute(self)``, computed at the first call only."""
        if compute not in self._kept:
            self._kept[compute] = compute(self)
        kept: T = self._kept[compute]
        return kept


def luma(picture: Array) -> Array:
    """Grey values of a uint8 picture as MATLAB's rgb2gray gives them: round(.298936 R + .587043 G + .114021 B)."""
    if picture.ndim == 2:
        return picture
    import cv2

    tables = [weight * np.arange(256) for weight in LUMA]
    grey = np.empty(picture.shape[:2], np.uint8)
    rows = max(1, _LUMA_PIXELS // picture.shape[1])
    for top in range(0, len(picture), rows):
        part = picture[top : top + rows]
        # three tables and two sums, in place: float64 planes of a whole picture would be 24 times its luma
        planes: Iterator[Array] = map(cv2.LUT, cv2.split(part), tables)
        value, green, blue = planes
        value += green
        value += blue
        value += 0.5
        grey[top : top + rows] = value  # cut off: it is not negative
    return grey


def rgb(picture: Array) -> Array:
    """H×W×3 of a picture that may be grey."""
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _check(name: str, picture: object) -> None:
    if not isinstance(picture, np.ndarray):
        raise MetricError(f"The {name} picture is a {type(picture).__name__}: a metric needs a numpy array.")
    if picture.ndim != 2 and not (picture.ndim == 3 and picture.shape[2] == 3):
        raise MetricError(f"The {name} picture has the shape {picture.shape}: a metric needs H×W or H×W×3 (RGB).")
    if picture.dtype != np.uint8:
        raise MetricError(
            f"The {name} picture is {picture.dtype}: metrics are defined on uint8 in 0…255, round and convert first."
        )
    if picture.size == 0:
        raise MetricError(f"The {name} picture is empty.")
