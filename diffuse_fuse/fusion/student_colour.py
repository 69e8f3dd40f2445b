"""The visible picture's colour on a student's luma, for a fiftieth of the time that ``colour.recolour`` takes."""

from __future__ import annotations

import torch

from diffuse_fuse.fusion.colour import luma


def tint(y: torch.Tensor, vis: torch.Tensor) -> torch.Tensor:
    """A colour picture with luma ``y`` and about the chroma (a*, b* of CIELAB) of ``vis``.

    f(Y) of CIELAB, seen as a function of the sRGB value v, is (v + 0.055)^0.8 up to a factor, except for near-black.
    Its slope says by how much a difference R - Y has to grow with luma so that a* and b* stay, to first order:
    ((y + 0.055) / (Y + 0.055))^0.2. What leaves the RGB cube loses saturation and keeps its hue. How close this comes
    to ``recolour`` is in docs/speed.md. The luma of the result is ``y``; a grey ``vis`` gives exactly r = g = b.
    ``y`` (N, 1, H, W), ``vis`` (N, 3, H, W), in [0, 1]; returns (N, 3, H, W) in [0, 1].
    """
    before = luma(vis)
    r, g, b = (vis - before).split(1, dim=1)
    # what stretches the differences furthest in either direction must not leave the cube
    up = torch.maximum(torch.maximum(r, g), b).clamp_min(1e-6)
    down = torch.minimum(torch.minimum(r, g), b).neg().clamp_min(1e-6)
    room = torch.minimum((1 - y) / up, y / down)
    growth = ((y + 0.055) / (before + 0.055)) ** 0.2
    part = torch.minimum(growth, room)
    return torch.addcmul(y, part, vis - before).clamp(0, 1)
