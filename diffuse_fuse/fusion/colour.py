"""Luma and chroma as tensors: how a fused luma gets its colour back, and how far colours are apart."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch

# MATLAB's rgb2gray, which the field's metrics use; the weights sum to 1.
LUMA = (0.298936, 0.587043, 0.114021)

# sRGB (D65) to XYZ: IEC 61966-2-1. Divided by the white point, each row sums to 1, and each row of the inverse.
_RGB_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_RGB_TO_XYZ = _RGB_TO_XYZ / _RGB_TO_XYZ.sum(axis=1, keepdims=True)
_XYZ_TO_RGB = np.linalg.inv(_RGB_TO_XYZ).tolist()
_RGB_TO_XYZ = _RGB_TO_XYZ.tolist()

_LUMA_STEP = 1 / 3  # what a grey level of luma counts in units of a* and b*, where rounding has to choose


def luma(rgb: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) -> (N, 1, H, W), both in [0, 1]."""
    r, g, b = rgb.split(1, dim=1)
    # Written as g plus differences: where r = g = b the result is g itself, to the last bit.
    return g + LUMA[0] * (r - g) + LUMA[2] * (b - g)


def recolour(y: torch.Tensor, vis: torch.Tensor) -> torch.Tensor:
    """A colour picture with luma ``y`` and the chroma (a*, b* of CIELAB) of ``vis``.

    The lightness of ``vis`` is moved by the difference of luma, a* and b* stay. What leaves the RGB cube loses
    saturation, not hue; and the less saturation is left of it, the more it gives way to ``y`` with the distances of
    R, G and B from luma that ``vis`` has: a bright yellow, which lies in a corner of the cube, would be white a few
    levels higher. The luma of the result is ``y`` exactly: the metrics, and so the losses, see luma.
    A grey ``vis`` gives exactly r = g = b, and ``y`` = luma(vis) gives ``vis`` back.
    ``y`` (N, 1, H, W), ``vis`` (N, 3, H, W), in [0, 1]; returns (N, 3, H, W) in [0, 1].
    """
    fx, fy, fz = _responses(vis)
    moved = (fy + _cube_root(_linear(y)) - _cube_root(_linear(luma(vis)))).clamp(16 / 116, 1.0)
    away = (fx - fy, fz - fy)
    saturation = _saturation_with_room(moved.detach(), *(a.detach() for a in away))
    rgb = torch.cat([_encode(c.clamp(0, 1)) for c in _light(moved, *(saturation * a for a in away))], dim=1)
    in_lab, kept = _around(y, rgb - luma(rgb))
    in_rgb, _ = _around(y, vis - luma(vis))
    share = (saturation * kept).detach()
    return (in_rgb + share * (in_lab - in_rgb)).clamp(0, 1)


