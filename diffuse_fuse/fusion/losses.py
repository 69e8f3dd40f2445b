"""What a good fused picture is, as differentiable terms on a batch of crops.

The paper's terms (max intensity, max gradient: Yue et al. 2023, eq. 11 to 13), terms shaped like the field's
metrics (VIF, Qabf, SSIM, SCD), chroma against the visible picture, and a term against artefacts. The exact
metrics, for reporting, are in ``diffuse_fuse.metrics``: these here are close to them, smooth, and differ where
flat crops would make a ratio of nothing to nothing.

A = infrared, B = visible luma, F = fused luma; all (N, 1, H, W) in 0..255.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, reduce

import torch
import torch.nn.functional as F

from diffuse_fuse.networks.colour import lab, luma


@dataclass(frozen=True)
class LossWeights:
    """The weight of each term."""

    intensity: float = 0.5
    gradient: float = 0.8
    vif: float = 1.3
    qabf: float = 3.4
    ssim: float = 1.2
    scd: float = 0.6
    contrast: float = 14.0
    chroma: float = 1.2
    artefact: float = 2.0
    drift: float = 3.0
    targets: float = 1.0
    light: float = 0.0
    range: float = 10.0


# Against a source that is nearly black, VIF rises without bound as noise is amplified; a copy of it has VIF 1.
_VIF_LIMIT = 1.25


def fusion_loss(
    fused: torch.Tensor, raw: torch.Tensor, ir: torch.Tensor, vis: torch.Tensor, weights: LossWeights
) -> tuple[torch.Tensor, dict[str, float]]:
    """The weighted sum of all terms and the terms themselves; one without weight is not computed.

    ``fused`` and ``vis`` (N, 3, H, W), ``raw`` (luma before it was cut) and ``ir`` (N, 1, H, W), in [0, 1];
    H and W at least 64, since VIF looks at four scales.
    """
    a, b, f = ir * 255, luma(vis) * 255, luma(fused) * 255
    grad_a, grad_b, grad_f = sobel(a), sobel(b), sobel(f)
    mag_a, mag_b, mag_f = magnitude(grad_a), magnitude(grad_b), magnitude(grad_f)

    def vif() -> torch.Tensor:
        """The geometric mean and the arithmetic one: the sum alone is as large for a copy of one source."""
        vif_ir, vif_vis = (_VIF_LIMIT * torch.tanh(half / _VIF_LIMIT) for half in vif_halves(a, b, f))
        return -(vif_ir * vif_vis + 1e-3).sqrt().mean() - (vif_ir + vif_vis).mean() / 2

    terms: dict[str, Callable[[], torch.Tensor]] = {
        "intensity": lambda: (f - torch.maximum(a, b)).abs().mean() / 255,
        "gradient": lambda: (mag_f - torch.maximum(mag_a, mag_b)).abs().mean() / 255,
        "vif": vif,
        "qabf": lambda: -qabf(grad_a, grad_b, grad_f, mag_a, mag_b, mag_f).mean(),
        "ssim": lambda: -ssim(a, b, f).mean(),
        "scd": lambda: -scd(a, b, f).mean(),
        "contrast": lambda: contrast_lost(a, b, f).mean() / 255,
        "chroma": lambda: (lab(fused)[:, 1:] - lab(vis)[:, 1:]).square().sum(dim=1).add(1e-4).sqrt().mean(),
        "artefact": lambda: excess(mag_a, mag_b, mag_f),
        "drift": lambda: drift(a, b, f, 4) + drift(a, b, f, 8),
        "targets": lambda: -target_visibility(a, f).mean(),
        "light": lambda: light_lost(a, b, f),
        "range": lambda: (raw - raw.clamp(0, 1)).square().mean(),
    }
    found = {name: term() for name, term in terms.items() if getattr(weights, name)}
    total = sum(getattr(weights, name) * term for name, term in found.items())
    return total, {name: float(term.detach()) for name, term in found.items()}


def excess(mag_a: torch.Tensor, mag_b: torch.Tensor, mag_f: torch.Tensor) -> torch.Tensor:
    """How far the gradient of F exceeds those of both sources: halos, ringing, amplified noise."""
    return F.relu(mag_f - torch.maximum(mag_a, mag_b)).mean() / 255


def drift(a: torch.Tensor, b: torch.Tensor, f: torch.Tensor, scale: int) -> torch.Tensor:
    """The same in a picture ``scale`` times smaller: a slow change of luma across an area that is even in both
    sources, such as the sky."""
    return excess(*(magnitude(sobel(F.avg_pool2d(x, scale))) for x in (a, b, f)))


def light_lost(a: torch.Tensor, b: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
    """How far the brightness of F around a place is from that of the brighter of the sources, for pairs in one light:
    contrast is to come from detail, and noon is to stay as bright as it is."""
    return F.avg_pool2d(f - torch.maximum(a, b), 16).abs().mean() / 255


def target_visibility(a: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
    """How far what is hot in A stands out in F from what surrounds it, (N,), -1 to 1; 0 where nothing is hot.

    As the metric HTV: D / (|D| + sigma + 4), D = F there less the mean of F around, sigma = the deviation around. Each
    hot pixel counts by itself instead of each region, and its surroundings are what is not hot in a Gaussian window
    of about 70 pixels: no picture has to be cut into regions. Only what stands out of its surroundings in A counts.
    """
    smooth = blur(a, 3, 1.0, "replicate")
    mean, deviation = a.mean(dim=(1, 2, 3), keepdim=True), (a.var(dim=(1, 2, 3), keepdim=True) + 1).sqrt()
    hot = (smooth > mean + 2 * deviation).float()
    others = 1 - F.max_pool2d(hot, 5, 1, 2)

    def around(x: torch.Tensor) -> torch.Tensor:
        return blur(x * others, 71, 12.0, "replicate")

    share = around(torch.ones_like(a)).clamp_min(1e-3)
    below = around(a) / share
    hot = hot * (smooth > below + 10)
    ground = around(f) / share
    unrest = (around(f * f) / share - ground * ground).clamp_min(1).sqrt()
    step = f - ground
    visible = step / (step.abs() + unrest + 4)
    return (hot * visible).sum(dim=(1, 2, 3)) / (hot.sum(dim=(1, 2, 3)) + 16)


def vif_halves(a: torch.Tensor, b: torch.Tensor, f: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """VIF of (A, F) and of (B, F), each (N,): Sheikh and Bovik 2006, pixel version, four scales.

    A small constant in numerator and denominator keeps flat crops from being a ratio of two nothings.
    """
    noise = 2.0  # sigma_n^2 of the paper's code
    pixels = a[0].numel()
    num: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])  # of A and of B, by scale
    den: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for scale in range(4):
        window = 2 ** (4 - scale) + 1
        if scale:
            a, b, f = (blur(x, window, window / 5, "valid")[..., ::2, ::2] for x in (a, b, f))
        maps = torch.cat([a, b, f, a * a, b * b, f * f, a * f, b * f], dim=1)
        ma, mb, mf, aa, bb, ff, af, bf = blur(maps, window, window / 5, "valid").unbind(dim=1)
        var_f = (ff - mf * mf).clamp_min(0)
        for i, (mean, square, cross) in enumerate(((ma, aa, af), (mb, bb, bf))):
            var = (square - mean * mean).clamp_min(0)
            gain = ((cross - mean * mf) / (var + 1e-3)).clamp_min(0)
            left = (var_f - gain * (cross - mean * mf)).clamp_min(1e-3)
            num[i].append(torch.log10(1 + gain * gain * var / (left + noise)).sum(dim=(1, 2)))
            den[i].append(torch.log10(1 + var / noise).sum(dim=(1, 2)))
    flat = 1e-2 * pixels  # an information of 0.01 digits a pixel, far below that of any structure
    of_a, of_b = ((reduce(torch.add, n) + flat) / (reduce(torch.add, d) + flat) for n, d in zip(num, den, strict=True))
    return of_a, of_b


def qabf(
    grad_a: torch.Tensor,
    grad_b: torch.Tensor,
    grad_f: torch.Tensor,
    mag_a: torch.Tensor,
    mag_b: torch.Tensor,
    mag_f: torch.Tensor,
) -> torch.Tensor:
    """Qabf (N,): edge strength and orientation that arrive in F, Xydeas and Petrovic 2000, eq. 5 to 9."""

    def preserved(grad: torch.Tensor, mag: torch.Tensor) -> torch.Tensor:
        strength = torch.minimum(mag, mag_f) / torch.maximum(mag, mag_f)
        dot = (grad * grad_f).sum(dim=1, keepdim=True).abs()
        cross = (grad[:, :1] * grad_f[:, 1:] - grad[:, 1:] * grad_f[:, :1]).abs()
        angle = 1 - torch.atan2(cross + 1e-3, dot + 1e-3) * (2 / torch.pi)
        q_strength = 0.9994 * torch.sigmoid(15 * (strength - 0.5))
        q_angle = 0.9879 * torch.sigmoid(22 * (angle - 0.8))
        return q_strength * q_angle

    num = (preserved(grad_a, mag_a) * mag_a + preserved(grad_b, mag_b) * mag_b).sum(dim=(1, 2, 3))
    return num / (mag_a + mag_b).sum(dim=(1, 2, 3))


def ssim(a: torch.Tensor, b: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
    """Mean of SSIM(A, F) and SSIM(B, F), (N,): Wang et al. 2004, Gaussian window 11 / 1.5, range 255."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    maps = torch.cat([a, b, f, a * a, b * b, f * f, a * f, b * f], dim=1)
    ma, mb, mf, aa, bb, ff, af, bf = blur(maps, 11, 1.5, "replicate").unbind(dim=1)
    var_f = ff - mf * mf
    found = []
    for mean, square, cross in ((ma, aa, af), (mb, bb, bf)):
        structure = (2 * (cross - mean * mf) + c2) / (square - mean * mean + var_f + c2)
        found.append((2 * mean * mf + c1) / (mean * mean + mf * mf + c1) * structure)
    return (found[0] + found[1]).mean(dim=(1, 2)) / 2


