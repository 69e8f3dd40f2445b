"""The light of the visible picture in the fused one: Tone, Darkened and Bleached, measures of dfuse's own.

A person who looks at a fused picture of a sunny street expects a sunny street. The infrared picture has another light:
a bright sky is cold, and a road in the sun is hot. Fused pictures that take this over score well in the metrics of the
field, and people who compare pictures blindly say that noon looks like night. These three see it. Luma is in 0…1, and
blurred means a Gaussian of σ = 8 pixels, so that edges and texture do not count.

1. Tone: Pearson's correlation of the blurred luma of the fused and of the visible picture, over the pixels where the
   visible one is above 0.08. Darker places have no light of their own: there the infrared picture may add what it has.
2. Darkened: of the pixels where the visible picture's blurred luma is above 0.55, the share where the fused one's is
   below 0.7 of it. Tone alone does not see a picture that is darker as a whole.
3. Bleached: the share of all pixels with a fused luma above 0.97 where the visible luma is below 0.9, not blurred.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.metrics.bands import Band, total
from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.counts import joint
from diffuse_fuse.metrics.filters import gaussian
from diffuse_fuse.metrics.metric import Metric

# in grey levels 0…255
_LIT = 0.08 * 255
_BRIGHT = 0.55 * 255
_WHITE = math.floor(0.97 * 255) + 1  # least grey level above
_NOT_WHITE = math.floor(0.9 * 255)  # largest grey level below

_KEPT = 0.7  # of the visible picture's light, where it is not darkened
_SIGMA = 8.0
_HALF = 32  # four σ, as OpenCV cuts a Gaussian of floating-point numbers
_LEAST = 0.01  # of the picture: a few lamps are no bright area
_ROUNDING = 1e-9  # a variance of blurred grey levels that is no more than this is 0
_TIE = 1e-6  # grey levels: even areas at exactly 0.7 are not darkened, however the blur rounds


@dataclass(frozen=True)
class Light:
    """Sums over the pixels where the visible picture is lit, of both blurred lumas; and counts of pixels."""

    lit: float
    v: float
    f: float
    vv: float
    ff: float
    vf: float
    bright: float
    darkened: float


def tone(t: Triple) -> float:
    """Correlation of the fused and the visible picture's blurred luma, −1…1, where the visible one is above 0.08.

    NaN where nothing is, and where either is constant there.
    """
    s = t.once(_light)
    if not s.lit:
        return math.nan
    visible, fused = s.vv / s.lit - (s.v / s.lit) ** 2, s.ff / s.lit - (s.f / s.lit) ** 2
    if min(visible, fused) <= _ROUNDING:
        return math.nan
    both = s.vf / s.lit - s.v / s.lit * s.f / s.lit
    return min(1.0, max(-1.0, both / math.sqrt(visible * fused)))


def darkened(t: Triple) -> float:
    """Share of the visible picture's bright area (blurred luma above 0.55) that is below 0.7 of it when fused, 0…1.

    NaN where the bright area is less than 1 % of the picture.
    """
    s = t.once(_light)
    return s.darkened / s.bright if s.bright and s.bright >= _LEAST * t.vis.size else math.nan


def bleached(t: Triple) -> float:
    """Share of pixels, 0…1, with a fused luma above 0.97 where the visible luma is below 0.9."""
    with_vis = t.once(joint)[1]
    return float(with_vis[: _NOT_WHITE + 1, _WHITE:].sum() / t.vis.size)


def _light(t: Triple) -> Light:
    # sums about the mean of all pixels keep their digits where the pictures are nearly even
    origin_v, origin_f = float(t.vis.mean()), float(t.fused.mean())

    def sums(band: Band) -> tuple[float, ...]:
        vis, fused = (_blurred(plane[band.rows])[band.inner] for plane in (t.vis, t.fused))
        bright = vis > _BRIGHT
        dark = int(np.count_nonzero(bright & (_KEPT * vis - fused > _TIE)))
        lit = vis > _LIT
        v, f = vis[lit] - origin_v, fused[lit] - origin_f
        moments = (float(x) for x in (v.sum(), f.sum(), v @ v, f @ f, v @ f))
        return v.size, *moments, int(np.count_nonzero(bright)), dark

    return Light(*map(float, total(t.shape, _HALF, sums)))


def _blurred(rows: Array) -> Array:
    return gaussian(rows, 2 * _HALF + 1, _SIGMA, "mirror")


_BLUR = "luma of 0…1, Gaussian of σ 8 pixels cut at 32, mirrored at the border"
_OTHERS = "No other program has it."

METRICS = (
    Metric(
        name="Tone",
        direction="up",
        range="−1 … 1",
        summary="does the fused picture keep the visible one's light and dark",
        equation="correlation of blurred F and blurred V, over the pixels where blurred V > 0.08",
        paper="dfuse's own; defined in diffuse_fuse/metrics/tone.py",
        convention=_BLUR,
        pitfalls="The visible picture itself has 1: says nothing of what the infrared one adds. Blind to gain and "
        "offset: read it with Darkened. σ is in pixels: compare pictures of one size.",
        others=_OTHERS,
        degenerate="NaN where the visible picture is nowhere above 0.08, and where either picture is constant there.",
        cost=20,
        function=tone,
    ),
    Metric(
        name="Darkened",
        direction="down",
        range="0 … 1",
        summary="share of the visible picture's bright area that the fused one shows dark",
        equation="share of the pixels with blurred V > 0.55 where blurred F < 0.7 blurred V",
        paper="dfuse's own; defined in diffuse_fuse/metrics/tone.py",
        convention=_BLUR,
        pitfalls="A picture that is bright everywhere has 0: read it with Tone and Bleached. σ is in pixels. Night "
        "pairs drop out of a mean.",
        others=_OTHERS,
        degenerate="NaN where the bright area is less than 1 % of the picture, as at night.",
        cost=20,
        function=darkened,
    ),
    Metric(
        name="Bleached",
        direction="down",
        range="0 … 1",
        summary="share of the picture that is white when fused and not in the visible picture",
        equation="share of all pixels with F > 0.97 where V < 0.9",
        paper="dfuse's own; defined in diffuse_fuse/metrics/tone.py",
        convention="luma of 0…1, not blurred",
        pitfalls="Hot targets that are shown white count too: small values are no fault.",
        others=_OTHERS,
        degenerate="None: 0 where nothing is white.",
        cost=4,
        function=bleached,
    ),
)
