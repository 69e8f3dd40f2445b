"""Luma and chroma as tensors: how a fused luma gets its colour back, and how far colours are apart."""

from __future__ import annotations

import numpy as np
import torch

from diffuse_fuse.luma import LUMA

# sRGB (D65) to XYZ: IEC 61966-2-1. Divided by the white point, each row sums to 1, and each row of the inverse.
_RGB_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_RGB_TO_XYZ = _RGB_TO_XYZ / _RGB_TO_XYZ.sum(axis=1, keepdims=True)
_XYZ_TO_RGB = np.linalg.inv(_RGB_TO_XYZ).tolist()
_RGB_TO_XYZ = _RGB_TO_XYZ.tolist()

_LIGHTNESS_STEPS = 2  # each brings luma about three times nearer
_HALVINGS_OF_LUMA, _HALVINGS_OF_SATURATION = 6, 10
_LUMA_GIVEN = 12 / 255


def luma(rgb: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) -> (N, 1, H, W), both in [0, 1]."""
    r, g, b = torch.split(rgb, 1, dim=1)
    # Written as g plus differences: where r = g = b the result is g itself, to the last bit.
    return g + LUMA[0] * (r - g) + LUMA[2] * (b - g)


def recolour(y: torch.Tensor, vis: torch.Tensor) -> torch.Tensor:
    """A colour picture with luma ``y`` and the chroma (a*, b* of CIELAB) of ``vis``.

    Lightness is what gives the luma ``y`` with the a* and b* of ``vis``. Where none does in the RGB cube, luma gives
    way towards that of ``vis`` by twelve grey levels at most, no more than it must: near white and black this is much
    room. Where it is not enough, the colour loses saturation, as little as it must, and keeps its hue. Everywhere else
    the luma of the result is ``y``. A grey ``vis`` gives exactly r = g = b, and ``y`` = luma(vis) gives ``vis`` back.
    ``y`` (N, 1, H, W), ``vis`` (N, 3, H, W), in [0, 1]; returns (N, 3, H, W) in [0, 1].
    """
    fx, fy, fz = _responses(vis)
    away = (fx - fy, fz - fy)
    own = luma(vis)
    start = fy + _response(y) - _response(own)
    with torch.no_grad():
        moved = start
        for _ in range(_LIGHTNESS_STEPS):
            moved = _nearer(y, moved, away)
        outside = ~_fits(_light(moved, *away))
        saturation, given = torch.ones_like(moved), torch.zeros_like(moved)
        if torch.compiler.is_exporting():  # a graph has no way that depends on what the pixels are
            found = _inside(y, own, moved, *away)
            pairs = zip(found, (moved, saturation, given), strict=True)
            moved, saturation, given = (torch.where(outside, new, kept) for new, kept in pairs)
        elif outside.any():
            found = _inside(*(x[outside][None, None, None] for x in (y, own, moved, *away)))
            moved[outside], saturation[outside], given[outside] = (x.flatten() for x in found)
    # what is found by steps has no slope; lightness follows luma with that of a grey
    moved = start + (moved - start).detach()
    rgb = torch.cat([_encode(c.clamp(0, 1)) for c in _light(moved, *(saturation * a for a in away))], dim=1)
    return _around(y + given, rgb - luma(rgb)).clamp(0, 1)


def _nearer(y: torch.Tensor, fy: torch.Tensor, away: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """A lightness f(Y) whose luma is nearer to ``y``."""
    rgb = torch.cat([_encode(c) for c in _light(fy, *away)], dim=1)
    return (fy + _response(y) - _response(luma(rgb))).clamp(16 / 116, 1.0)


def _inside(
    y: torch.Tensor, own: torch.Tensor, fy: torch.Tensor, dx: torch.Tensor, dz: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For colours outside of the RGB cube: lightness f(Y), the largest part of a* and b*, and the least change of luma
    towards ``own``, with which they are inside; found by bisection."""
    step = (own - y).clamp(-_LUMA_GIVEN, _LUMA_GIVEN)
    whole, none = torch.ones_like(fy), torch.zeros_like(fy)
    low, high, moved = none, whole, fy
    for _ in range(_HALVINGS_OF_LUMA):  # the least luma that must be given, all of it where none is enough
        middle = (low + high) / 2
        moved = _nearer(y + middle * step, moved, (dx, dz))
        fits = _fits(_light(moved, dx, dz))
        low, high = torch.where(fits, low, middle), torch.where(fits, middle, high)
    given = high * step
    low, high, moved = none, whole, _response(y + given)
    for _ in range(_HALVINGS_OF_SATURATION):  # the most saturation
        middle = (low + high) / 2
        tried = moved
        for _ in range(_LIGHTNESS_STEPS):
            tried = _nearer(y + given, tried, (middle * dx, middle * dz))
        fits = _fits(_light(tried, middle * dx, middle * dz))
        low, high, moved = (
            torch.where(fits, middle, low),
            torch.where(fits, high, middle),
            torch.where(fits, tried, moved),
        )
    return moved, high, given


def _fits(light: list[torch.Tensor]) -> torch.Tensor:
    """Whether linear R, G, B lie in the cube."""
    rgb = torch.cat(light, dim=1)
    return (rgb.amin(dim=1, keepdim=True) >= -1e-5) & (rgb.amax(dim=1, keepdim=True) <= 1 + 1e-5)


def _around(y: torch.Tensor, chroma: torch.Tensor) -> torch.Tensor:
    """``y`` plus as much of ``chroma`` (R, G, B less luma) as stays in the RGB cube."""
    up = chroma.amax(dim=1, keepdim=True).clamp_min(1e-6)
    down = (-chroma.amin(dim=1, keepdim=True)).clamp_min(1e-6)
    return y + torch.minimum((1 - y) / up, y / down).clamp(0, 1) * chroma


def _light(fy: torch.Tensor, dx: torch.Tensor, dz: torch.Tensor) -> list[torch.Tensor]:
    """Linear R, G, B of f(Y) and its distances to f(X) and f(Z); equal to the last bit where both are 0."""
    x, y, z = _cube(fy + dx), _cube(fy), _cube(fy + dz)
    return [y + row[0] * (x - y) + row[2] * (z - y) for row in _XYZ_TO_RGB]


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
    r, g, b = (_linear(c) for c in torch.split(rgb, 1, dim=1))
    return [_cube_root(g + row[0] * (r - g) + row[2] * (b - g)) for row in _RGB_TO_XYZ]


def _response(value: torch.Tensor) -> torch.Tensor:
    """f(Y) of a grey of that sRGB value."""
    return _cube_root(_linear(value))


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
