"""Luma and chroma as tensors: how a fused luma gets its colour back, and how far colours are apart."""

from __future__ import annotations

import torch

# MATLAB's rgb2gray, which the field's metrics use; the weights sum to 1.
LUMA = (0.298936, 0.587043, 0.114021)

# sRGB (D65) to XYZ, each row divided by the white point: IEC 61966-2-1.
_RGB_TO_XYZ = (
    (0.412453 / 0.950456, 0.357580 / 0.950456, 0.180423 / 0.950456),
    (0.212671, 0.715160, 0.072169),
    (0.019334 / 1.088754, 0.119193 / 1.088754, 0.950227 / 1.088754),
)


def luma(rgb: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) -> (N, 1, H, W), both in [0, 1]."""
    r, g, b = rgb.split(1, dim=1)
    # Written as g plus differences: where r = g = b the result is g itself, to the last bit.
    return g + LUMA[0] * (r - g) + LUMA[2] * (b - g)


def recolour(y: torch.Tensor, vis: torch.Tensor, gain: torch.Tensor | float = 1.0) -> torch.Tensor:
    """A colour picture with luma ``y`` and the hue of ``vis``.

    RGB = y + g (vis - luma(vis)). The chroma gain g is at most what keeps every channel in [0, 1]: a colour
    loses saturation before it changes its hue or its luma. A grey ``vis`` gives exactly r = g = b.
    ``y`` and ``gain`` (N, 1, H, W), ``vis`` (N, 3, H, W), in [0, 1]; returns (N, 3, H, W) in [0, 1].
    """
    chroma = vis - luma(vis)
    up = chroma.amax(dim=1, keepdim=True).clamp_min(1e-4)
    down = (-chroma.amin(dim=1, keepdim=True)).clamp_min(1e-4)
    limit = torch.minimum((1 - y) / up, y / down)
    if not isinstance(gain, torch.Tensor):
        gain = torch.full_like(y, gain)
    return (y + torch.minimum(gain, limit) * chroma).clamp(0, 1)


def lab(rgb: torch.Tensor) -> torch.Tensor:
    """CIELAB of sRGB (D65): (N, 3, H, W) in [0, 1] -> L* in [0, 100], a*, b*."""
    linear = torch.where(rgb > 0.04045, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = torch.einsum("ij,njhw->nihw", linear.new_tensor(_RGB_TO_XYZ), linear)
    f = torch.where(xyz > 0.008856, xyz.clamp_min(0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.split(1, dim=1)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)
