"""From colours to bytes: which of the colours around one stands for it.

Rounding each channel by itself is blind to hue: in the dark, where a step of one channel is a step of hue, it makes
most of the colour error that a fused picture has.
"""

from __future__ import annotations

from itertools import product

import torch

from diffuse_fuse.fusion.colour import LUMA, chroma_and_slopes, luma

# What rounding to 8 bits weighs against a unit of chroma: a unit off the hue, where there is colour and where there is
# hardly any (below the first chroma, above the second), and the square of a grey level of luma.
_HUE, _HUE_OF_GREYS = 1.0, 0.2
_HUELESS, _COLOURED = 4.5, 5.0
_LUMA_OFF = 0.5
# The same where hue comes first, as (chroma, hue, luma): in dark colours (below the first grey level; above the second
# they are not), and in strong ones (above the second chroma) up to a grey level that is higher.
_HUE_FIRST = (0.25, 45.0, 1.8)
_DARK, _DIM = (40.0, 70.0), (90.0, 120.0)
_PALE, _STRONG = 9.0, 14.0
# There, colours beyond those next to it are tried. A cost for each square of a level beyond one, that of doing so
# where hue does not come first, and how much worse is nearly as good.
_CORNERS, _PLACES = (0.0, 1.0), (-1.0, 0.0, 1.0, 2.0)
_FAR, _LEAVING = 5.0, 10.0
# As the colour crosses a level, the farthest place on one side goes and one on the other side comes: neither may be the
# best, or bytes would change by two levels there. A steep cost, for the square, of being nearly so far away.
_STEEP, _REACH, _CORNER_REACH = 6400.0, 1.95, 0.95
_NEARLY = 0.03
_PORTION = 1 << 13  # colours at a time, so that all places of them stay in the caches


def to_bytes(rgb: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) in [0, 1] -> uint8: of the colours around each, the one that is nearest in chroma, hue and luma.

    Each channel goes up or down so that hue and chroma (of CIELAB) suffer least; where a colour is dark or strong, by
    up to two levels. Equal channels stay equal.
    """
    below = (rgb * 255).floor()
    ahead = rgb * 255 - below
    steps, chroma = _steps_of_colour(rgb)
    coloured = ((chroma - _HUELESS) / (_COLOURED - _HUELESS)).clamp(0, 1)
    y = 255 * luma(rgb)[:, 0]
    dark, dim = (((bright - y) / (bright - dark)).clamp(0, 1) for dark, bright in (_DARK, _DIM))
    pixels = [x.permute(0, 2, 3, 1) for x in (ahead, *steps)]
    up = _least_off(*pixels, coloured[..., None], dark[..., None])
    strong = ((chroma - _PALE) / (_STRONG - _PALE)).clamp(0, 1)
    hue_first = coloured * torch.maximum(dark, strong * dim)
    if torch.compiler.is_exporting():  # a graph has no way that depends on what the pixels are
        up = torch.where(hue_first[..., None] > 0, _least_turned(*pixels, hue_first[..., None]), up)
    else:
        where = hue_first > 0
        portions = zip(*(x[where].split(_PORTION) for x in (*pixels, hue_first[..., None])), strict=True)
        if found := [_least_turned(*portion) for portion in portions]:
            up[where] = torch.cat(found)
    up = up.permute(0, 3, 1, 2)
    grey = (rgb.amax(dim=1) == rgb.amin(dim=1))[:, None]
    return (below + torch.where(grey, (ahead >= 0.5).to(up.dtype), up)).clamp(0, 255).to(torch.uint8)


def _least_off(
    ahead: torch.Tensor, along: torch.Tensor, across: torch.Tensor, coloured: torch.Tensor, dark: torch.Tensor
) -> torch.Tensor:
    """What to add to each channel, 0 or 1: (..., 3)."""
    places, chosen = _tried(_CORNERS, ahead.device)
    far = _STEEP * (_distances(ahead, _CORNERS) - _CORNER_REACH).clamp_min(0).square()
    hue = _HUE_OF_GREYS + (_HUE - _HUE_OF_GREYS) * coloured
    luma_off = _LUMA_OFF + (_HUE_FIRST[2] - _LUMA_OFF) * dark
    cost = far @ chosen + _off(places, ahead, along, hue * across, luma_off)
    return places[cost.argmin(dim=-1)]


def _least_turned(
    ahead: torch.Tensor, along: torch.Tensor, across: torch.Tensor, hue_first: torch.Tensor
) -> torch.Tensor:
    """The same where hue comes before chroma, by more or less: -1 to 2.

    The best of such colours would change by several levels at once as luma rises; between two that are nearly as good
    it is a mean of them, and one that is farther than a level from the colour has to be much better, so that what
    differs in the last digit differs by a level.
    """
    places, chosen = _tried(_PLACES, ahead.device)
    chroma, hue, luma_off = (
        usual + (other - usual) * hue_first for usual, other in zip((1.0, _HUE, _LUMA_OFF), _HUE_FIRST, strict=True)
    )
    away = _distances(ahead, _PLACES)
    far = (_FAR + _LEAVING * (1 - hue_first)) * (away - 1).clamp_min(0).square()
    far += _STEEP * (away - _REACH).clamp_min(0).square()
    cost = far @ chosen + _off(places, ahead, chroma * along, hue * across, luma_off)
    return (torch.softmax(cost / -_NEARLY, dim=-1) @ places).round()


def _tried(levels: tuple[float, ...], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """All places whose channels have one of ``levels``, (n, 3), and which of them each channel has, (3 · levels, n)."""
    places = list(product(levels, repeat=3))
    chosen = [[float(place[channel] == level) for place in places] for channel in range(3) for level in levels]
    return torch.tensor(places, device=device), torch.tensor(chosen, device=device)


def _distances(ahead: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """How far each channel is from each of ``levels``: (..., 3) -> (..., 3 · levels)."""
    return (ahead[..., None] - torch.tensor(levels, device=ahead.device)).abs().flatten(-2)


def _off(
    places: torch.Tensor,
    ahead: torch.Tensor,
    along: torch.Tensor,
    across: torch.Tensor,
    luma_off: torch.Tensor | float,
) -> torch.Tensor:
    """How far ``places`` (n, 3) are from ``ahead`` (..., 3), weighted: in chroma, of which a step of each channel makes
    ``along``, in hue (``across``), and in luma, squared and times ``luma_off``: (..., n)."""
    weights = torch.tensor(LUMA, device=ahead.device)
    total = ((places @ weights) - (ahead @ weights)[..., None]).square_() * luma_off
    for step in (along, across):
        total += (step @ places.T - (step * ahead).sum(dim=-1, keepdim=True)).abs_()
    return total


def _steps_of_colour(rgb: torch.Tensor) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
    """By how much chroma grows, and by how much a* and b* move across it, with a step of 1/255 in R, G and B,
    (N, 3, H, W) each; and the chroma, (N, H, W)."""
    (a, b), (steps_a, steps_b) = chroma_and_slopes(rgb)
    chroma = (a * a + b * b).sqrt()
    a, b = (x / chroma.clamp_min(1e-3) for x in (a, b))
    along = torch.stack([a * x + b * y for x, y in zip(steps_a, steps_b, strict=True)], dim=1)
    across = torch.stack([a * y - b * x for x, y in zip(steps_a, steps_b, strict=True)], dim=1)
    return (along, across), chroma
