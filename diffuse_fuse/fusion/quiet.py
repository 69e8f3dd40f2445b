"""The last step of the fusion model: no more noise than the sources have, where both of them are flat.

A network that raises contrast raises noise with it; a loss against that costs structure elsewhere before it is obeyed.
Here the fine part of the fused luma is held back instead, only in areas where neither source has structure and only
by as much as it is noisier than the noisier one of them. It has no weights, and gradients pass through it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

NOISE_LIMIT = 1.0  # noise of the fused picture over that of the noisier source
CELL = 4  # pixels a side of the cells in which noise is averaged over an area
REACH = 80  # pixels that a cell sees beyond its border, at most, in whole cells

_FINE = 2.0  # sigma, in pixels, of the Gaussian that parts noise from light
_COARSE = 3.0  # of the one that takes it away: what passes the other one partly, too
_AREA = 3.0  # sigma, in cells, of the area over which noise is averaged
_WINDOW = 11  # pixels over which an area must be flat
_LEVELS = 8.0  # grey levels that a flat area may span; half of what is done is done there
_NOISE_SPAN = 0.7  # of the smoothed noise, over its deviation before: five of its own deviations
_OUTLIER = 2.5  # times the noise around it: what is louder belongs to the scene
_STEEPNESS = 6.0
_SHARPNESS = 3.0
_ROUNDING = math.sqrt(1 / 12)  # noise of a picture of whole grey levels


def quieted(raw: torch.Tensor, ir: torch.Tensor, y: torch.Tensor, limit: float = NOISE_LIMIT) -> torch.Tensor:
    """The fused luma ``raw`` with at most ``limit`` times the noise of ``ir`` or the visible luma ``y``, where it is
    larger; all (N, 1, H, W), in [0, 1] but for ``raw``, which may be beyond; H and W multiples of ``CELL``.

    Noise is the local standard deviation of what a Gaussian takes away, averaged over flat areas around; that of
    rounding to 8 bits, which is still to come, is taken into account.
    """
    pictures = 255 * torch.cat([ir, y, raw.clamp(0, 1)])
    smooth = _gaussian(pictures, 13, _FINE)
    fine = pictures - smooth
    noise = (_gaussian(fine.square(), 5, _FINE) + 1e-6).sqrt()
    count = len(ir)
    of_sources, span = noise[: 2 * count], _span(smooth[: 2 * count])
    shaded = torch.sigmoid(_LEVELS + _NOISE_SPAN * of_sources - span)
    shaded = shaded[:count] * shaded[count:]
    usual = _to_pixels(_area_mean(of_sources, shaded.repeat(2, 1, 1, 1))).clamp_min(_ROUNDING)
    # what is far above the noise around it, such as a distant lamp, is none
    plain = torch.sigmoid(_STEEPNESS * (_OUTLIER - of_sources / usual))
    even_parts, flat_parts = (
        torch.split(plain * torch.sigmoid(_SHARPNESS * (levels + _NOISE_SPAN * usual - span)), count)
        for levels in (_LEVELS - 2, _LEVELS)
    )
    even, flat = even_parts[0] * even_parts[1], flat_parts[0] * flat_parts[1]
    of_ir, of_y, of_raw = torch.split(_area_mean(noise, even.repeat(3, 1, 1, 1)), count)
    loudest = torch.maximum(of_ir, of_y).clamp_min(_ROUNDING)
    allowed = ((limit * loudest).square() - 1 / 12).clamp_min(1e-6).sqrt()
    asked = (allowed / of_raw.clamp_min(1e-3)).clamp_max(1).square()
    rough = pictures[2 * count :] - _gaussian(pictures[2 * count :], 19, _COARSE)
    removed = _part_to_remove(fine[2 * count :], rough - _gaussian(rough, 13, _FINE), even, asked)
    return raw - flat * _to_pixels(removed) * rough / 255


def _part_to_remove(
    noise: torch.Tensor, of_rough: torch.Tensor, area: torch.Tensor, asked: torch.Tensor
) -> torch.Tensor:
    """How much of a signal to subtract, 0 to 1, so that the power of ``noise`` falls to the part ``asked`` of it, when
    the signal's own noise is ``of_rough``: the smaller root of E[(n - t r)²] = asked · E[n²], by cells."""
    moments = torch.cat([noise.square(), noise * of_rough, of_rough.square()])
    power, both, of_signal = torch.split(_area_mean(moments, area.repeat(3, 1, 1, 1)), len(noise))
    power, of_signal = power + 1e-3, of_signal + 1e-3
    root = (both.square() - of_signal * power * (1 - asked)).clamp_min(1e-6).sqrt()
    return ((both - root) / of_signal).clamp(0, 1)


def _area_mean(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean of an area around each cell, (N, 1, H, W) -> (N, 1, H / CELL, W / CELL)."""
    total, weights = (_gaussian(F.avg_pool2d(part, CELL), 13, _AREA) for part in (x * weight, weight))
    return total / (weights + 1e-3)


def _to_pixels(cells: torch.Tensor) -> torch.Tensor:
    return F.interpolate(cells, scale_factor=float(CELL), mode="bilinear", align_corners=False)


def _gaussian(x: torch.Tensor, taps: int, sigma: float) -> torch.Tensor:
    """Gaussian filter of (N, 1, H, W), replicated at the border; as sums of shifted pictures, which a CPU does several
    times as fast as a convolution of single channels."""
    reach = taps // 2
    weights = [math.exp(-((k - reach) ** 2) / (2 * sigma**2)) for k in range(taps)]
    weights = [weight / sum(weights) for weight in weights]
    for dim, border in ((2, (0, 0, reach, reach)), (3, (reach, reach, 0, 0))):
        size = x.shape[dim]
        x = F.pad(x, border, "replicate")
        total = x.narrow(dim, reach, size) * weights[reach]
        for k in range(reach):
            both = x.narrow(dim, k, size) + x.narrow(dim, taps - 1 - k, size)
            total = torch.add(total, both, alpha=weights[k])
        x = total
    return x


def _span(x: torch.Tensor) -> torch.Tensor:
    """Largest less smallest value in a window around each pixel of (N, 1, H, W)."""
    return _largest(x) + _largest(-x)


def _largest(x: torch.Tensor) -> torch.Tensor:
    """Largest value in a window: windows of 2, 4 and 8 pixels, one from the other, cover any of up to 16."""
    for dim, border in ((2, (0, 0, _WINDOW // 2, _WINDOW // 2)), (3, (_WINDOW // 2, _WINDOW // 2, 0, 0))):
        size = x.shape[dim]
        x = F.pad(x, border, "replicate")
        for step in (1, 2, 4, _WINDOW - 8):
            count = x.shape[dim] - step
            x = torch.maximum(x.narrow(dim, 0, count), x.narrow(dim, step, count))
        assert x.shape[dim] == size
    return x
