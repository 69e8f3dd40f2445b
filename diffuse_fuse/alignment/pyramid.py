"""Coarse to fine: the best transform between two grey pictures of one size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from diffuse_fuse.alignment.descriptor import describe, inside_frame
from diffuse_fuse.alignment.refine import refine
from diffuse_fuse.alignment.search import first_guesses
from diffuse_fuse.alignment.transform import Kind, Transform, resampling

LEVELS = (160, 320, 640)  # longer side in pixels
STARTS = (5, 2, 1)  # guesses that are refined at each level


@dataclass(frozen=True)
class Level:
    """The descriptors H×W×4 of both pictures at one resolution."""

    ir: np.ndarray
    vis: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.vis.shape[1], self.vis.shape[0]


def build(ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None = None) -> list[Level]:
    """The descriptor pyramid of two grey float32 pictures H×W in [0, 1], coarse to fine.

    ``holes``: bool H×W, where the infrared picture says nothing. It ends at the pictures' own size or at the finest
    level, whichever is smaller: larger pictures are reduced.
    """
    h, w = vis.shape
    frames = [inside_frame(ir), inside_frame(vis)]
    if holes is not None:
        frames[0] = frames[0] & ~holes
    levels: list[Level] = []
    for longest in LEVELS:
        factor = min(1.0, longest / max(h, w))
        size = (max(1, round(w * factor)), max(1, round(h * factor)))
        if levels and levels[-1].size == size:
            break
        both = [
            describe(_reduced(grey, size), _reduced(frame.astype(np.float32), size) > 0.999)
            for grey, frame in zip((ir, vis), frames, strict=True)
        ]
        levels.append(Level(*both))
    return levels


def best_transform(levels: list[Level], kind: Kind) -> Transform:
    """The most likely transform of this kind, for pictures of the finest level's size."""
    guesses = first_guesses(levels[0].ir, levels[0].vis, kind, STARTS[0])
    # Rotation and scale first: more freedom, taken early, is used up by noise.
    early = kind if kind.parameters < 4 else Kind.similarity
    size = levels[0].size
    for number, level in enumerate(levels):
        scale = resampling(size, level.size)
        size = level.size
        guesses = [scale @ guess @ np.linalg.inv(scale) for guess in guesses]
        refined = [refine(level.ir, level.vis, guess, early) for guess in guesses]
        refined.sort(key=lambda entry: -entry[1])
        guesses = [matrix for matrix, _ in refined[: (*STARTS, 1)[number + 1]]]
    best = guesses[0]
    if kind is not early:
        best, _ = refine(levels[-1].ir, levels[-1].vis, best, kind)
    return Transform(best, size)


def _reduced(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if (image.shape[1], image.shape[0]) == size:
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
