"""The visible picture's colour on a student's luma, for a twentieth of the time that ``colour.recolour`` takes."""

from __future__ import annotations

import torch

from diffuse_fuse.fusion.colour import luma, slopes_of_response

_STEPS = 1024  # of luma, in the table of slopes: what they miss of a slope is below a hundredth
_SLOPES = slopes_of_response(torch.arange(_STEPS + 1, dtype=torch.float64) / _STEPS).float()


def tint(y: torch.Tensor, vis: torch.Tensor, before: torch.Tensor | None = None) -> torch.Tensor:
    """A colour picture with luma ``y`` and about the chroma (a*, b* of CIELAB) of ``vis``.

    The slope of CIELAB's f(Y) over the sRGB value v says by how much R - Y, G - Y and B - Y have to grow with luma so
    that a* and b* stay, to first order: slope(Y) / slope(y), which is ((y + 0.055) / (Y + 0.055))^0.2 but near black,
    where they shrink. What leaves the RGB cube loses saturation and keeps its hue. How close this comes to
    ``recolour`` is measured in docs/speed.md. The luma of the result is ``y``; a grey ``vis`` gives r = g = b.
    ``y`` (N, 1, H, W), ``vis`` (N, 3, H, W), in [0, 1], ``before``: luma of ``vis``, where it is known already;
    returns (N, 3, H, W) in [0, 1].
    """
    before = luma(vis) if before is None else before
    chroma = vis - before
    r, g, b = chroma.split(1, dim=1)
    up = torch.maximum(torch.maximum(r, g), b).clamp_min(1e-6)
    down = torch.minimum(torch.minimum(r, g), b).clamp_max(-1e-6)
    room = torch.minimum((1 - y) / up, -y / down)
    growth = _slope(before) / _slope(y)
    return torch.addcmul(y, torch.minimum(growth, room), chroma).clamp(0, 1)


def _slope(v: torch.Tensor) -> torch.Tensor:
    """The slope of f(Y) at ``v`` in [0, 1]."""
    step = (v * _STEPS + 0.5).to(torch.int32)
    return _SLOPES.to(v.device).index_select(0, step.flatten()).view_as(v)


def to_bytes(rgb: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) in [0, 1] -> uint8: G is rounded, and with it the differences R - G and B - G.

    Rounding each channel by itself errs twice as far in the differences, which are what hue depends on; to go through
    all the colours around, as ``colour.to_bytes`` does, takes longer than the student itself. Equal channels stay
    equal.
    """
    r, g, b = (rgb * 255).split(1, dim=1)
    middle = g.round()
    levels = torch.cat([middle + (r - g).round(), middle, middle + (b - g).round()], dim=1)
    return levels.clamp(0, 255).to(torch.int16).to(torch.uint8)  # by way of int16: both steps are vectorised
