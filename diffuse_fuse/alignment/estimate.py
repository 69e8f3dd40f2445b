"""One pair of pictures -> how the infrared one must be moved, and whether to believe it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffuse_fuse.alignment import pyramid
from diffuse_fuse.alignment.agreement import agreement
from diffuse_fuse.alignment.refine import likeness
from diffuse_fuse.alignment.transform import Kind, Transform, resample
from diffuse_fuse.errors import AlignmentError
from diffuse_fuse.images.arrays import as_infrared, to_one_channel, to_uint8_rgb

MINIMUM_SIZE = 64  # pixels of the shorter side: less holds too few edges
CONFIDENT = 0.5  # chosen on RoadScene's training pairs, right ones and interchanged ones; see docs/alignment.md
_GAIN, _GAIN_PX = 0.05, 0.3  # share of windows, or pixels of residual: less is no reason to touch a picture
# Few windows agree with whatever fits noise best. Of less than so many (4: a picture below some 140×100, 20: one
# below 320×240) this share must agree, and the likeness of the whole must gain so much; chosen as CONFIDENT is, on
# pieces of RoadScene's and M3SVD's training pairs.
_FEW = ((4, 0.9, 0.03), (20, 0.6, 0.02))
DEFAULT_KIND = Kind.similarity


@dataclass(frozen=True)
class Estimate:
    """``found``: the best transform, believed or not. ``transform``: the one to use, the identity unless ``applied``.

    confidence: share of the picture's windows, in [0, 1], that agree with ``found`` when each is matched by itself.
    residual: median distance in pixels of the windows' own matches from it; residual_before: from no alignment.
    reason: why it is not applied, as a sentence; None where it is.
    """

    found: Transform
    kind: Kind
    confidence: float
    residual: float
    residual_before: float
    reason: str | None = None
    is_warning: bool = False

    @property
    def applied(self) -> bool:
        """Is the transform better than none?"""
        return self.reason is None

    @property
    def transform(self) -> Transform:
        """The transform to use."""
        return self.found if self.applied else Transform.identity(self.found.size)

    def as_dict(self) -> dict[str, Any]:
        """What ``--json`` prints: plain numbers, lengths in pixels of the visible picture."""
        return {
            "kind": self.kind.value,
            "applied": self.applied,
            "matrix": self.transform.rounded(),
            "displacement_px": round(self.transform.displacement(), 3),
            "confidence": round(self.confidence, 4),
            "residual_px": round(self.residual, 3),
            "residual_before_px": round(self.residual_before, 3),
            "reason": self.reason,
        }


def estimate(
    ir: np.ndarray, vis: np.ndarray, kind: Kind | str = DEFAULT_KIND, holes: np.ndarray | None = None
) -> Estimate:
    """How an infrared picture H×W lies over a visible one H×W×3 of the same size.

    Takes arrays as ``Fuser.fuse`` does; ``holes``: bool H×W, where the infrared camera measured nothing. Where too few
    windows agree, or the pictures lay as well before, the estimate says so and its ``transform`` is the identity.
    Raises AlignmentError when the sizes differ.
    """
    kind = Kind.of(kind)
    a, b = _grey(ir, vis)
    size = (b.shape[1], b.shape[0])
    nothing = Transform.identity(size)
    if min(size) < MINIMUM_SIZE:
        text = f"The pictures are too small to be aligned: {MINIMUM_SIZE} pixels are needed a side."
        return Estimate(nothing, kind, 0.0, 0.0, 0.0, text, is_warning=True)
    levels = pyramid.build(a, b, holes)
    finest = levels[-1]
    small = pyramid.best_transform(levels, kind)
    scale = size[0] / finest.size[0]
    before = agreement(finest, Transform.identity(finest.size))
    if not small.is_sane():
        return _unbelieved(nothing, kind, 0.0, before.residual * scale, before.residual * scale)
    after = agreement(finest, small)
    found = small.at_size(size)
    numbers = (after.share, after.residual * scale, before.residual * scale)
    least, gain = next((needed for few, *needed in _FEW if after.windows < few), (CONFIDENT, None))
    if after.share < least:
        return _unbelieved(found, kind, *numbers)
    if after.share < before.share + _GAIN and after.residual > before.residual - _GAIN_PX / scale:
        return Estimate(found, kind, *numbers, "The pictures are aligned already.")
    if gain is not None and _gain(finest, small) < gain:
        text = "The gain of aligning is too uncertain in pictures as small as these."
        return Estimate(found, kind, *numbers, text)
    return Estimate(found, kind, *numbers)


def _gain(level: pyramid.Level, transform: Transform) -> float:
    """How much more alike a level's pictures are under a transform than under none, in [-1, 1]."""
    moved = resample(level.ir, transform.matrix, level.size)
    return likeness(moved, level.vis) - likeness(level.ir, level.vis)


def _unbelieved(found: Transform, kind: Kind, confidence: float, residual: float, before: float) -> Estimate:
    text = "No trustworthy alignment was found: the infrared picture was not moved."
    return Estimate(found, kind, confidence, residual, before, text, is_warning=True)


def _grey(ir: np.ndarray, vis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a = as_infrared(ir)
    b = to_one_channel(to_uint8_rgb(vis)).astype(np.float32) / np.float32(255)
    if a.shape != b.shape:
        raise AlignmentError(
            f"The infrared picture is {a.shape[1]}×{a.shape[0]}, the visible one {b.shape[1]}×{b.shape[0]}: "
            "bring them to one size first."
        )
    return a, b
