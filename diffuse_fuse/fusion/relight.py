"""Re-lighting: the infrared picture is put into the visible one's light before both are fused.

A network that takes contrast from both pictures turns a noon sky, which is cold and so black in the infrared picture,
into night. What people want of the infrared picture by day is its detail and its hot targets, not its light. So where
the visible picture is well lit, the infrared one's large-scale brightness (its base layer) gives way to the visible
one's; detail that stands out of the noise stays, and what is hot against the scene keeps its brightness, in both
pictures. By night that holds for what lamps light, and the rest of the infrared picture stays as it is, as it does
behind smoke; in a grey day only what is bright to the eye, such as the sky, does not go dark.

How far this goes is ``balance``: 0 is the scene as the eye saw it with its hot targets added, 1 all of the infrared
picture, "auto" what the light of the scene asks for. The base layers are those of the guided filter (He, Sun and Tang
2013), computed on a reduced picture as in the fast guided filter (He and Sun 2015): the fields that follow are small
and smooth, and each pixel is then made by itself, in portions of rows that depend on nothing but the picture's size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, overload

import cv2
import numpy as np

from diffuse_fuse.arrays import Array
from diffuse_fuse.errors import UsageError
from diffuse_fuse.fusion.pixelwise import add, larger, multiply, smaller
from diffuse_fuse.images.arrays import as_infrared, as_visible, to_uint8_grey
from diffuse_fuse.luma import LUMA

AUTO = "auto"
Balance = float | str  # 0 to 1, or ``AUTO``

_LEAST = 80  # pixels of the reduced picture's shorter side, about
_SIDE = 112  # pixels of a shorter side in which the lengths below are given
_RADIUS = 9  # of the guided filter's windows
_TARGET = 23  # what is narrower may be a target
_PORTION = 1 << 17  # pixels that are made at once: fewer, and the calls themselves take time; more, and caches end
_BLOCK = 64  # columns that are looked at for something hot: in most there is nothing

# of brightness and contrast in [0, 1]
_IR_EDGE, _VIS_EDGE = 0.04, 0.01  # variance of a window above which an edge stays sharp in a base layer
_DAY = (0.35, 0.6)  # brightness of the brighter fifth of a scene: from night to day
_COLOUR = (0.004, 0.015)  # mean difference of the largest and the smallest channel: from a grey scene to one in colour
_GREY_PART = 0.15  # how far grey scenes are re-lit
_LIT = (0.08, 0.35)  # brightness around a place: from unlit to lit
_BRIGHT, _GLARE = (0.45, 0.7), (0.75, 0.9)  # brightness of a sky, and of one in which the visible picture shows nothing
_DARKER = (0.2, 0.5)  # how much darker the infrared picture is than the visible one
_LAMPLIGHT, _LESS_THAN_LAMPLIGHT = (0.01, 0.05), (0.0, 0.06)  # the same two of what is lit by night
_SKY_SHARE = (0.1, 0.3)  # of the upper quarter of a picture: from no sky to one
_GLARE_SHARE = (0.01, 0.04)  # of the upper half that is burnt out
_SKY_PART = 0.8  # of detail that is left out in the sky
_DETAIL = 1.25
_HEADROOM = 2.0  # times what is left to white, detail may darken: what is burnt out keeps no shade of it
_CAP = (0.75, 1.0)  # brightness up to which what is hot keeps its own: wide ground, which would bleach, and targets
_LEAST_SPREAD = 0.04
_EVEN = (0.004, 0.02)  # deviation of an infrared picture: from none to some information
_FLAT, _STRUCTURED = (0.01, 0.035), (0.03, 0.08)  # deviations around a place: the visible one is blind where ...
_BLIND_PART = 0.4  # ... it is flat and the infrared one has structure

# in deviations of the infrared picture
_HOT = (1.3, 1.9)  # above its mean: targets, of whatever size
_WARM, _RISE = 0.5, 0.25  # above its mean and its surroundings: targets that are narrow
_STANDS_OUT = (0.3, 0.9)  # above its surroundings: from wide ground to targets
_COLD, _GLARE_COLD = (0.4, 1.0), (-0.2, 0.4)  # below its median or mean: skies
_NOT_COLD = (0.1, 0.6)


@dataclass(frozen=True)
class SceneLight:
    """What re-lighting knows of a scene as a whole; a video takes one that changes slowly.

    How far the infrared picture follows the visible one's light, 0 to 1: amount: everywhere; bright: where the visible
    picture is bright and the infrared one dark, under an open sky, which no day wants black; glare: where a sky is
    burnt out, in a dim scene too; lamps: by night, where the visible picture is lit and the infrared one is darker. Of
    the infrared picture, in [0, 1]: mean, spread, median; noise: its mean absolute value where it is quiet; even: 1
    without information, else 0, or between.
    """

    amount: float
    bright: float
    glare: float
    lamps: float
    mean: float
    spread: float
    median: float
    noise: float
    even: float


def checked_balance(balance: Balance) -> Balance:
    """``balance`` if it is "auto" or a number from 0 to 1 (a text that is one becomes one).

    Raises UsageError otherwise.
    """
    if balance == AUTO:
        return AUTO
    try:
        value = float(balance)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value <= 1:
        raise UsageError(f"The balance is auto or a number from 0 to 1, not {balance}.")
    return value


def as_whole(ir: Array, vis: Array) -> tuple[Array, Array]:
    """A pair as given, with done what needs the whole picture: the percentiles of thermal counts, the range of floats.

    ``ir`` becomes uint8 or float32 in [0, 1], H×W; ``vis`` uint8 or uint16, H×W or H×W×3, or float32 H×W×3. Raises
    ImageError for what is no picture.
    """
    ir = to_uint8_grey(ir) if ir.dtype == np.uint8 else as_infrared(ir)
    if vis.dtype.kind == "f" or vis.shape[2:] not in ((), (3,)):
        vis = as_visible(vis)
    return ir, vis


def scene_light(ir: Array, vis: Array, balance: Balance = AUTO) -> SceneLight:
    """Looks at a pair, as ``as_whole`` returns it, and decides how far it is to be re-lit."""
    return _Reduced(ir, vis).light(balance)


def relight(ir: Array, vis: Array, balance: Balance = AUTO, light: SceneLight | None = None) -> tuple[Array, Array]:
    """A pair, as ``as_whole`` returns it, as the network is to see it: the infrared picture in the visible one's
    light, and the visible picture with the hot targets.

    ``light``: of the scene, where it is known already; ``balance`` is then not asked. Returns arrays of the shapes
    and types given; with a balance of 1 the arrays themselves.
    """
    if light is None and balance == 1:
        return ir, vis
    reduced = _Reduced(ir, vis)
    light = light or reduced.light(balance)
    if max(light.amount, light.bright, light.glare, light.lamps) <= 0:
        return ir, vis
    fields = _Fields(reduced, light)
    relit, lifted = np.empty_like(ir), np.empty_like(vis)
    height, width = ir.shape
    rows = max(1, _PORTION // width // reduced.factor) * reduced.factor
    for top in range(0, height, rows):
        part = slice(top, min(top + rows, height))
        fields.fill(ir[part], vis[part], part, relit[part], lifted[part])
    return relit, lifted


class _Reduced:
    """A pair, ``factor`` times smaller: infrared and luma in [0, 1], float32."""

    def __init__(self, ir: Array, vis: Array) -> None:
        self.factor = max(1, round(min(ir.shape) / _LEAST))
        self.ir = _unit(_shrunk(ir, self.factor))
        self._vis = [_unit(channel) for channel in cv2.split(_shrunk(vis, self.factor))]
        self.y = self._vis[0]
        if len(self._vis) == 3:
            r, g, b = (np.float32(weight) * channel for weight, channel in zip(LUMA, self._vis, strict=True))
            self.y = r + g + b
        self.brightness = _blurred(self.y, 3)
        self._noise = partial(_noise, ir)

    def light(self, balance: Balance) -> SceneLight:
        """What re-lighting has to know of the scene."""
        mean, deviation = (np.float64(x.item()) for x in cv2.meanStdDev(self.ir))
        if balance == AUTO:
            colour = 0.0
            if len(self._vis) == 3:
                r, g, b = self._vis
                colour = cv2.mean(cv2.max(cv2.max(r, g), b) - cv2.min(cv2.min(r, g), b))[0]
            day = _step(_share_below(self.brightness, 0.8), *_DAY)
            amount = day * (_GREY_PART + (1 - _GREY_PART) * _step(colour, *_COLOUR))
            bright = day * _step(self._sky(mean, deviation), *_SKY_SHARE)
            upper = self.brightness[: len(self.brightness) // 2]
            glare = _step(np.mean(_step(upper, *_GLARE)), *_GLARE_SHARE)
            lamps = 1 - day
        else:
            amount = bright = glare = 1 - float(balance)
            lamps = 0.0
        even = 0.0 if balance == 1 else 1 - _step(deviation, *_EVEN)
        return SceneLight(
            amount=float(max(amount, even)),
            bright=float(max(amount, bright, even)),
            glare=float(max(amount, bright, glare, even)),
            lamps=float(lamps),
            mean=float(mean),
            spread=float(max(_LEAST_SPREAD, deviation)),
            median=_share_below(self.ir, 0.5),
            noise=self._noise(),
            even=float(even),
        )

    def _sky(self, mean: float, deviation: float) -> float:
        """Share of the upper quarter of the picture that is bright and cold. Smoke and snow are bright too, and what is
        behind smoke must not be lost."""
        top = slice(0, len(self.ir) // 4 + 1)
        warm = max(mean, _share_below(self.ir, 0.5))
        coldness = (warm - _blurred(self.ir, 2)[top]) / max(_LEAST_SPREAD, deviation)
        return float(np.mean(_step(coldness, *_COLD) * _step(self.brightness[top], *_BRIGHT)))


class _Fields:
    """Small fields that say what becomes of a pixel, and that. Values are levels of 0 to 255."""

    def __init__(self, reduced: _Reduced, light: SceneLight) -> None:
        self._factor, self._lift = reduced.factor, max(light.amount, light.bright)
        self._glare = light.glare if light.glare > light.amount else 0.0
        small, y, brightness = reduced.ir, reduced.y, reduced.brightness
        ir_slope, ir_rest = _guided(small, _RADIUS, _IR_EDGE)
        vis_slope, vis_rest = _guided(y, _RADIUS, _VIS_EDGE)
        base = ir_slope * small + ir_rest
        coldness = (light.median - _blurred(base, 2)) / light.spread
        blind = _blind(small, y, coldness)
        seen = 1 - _BLIND_PART * blind
        lit = _step(brightness, *_LIT) * seen
        below = coldness + (max(light.mean, light.median) - light.median) / light.spread
        sky = np.maximum(
            _step(below, *_COLD) * _step(brightness, *_BRIGHT),
            _step(below, *_GLARE_COLD) * _step(brightness, *_GLARE),
        )
        follow = light.amount * np.maximum(lit, light.even)
        bright = max(0.0, light.bright - light.amount)
        side = 2 * _scaled(_TARGET // 2, small) + 1
        ground = cv2.morphologyEx(base, cv2.MORPH_OPEN, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REFLECT)
        narrow = np.maximum(light.mean + _WARM * light.spread, _blurred(ground, 4) + _RISE * light.spread)
        hot_from = np.minimum(light.mean + _HOT[0] * light.spread, narrow)
        stands_out = _step((base - ground) / light.spread, *_STANDS_OUT)
        self._noise = 255 * light.noise * (1 + light.lamps)  # grain shows on dark roads
        self._per_spread = 1 / (255 * light.spread * (_HOT[1] - _HOT[0]))
        self._small = [
            cv2.copyMakeBorder(np.asarray(field, np.float32), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
            for field in (
                ir_slope, 255 * ir_rest, vis_slope, 255 * vis_rest, _DETAIL * (1 - _SKY_PART * sky), 255 * hot_from,
                255 * (_CAP[0] + (_CAP[1] - _CAP[0]) * stands_out), follow,
                *([bright * (1 - blind)] if bright else []), *([light.lamps * seen] if light.lamps else []),
            )
        ]  # fmt: skip
        # what is bright by day and what lamps light: how bright, and how much darker in the infrared picture
        kinds = ((bright, _BRIGHT, _DARKER), (light.lamps, _LAMPLIGHT, _LESS_THAN_LAMPLIGHT))
        self._kinds = [(limits, darker) for part, limits, darker in kinds if part]

    def fill(self, ir: Array, vis: Array, rows: slice, relit: Array, lifted: Array) -> None:
        """Writes some ``rows`` of the picture into ``relit`` and ``lifted``."""
        ir_slope, ir_rest, vis_slope, vis_rest, gain, hot_from, cap, follow, *parts = (
            self._at(field, rows, ir) for field in self._small
        )
        i = ir.astype(np.float32) if ir.dtype == np.uint8 else ir * np.float32(255)
        y = _luma_levels(vis)
        base = cv2.add(cv2.multiply(ir_slope, i, dst=ir_slope), ir_rest, dst=ir_rest)
        natural = cv2.add(cv2.multiply(vis_slope, y, dst=vis_slope), vis_rest, dst=vis_rest)
        for part, (limits, darker) in zip(parts, self._kinds, strict=True):
            dark = _goes_dark(natural, base, limits, darker)
            cv2.add(follow, cv2.multiply(dark, part, dst=dark), dst=follow)
        if self._glare:
            dark = _goes_dark(natural, base, _GLARE, _DARKER)
            cv2.max(follow, multiply(dark, self._glare, dst=dark), dst=follow)
        detail = cv2.subtract(i, base, dst=ir_slope)
        quiet = smaller(larger(detail, -self._noise), self._noise)  # what may be noise
        cv2.subtract(detail, quiet, dst=detail)
        deepest = cv2.addWeighted(y, _HEADROOM, y, 0, -255 * _HEADROOM, dst=quiet)
        cv2.max(detail, deepest, dst=detail)
        cv2.add(natural, cv2.multiply(detail, gain, dst=detail), dst=natural)
        hot = cv2.subtract(base, hot_from, dst=base)
        lifted[...] = vis
        for left in range(0, ir.shape[1], _BLOCK):
            block = np.s_[:, left : left + _BLOCK]
            if cv2.minMaxLoc(hot[block])[1] > 0:
                more = self._lift_hot(hot[block], i[block], y[block], cap[block], natural[block])
                _store_lifted(vis[block], more, lifted[block])
        natural = cv2.multiply(cv2.subtract(natural, i, dst=natural), follow, dst=natural)
        _store(cv2.add(natural, i, dst=natural), relit)

    def _lift_hot(self, above: Array, i: Array, y: Array, cap: Array, natural: Array) -> Array:
        """Lifts ``natural`` to the infrared picture ``i`` where that is hot, and returns by how much the visible
        picture's luma ``y`` is to be lifted."""
        hot = multiply(above, self._per_spread)
        hot = _smooth_plane(smaller(larger(hot, 0, dst=hot), 1, dst=hot))
        target = cv2.min(i, cap)
        colder = larger(cv2.subtract(target, natural), 0)
        cv2.add(natural, cv2.multiply(colder, hot, dst=colder), dst=natural)
        darker = larger(cv2.subtract(target, y, dst=target), 0, dst=target)
        return cv2.multiply(darker, hot, dst=hot, scale=self._lift)

    def _at(self, field: Array, rows: slice, like: Array) -> Array:
        """A field at some rows of the picture, of which the first is the first of a cell; bilinear, a new array."""
        factor, (count, width) = self._factor, like.shape
        first = rows.start // factor
        part = field[first : first + -(-count // factor) + 2]
        if factor > 1:
            part = cv2.resize(part, (part.shape[1] * factor, len(part) * factor))
            return part[factor : factor + count, factor : factor + width]
        return part[1 : 1 + count, 1 : 1 + width].copy()


def _goes_dark(natural: Array, base: Array, bright: tuple[float, float], darker: tuple[float, float]) -> Array:
    """How far what is ``bright`` in the visible picture's base layer is ``darker`` in the infrared one's, 0 to 1; both
    base layers in levels."""
    lost = _ramp(cv2.subtract(natural, base), 255 * darker[0], 255 * darker[1])
    both = cv2.min(lost, _ramp(natural, 255 * bright[0], 255 * bright[1]), dst=lost)
    return _smooth_plane(smaller(larger(both, 0, dst=both), 1, dst=both))


def _ramp(x: Array, zero: float, one: float) -> Array:
    """A straight line through 0 at ``zero`` and 1 at ``one``."""
    return cv2.addWeighted(x, 1 / (one - zero), x, 0, -zero / (one - zero))


def _blind(ir: Array, y: Array, coldness: Array) -> Array:
    """Where the visible picture shows nothing and the infrared one something that is no sky, as behind smoke."""
    flat = 1 - _step(_deviation(y), *_FLAT)
    found = flat * _step(_deviation(ir), *_STRUCTURED) * (1 - _step(coldness, *_NOT_COLD))
    return _blurred(found, 3)


def _guided(x: Array, radius: int, edge: float) -> tuple[Array, Array]:
    """Slope and rest of the guided filter of ``x`` by itself: its base layer is slope · x + rest."""
    side = (2 * _scaled(radius, x) + 1,) * 2
    mean = cv2.blur(x, side, borderType=cv2.BORDER_REFLECT)
    variance = np.maximum(cv2.blur(x * x, side, borderType=cv2.BORDER_REFLECT) - mean * mean, 0)
    slope = variance / (variance + np.float32(edge))
    rest = mean - slope * mean
    mean_slope, mean_rest = (cv2.blur(part, side, borderType=cv2.BORDER_REFLECT) for part in (slope, rest))
    return mean_slope, mean_rest


def _scaled(length: float, x: Array) -> int:
    """A length in pixels of a picture with a side of ``_SIDE``, in pixels of ``x``."""
    shorter: int = min(x.shape)
    return max(1, round(length * shorter / _SIDE))


def _blurred(x: Array, sigma: float) -> Array:
    sigma = max(0.3, sigma * min(1.5, min(x.shape) / _SIDE))
    return cv2.GaussianBlur(x, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def _deviation(x: Array) -> Array:
    mean = _blurred(x, 4)
    deviation: Array = np.sqrt(np.maximum(_blurred(x * x, 4) - mean * mean, 0))
    return deviation


@overload
def _step(x: float | np.floating[Any], low: float, high: float) -> float: ...
@overload
def _step(x: Array, low: float, high: float) -> Array: ...
def _step(x: float | np.floating[Any] | Array, low: float, high: float) -> float | Array:
    """0 below ``low``, 1 above ``high``, smooth between (a cubic)."""
    t: float | Array = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _smooth_plane(t: Array) -> Array:
    """``_smooth`` of a float32 plane, in few steps."""
    square = cv2.multiply(t, t)
    cv2.addWeighted(t, -2, t, 0, 3, dst=t)
    return cv2.multiply(square, t, dst=t)


def _shrunk(picture: Array, factor: int) -> Array:
    """Means of cells of ``factor``×``factor`` pixels; those at the right and lower edge are filled by repetition."""
    if factor == 1:
        return picture
    height, width = picture.shape[:2]
    rows = max(1, _PORTION // width // factor) * factor
    parts = []
    for top in range(0, height, rows):
        part = picture[top : top + rows]
        below, right = -len(part) % factor, -width % factor
        if below or right:
            part = cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_REPLICATE)
        size = (part.shape[1] // factor, len(part) // factor)
        parts.append(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
    return np.concatenate(parts)


def _unit(plane: Array) -> Array:
    return plane if plane.dtype.kind == "f" else plane * np.float32(1 / np.iinfo(plane.dtype).max)


def _luma_levels(vis: Array) -> Array:
    """Luma of some rows in levels of 0 to 255, float32."""
    y = vis if vis.ndim == 2 else cv2.cvtColor(vis, cv2.COLOR_RGB2GRAY)
    if y.dtype == np.uint8:
        return y.astype(np.float32)
    return y * np.float32(255 if y.dtype.kind == "f" else 1 / 257)


def _store(levels: Array, out: Array) -> None:
    """Levels of 0 to 255 into uint8, or float32 of 0 to 1."""
    if out.dtype == np.uint8:
        add(levels, 0.0, dst=out, dtype=cv2.CV_8U)  # rounds and cuts off
    else:
        np.clip(levels * np.float32(1 / 255), 0, 1, out=out)


def _store_lifted(vis: Array, more: Array, out: Array) -> None:
    """``vis`` and as many levels of 0 to 255 on top in all channels."""
    if vis.dtype.kind == "f":
        more = more * np.float32(1 / 255)
    else:
        wide = vis.dtype == np.uint16
        more = multiply(more, 257.0 if wide else 1.0, dtype=cv2.CV_16U if wide else cv2.CV_8U)
    if vis.ndim == 3:
        more = cv2.merge([more] * 3)
    if vis.dtype.kind == "f":
        np.minimum(vis + more, 1, out=out)
    else:
        cv2.add(vis, more, dst=out)


def _share_below(x: Array, share: float) -> float:
    """The value below which a ``share`` of ``x``, in [0, 1], lies, to a level of 255."""
    counts = np.bincount((x * 255 + 0.5).astype(np.uint8).ravel(), minlength=256)
    return float(np.searchsorted(np.cumsum(counts), share * x.size)) / 255


def _noise(ir: Array) -> float:
    """Mean absolute value of what a 3×3 mean takes away, in the quieter third of the picture's cells of 8×8."""
    height, width = ir.shape
    rows = max(8, _PORTION // width // 8 * 8)
    cells = []
    for top in range(0, height, rows):
        part = ir[top : top + rows]
        fine = cv2.absdiff(part, cv2.blur(part, (3, 3)))
        size = (max(1, width // 8), max(1, len(part) // 8))
        cells.append(cv2.resize(fine.astype(np.float32), size, interpolation=cv2.INTER_AREA).ravel())
    found = np.concatenate(cells)
    quiet = float(np.partition(found, int(0.3 * (found.size - 1)))[int(0.3 * (found.size - 1))])
    return quiet / 255 if ir.dtype == np.uint8 else quiet
