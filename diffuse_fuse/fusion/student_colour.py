"""The visible picture's colour on a student's luma, for a twentieth of the time that ``colour.recolour`` takes."""

from __future__ import annotations

from functools import cache

import torch

from diffuse_fuse.luma import LUMA
from diffuse_fuse.networks.colour import luma, slopes_of_response

_STEPS = 1024  # of luma, in the table of slopes: what they miss of a slope is below a hundredth
_SLOPES = slopes_of_response(torch.arange(_STEPS + 1, dtype=torch.float64) / _STEPS).float()
_HALF = torch.tensor(0.5)
_LUMA_GIVEN = 12 / 255  # as in ``recolour``


def tint(y: torch.Tensor, vis: torch.Tensor, before: torch.Tensor | None = None) -> torch.Tensor:
    """A colour picture with luma ``y`` and about the chroma (a*, b* of CIELAB) of ``vis``.

    The slope of CIELAB's f(Y) over the sRGB value v says by how much R - Y, G - Y and B - Y have to grow with luma so
    that a* and b* stay, to first order: slope(Y) / slope(y), which is ((y + 0.055) / (Y + 0.055))^0.2 but near black,
    where they shrink. Where that leaves the RGB cube, luma gives way towards that of ``vis`` by twelve grey levels at
    most, no more than about what is lacking; where this is not enough, the colour loses saturation and keeps its hue.
    How close this comes to ``recolour`` is measured in docs/speed.md. Everywhere else the luma of the result is ``y``;
    a grey ``vis`` gives r = g = b.
    ``y`` (N, 1, H, W), ``vis`` (N, 3, H, W), in [0, 1], ``before``: luma of ``vis``, where it is known already;
    returns (N, 3, H, W) in [0, 1].
    """
    before = luma(vis) if before is None else before
    r, g, b = torch.split(vis, 1, dim=1)
    y, share = _fitted(y, before, r - g, b - g, before - g, white=1)
    return torch.addcmul(y, share, vis - before).clamp(0, 1)


def paint(
    y: torch.Tensor, before: torch.Tensor, red: torch.Tensor, blue: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``tint`` with fewer steps, on levels of 0 to 255: the G, R - G and B - G that ``levels.rounded`` takes.

    ``y`` and ``before`` are the luma of the result and of the visible picture, ``red`` and ``blue`` its R - G and
    B - G; all of one shape.
    """
    away = (red * LUMA[0]).add_(blue, alpha=LUMA[2])
    y, share = _fitted(y, before, red, blue, away, white=255)
    return torch.addcmul(y, away, share, value=-1), red * share, blue * share


def _fitted(
    y: torch.Tensor, before: torch.Tensor, red: torch.Tensor, blue: torch.Tensor, away: torch.Tensor, white: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The luma that a colour gets, and by how much its distances of R, G and B from luma grow; ``away`` is that of
    luma from G."""
    up = torch.maximum(red, blue).clamp_min_(0).sub_(away)
    down = torch.minimum(red, blue).clamp_max_(0).neg_().add_(away)
    wanted = _slope(before, white).div_(_slope(y, white))
    lacking = torch.maximum(wanted * up - (white - y), wanted * down - y).clamp_min_(0).clamp_max_(_LUMA_GIVEN * white)
    y = y + torch.minimum(torch.maximum(before - y, -lacking), lacking)
    room = torch.minimum((white - y).div_(up.clamp_min(1e-6)), y / down.clamp_min(1e-6))
    return y, torch.minimum(wanted, room)


def _slope(v: torch.Tensor, white: float) -> torch.Tensor:
    """The slope of f(Y) at ``v`` in [0, white]."""
    step = torch.add(_HALF, v, alpha=_STEPS / white).to(torch.int32)
    slopes = _SLOPES if v.device.type == "cpu" else _slopes_on(v.device)
    return slopes.index_select(0, step.flatten()).view_as(v)


@cache
def _slopes_on(device: torch.device) -> torch.Tensor:
    """The table on a GPU, copied once: each copy from ordinary memory would wait for all that came before it."""
    with torch.inference_mode(False):  # whoever asks first, gradients may be asked for later
        return _SLOPES.to(device)
