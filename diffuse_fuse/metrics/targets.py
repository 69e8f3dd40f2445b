"""Visibility of hot targets in the fused picture: HTV, a measure of dfuse's own.

What a thermal camera is bought for is to see warm things at once, and no metric of the field says whether one
does. HTV takes the salient regions of the infrared picture, and asks of each how far its fused luma stands out
from what surrounds it there, compared with how restless these surroundings are.

1. A pixel is hot when the infrared value, averaged over 3×3, exceeds its mean over the picture by two standard
   deviations. Connected hot pixels (8 neighbours) are a target when there are at least max(9, area/20000) of them
   and they are at least 10 grey levels hotter than their surroundings in the infrared picture.
2. Surroundings: a ring around the target, from 3 pixels off its outline (blurred edges belong to nobody) to
   3 + √area/2, at least 7 and at most 35 pixels, without pixels in or within 2 pixels of any other hot region.
3. Visibility of target k in the fused luma F: v_k = D_k / (|D_k| + σ_k + 4), D_k = mean of F in the target − mean
   in its ring, σ_k = standard deviation in the ring; 4 grey levels are about what an eye needs on an even ground.
4. HTV = Σ √area_k v_k / Σ √area_k: a target of four times the area counts twice.

−1 … 1: 0 when the targets cannot be told from their surroundings, towards 1 when they shine out, below 0 when they
are darker than what surrounds them. ½ means that the step equals the surroundings' unrest. HTV of fused = ir is the
infrared picture's own value, about the most that a natural result reaches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.metric import Metric

_SPREAD = 2.0  # standard deviations above the mean that make a pixel hot
_STEP = 10.0  # grey levels that a target is hotter than its surroundings, at least
_EYE = 4.0  # grey levels that an eye tells apart on an even ground
_GAP = 2  # pixels around a region that belong neither to it nor to its surroundings


@dataclass(frozen=True)
class Target:
    """One hot region: the box of the picture that holds it and its ring, and where both lie in that box."""

    box: tuple[slice, slice]
    inside: Array  # bool, h×w of the box
    around: Array  # bool, h×w of the box

    @property
    def area(self) -> int:
        """Pixels of the region."""
        return int(self.inside.sum())

    def step(self, plane: Array) -> tuple[float, float]:
        """Mean inside − mean around, and the standard deviation around, of an H×W plane."""
        part = plane[self.box]
        ring = part[self.around]
        return float(part[self.inside].mean() - ring.mean()), float(ring.std())


def htv(t: Triple) -> float:
    """Visibility of hot targets, −1…1: Σ √area v / Σ √area, v = D / (|D| + σ + 4); NaN without hot targets."""
    weights, visibilities = [], []
    for target in t.once(hot_targets):
        step, unrest = target.step(t.lumas[2])
        weights.append(math.sqrt(target.area))
        visibilities.append(step / (abs(step) + unrest + _EYE))
    return float(np.average(visibilities, weights=weights)) if weights else math.nan


def hot_targets(t: Triple) -> list[Target]:
    """The salient regions of the infrared picture, in scanning order; may be empty."""
    import cv2

    ir = t.lumas[0]
    smooth = cv2.blur(ir, (3, 3), borderType=cv2.BORDER_REPLICATE)
    # an even picture has a deviation of rounding noise
    hot = (smooth > ir.mean() + _SPREAD * ir.std() + 1e-6).astype(np.uint8)
    # square neighbourhoods of 2·gap + 1 and 2·(gap + reach) + 1 pixels
    near_hot = cv2.dilate(hot, np.ones((2 * _GAP + 1, 2 * _GAP + 1), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hot, connectivity=8)
    least = max(9, ir.size // 20000)
    targets = []
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        if area < least:
            continue
        reach = _GAP + min(32, max(4, round(math.sqrt(area) / 2)))
        box = (slice(max(0, top - reach), top + height + reach), slice(max(0, left - reach), left + width + reach))
        inside = labels[box] == label
        grown = cv2.dilate(inside.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
        target = Target(box, inside, (grown > 0) & (near_hot[box] == 0))
        if target.around.any() and target.step(ir)[0] >= _STEP:
            targets.append(target)
    return targets


METRICS = (
    Metric(
        name="HTV",
        direction="up",
        range="−1 … 1",
        summary="do the infrared picture's hot targets stand out from their surroundings",
        equation="Σ √area_k v_k / Σ √area_k, v_k = D_k / (|D_k| + σ_k + 4), D_k = mean F in target − in its ring",
        paper="dfuse's own; defined in diffuse_fuse/metrics/targets.py",
        convention="targets: infrared above mean + 2 σ, at least max(9, area/20000) pixels and 10 grey levels",
        pitfalls="Says nothing of what is cold, and of colour. Its ceiling is HTV of the infrared picture itself. "
        "Meant for infrared pictures where hot is bright.",
        others="No other program has it.",
        degenerate="NaN when the infrared picture has no hot target; 0 for a constant fused picture.",
        cost=10,
        function=htv,
    ),
)