def scd(a: torch.Tensor, b: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
    """SCD (N,): r(F - B, A) + r(F - A, B), Aslantas and Bendes 2015, eq. 1 to 3."""
    return _correlation(f - b, a) + _correlation(f - a, b)


def contrast_lost(a: torch.Tensor, b: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
    """By how much the standard deviation of F is below the larger one of A and B, (N,), in grey levels."""
    sd_a, sd_b, sd_f = ((x.var(dim=(1, 2, 3)) + 1).sqrt() for x in (a, b, f))
    return F.relu(torch.maximum(sd_a, sd_b) - sd_f)


def _correlation(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x = x - x.mean(dim=(1, 2, 3), keepdim=True)
    y = y - y.mean(dim=(1, 2, 3), keepdim=True)
    spread = x.square().mean(dim=(1, 2, 3)) * y.square().mean(dim=(1, 2, 3))
    # The constant is the variance of a difference of one level: less than that is no signal.
    return (x * y).mean(dim=(1, 2, 3)) / (spread + 1.0).sqrt()


def sobel(x: torch.Tensor) -> torch.Tensor:
    """Sobel gradients (N, 2, H, W): horizontal, vertical."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    smooth_rows = x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]
    smooth_columns = x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]
    horizontal = smooth_rows[..., 2:] - smooth_rows[..., :-2]
    vertical = smooth_columns[:, :, 2:] - smooth_columns[:, :, :-2]
    return torch.cat([horizontal, vertical], dim=1)


def magnitude(grad: torch.Tensor) -> torch.Tensor:
    """Length of gradients (N, 2, H, W) -> (N, 1, H, W), never exactly zero so that it has a slope."""
    return (grad.square().sum(dim=1, keepdim=True) + 0.25).sqrt()


def blur(x: torch.Tensor, window: int, sigma: float, border: str) -> torch.Tensor:
    """Gaussian filter (N, C, H, W) with ``window`` taps; ``border`` is "valid" (smaller result) or "replicate".

    Done as two products with banded matrices: on a CPU much faster than a convolution of single channels,
    forwards and backwards.
    """
    rows = _band(x.shape[-2], window, sigma, border, x.device)
    columns = _band(x.shape[-1], window, sigma, border, x.device)
    return rows @ x @ columns.T


@cache
def _band(size: int, window: int, sigma: float, border: str, device: torch.device) -> torch.Tensor:
    """The matrix (out, size) that filters a column of ``size`` values."""
    reach = window // 2
    taps = [math.exp(-((k - reach) ** 2) / (2 * sigma**2)) for k in range(window)]
    taps = [tap / sum(taps) for tap in taps]
    count = size if border == "replicate" else size - 2 * reach
    first = -reach if border == "replicate" else 0
    # The matrix outlives this call: it must not be bound to the inference mode that it may be first asked in.
    with torch.inference_mode(False):
        matrix = torch.zeros(count, size)
        for row in range(count):
            for k in range(window):
                matrix[row, min(max(row + first + k, 0), size - 1)] += taps[k]
        return matrix.to(device)