def _around(y: torch.Tensor, chroma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``y`` plus as much of ``chroma`` (R, G, B less luma) as stays in the RGB cube, and that share."""
    up = chroma.amax(dim=1, keepdim=True).clamp_min(1e-6)
    down = (-chroma.amin(dim=1, keepdim=True)).clamp_min(1e-6)
    room = torch.minimum((1 - y) / up, y / down).clamp(0, 1)
    return y + room * chroma, room


def to_bytes(rgb: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) in [0, 1] -> uint8: of the colours around each, the one that is nearest in a*, b* and luma.

    Rounding each channel by itself is blind to hue: in the dark, where a step of one channel is a step of hue, it
    makes most of the colour error that a fused picture has. Here each channel goes up or down so that chroma suffers
    least; a grey level of luma counts a third of a unit of a* or b*. Equal channels stay equal.
    """
    below = (rgb * 255).floor()
    ahead = rgb * 255 - below
    rows = _steps_in_chroma_and_luma(rgb)
    left = [sum(step * ahead[:, c] for c, step in enumerate(row)) for row in rows]
    least, up = torch.full_like(left[0], torch.inf), torch.zeros_like(below, dtype=torch.bool)
    for corner in product((False, True), repeat=3):
        off = (
            sum((row[c] for c in range(3) if corner[c]), torch.zeros_like(part)) - part
            for row, part in zip(rows, left, strict=True)
        )
        cost = sum(part.square() for part in off)
        closer = cost < least
        least = torch.where(closer, cost, least)
        for c in range(3):
            up[:, c] = torch.where(closer, corner[c], up[:, c])
    grey = (rgb.amax(dim=1) == rgb.amin(dim=1))[:, None]
    return (below + torch.where(grey, ahead >= 0.5, up)).clamp(0, 255).to(torch.uint8)


def _steps_in_chroma_and_luma(rgb: torch.Tensor) -> list[list[torch.Tensor]]:
    """By how much a*, b* and (weighed) luma change with one step of 1/255 in R, G and B: three rows of three."""
    linear = _linear(rgb)
    slope = _slope_of_linear(rgb, linear) / 255
    responses = []
    for row in _RGB_TO_XYZ:
        light = sum(weight * linear[:, c] for c, weight in enumerate(row))
        steep = _slope_of_cube_root(light)
        responses.append([steep * weight * slope[:, c] for c, weight in enumerate(row)])
    x, y, z = responses
    return [
        [500 * (x[c] - y[c]) for c in range(3)],
        [200 * (y[c] - z[c]) for c in range(3)],
        [torch.full_like(x[c], LUMA[c] * _LUMA_STEP) for c in range(3)],
    ]


def _light(fy: torch.Tensor, dx: torch.Tensor, dz: torch.Tensor) -> list[torch.Tensor]:
    """Linear R, G, B of f(Y) and its distances to f(X) and f(Z); equal to the last bit where both are 0."""
    x, y, z = _cube(fy + dx), _cube(fy), _cube(fy + dz)
    return [y + row[0] * (x - y) + row[2] * (z - y) for row in _XYZ_TO_RGB]


def _saturation_with_room(fy: torch.Tensor, dx: torch.Tensor, dz: torch.Tensor) -> torch.Tensor:
    """The largest part of a* and b*, found by bisection, that keeps R, G and B in [0, 1]."""

    def fits(part: torch.Tensor) -> torch.Tensor:
        rgb = torch.cat(_light(fy, part * dx, part * dz), dim=1)
        return (rgb.amin(dim=1, keepdim=True) >= -1e-5) & (rgb.amax(dim=1, keepdim=True) <= 1 + 1e-5)

    low, high = torch.zeros_like(fy), torch.ones_like(fy)
    whole = fits(high)
    for _ in range(12):
        middle = (low + high) / 2
        inside = fits(middle)
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return torch.where(whole, 1.0, low)


def lab(rgb: torch.Tensor) -> torch.Tensor:
    """CIELAB of sRGB (D65): (N, 3, H, W) in [0, 1] -> L* in [0, 100], a*, b*."""
    x, y, z = _responses(rgb)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def slopes_of_response(value: torch.Tensor) -> torch.Tensor:
    """The slope of f(Y) over the sRGB ``value`` of a grey, in [0, 1]."""
    linear = _linear(value)
    return _slope_of_cube_root(linear) * _slope_of_linear(value, linear)


def _responses(rgb: torch.Tensor) -> list[torch.Tensor]:
    """f(X), f(Y), f(Z) of CIE 15, equal to the last bit where r = g = b."""
    r, g, b = (_linear(c) for c in rgb.split(1, dim=1))
    return [_cube_root(g + row[0] * (r - g) + row[2] * (b - g)) for row in _RGB_TO_XYZ]


def _linear(value: torch.Tensor) -> torch.Tensor:
    """Linear light of an sRGB value."""
    return torch.where(value > 0.04045, ((value.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, value / 12.92)


def _slope_of_linear(value: torch.Tensor, linear: torch.Tensor) -> torch.Tensor:
    """The slope of linear light over the sRGB value; ``linear`` is ``_linear(value)``."""
    return torch.where(value > 0.04045, 2.4 * linear / (value + 0.055), 1 / 12.92)


def _encode(light: torch.Tensor) -> torch.Tensor:
    """The sRGB value of linear light."""
    return torch.where(light > 0.0031308, 1.055 * light.clamp_min(0.0031308) ** (1 / 2.4) - 0.055, 12.92 * light)


def _cube_root(t: torch.Tensor) -> torch.Tensor:
    return torch.where(t > 0.008856, t.clamp_min(0.008856) ** (1 / 3), 7.787 * t + 16 / 116)


def _slope_of_cube_root(t: torch.Tensor) -> torch.Tensor:
    return torch.where(t > 0.008856, t.clamp_min(0.008856) ** (-2 / 3) / 3, 7.787)


def _cube(f: torch.Tensor) -> torch.Tensor:
    return torch.where(f > 0.206893, f**3, (f - 16 / 116) / 7.787)
