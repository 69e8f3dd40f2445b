"""The visible picture's colour on a student's luma, for a twentieth of the time that ``colour.recolour`` takes."""

from __future__ import annotations

import torch

from diffuse_fuse.fusion.colour import luma


def tint(y: torch.Tensor, vis: torch.Tensor, before: torch.Tensor | None = None) -> torch.Tensor:
    """A colour picture with luma ``y`` and about the chroma (a*, b* of CIELAB) of ``vis``.

    f(Y) of CIELAB, seen as a function of the sRGB value v, is (v + 0.055)^0.8 up to a factor, except near black. Its
    slope says by how much R - Y, G - Y and B - Y have to grow with luma so that a* and b* stay, to first order:
    ((y + 0.055) / (Y + 0.055))^0.2. What leaves the RGB cube loses saturation and keeps its hue. How close this comes
    to ``recolour`` is measured in docs/speed.md. The luma of the result is ``y``; a grey ``vis`` gives r = g = b.
    ``y`` (N, 1, H, W), ``vis`` (N, 3, H, W), in [0, 1], ``before``: luma of ``vis``, where it is known already;
    returns (N, 3, H, W) in [0, 1].
    """
    before = luma(vis) if before is None else before
    chroma = vis - before
    r, g, b = chroma.split(1, dim=1)
    up = torch.maximum(torch.maximum(r, g), b).clamp_min(1e-6)
    down = torch.minimum(torch.minimum(r, g), b).clamp_max(-1e-6)
    room = torch.minimum((1 - y) / up, -y / down)
    # x^(3/16): square roots take a quarter of the time of a power, and what they miss of 0.2 cannot be seen
    eighth = ((y + 0.055) / (before + 0.055)).sqrt().sqrt().sqrt()
    growth = eighth * eighth.sqrt()
    return torch.addcmul(y, torch.minimum(growth, room), chroma).clamp(0, 1)


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
