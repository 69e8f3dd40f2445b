"""The linear part of the denoiser: what second-order statistics of the data already say about a noisy pair.

A Wiener filter in the cosine transform, with a covariance of the four channels at each frequency, is the best linear
denoiser. It knows the colours and the slow changes of light of a whole picture in closed form, which a network that
looks at a bounded neighbourhood learns last. ``LinearPath`` holds such statistics on a coarse grid of frequencies,
for pictures of any size, and mixes the filter's estimate of v with the network's, by a share that depends on the
noise level and on the frequency: the network only has to be better where it can be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy.fft
import torch
from torch import nn

from diffuse_fuse.arrays import Array
from diffuse_fuse.diffusion.wiener import WienerDenoiser

CHANNELS = 4
KNOTS = torch.linspace(-10.0, 9.0, 20)  # log(alpha_bar / (1 - alpha_bar)) at which shares are kept
# The first frequency of each bin
_EDGES = [*range(7), *range(8, 17, 2), *range(20, 33, 4), *range(40, 65, 8), *range(80, 113, 16)]
_BELOW = (1 / 8, 1 / 4, 1 / 2)  # frequencies that only pictures larger than the fitted crops have
_MEANS = 4  # coefficients a side in which the mean is kept: light from above, not more


class LinearPath(nn.Module):
    """The Wiener filter's v, mixed with the network's.

    ``size`` is the side of the crops that the statistics are from; frequencies count half periods in it. Buffers:
    ``factor`` (bins, bins, 4, 4), the Cholesky factor of the channels' covariance, times the frequency (so that
    float16 holds it); ``mean`` (4, 4, 4), the mean's lowest coefficients over the size. Parameter: ``share``
    (knots, bands) of the network, 0 to 1, at log signal-to-noise ratios and octaves of frequency.
    """

    factor: torch.Tensor
    mean: torch.Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        bins = len(_centres(size))
        self.register_buffer("factor", torch.eye(CHANNELS).expand(bins, bins, -1, -1).clone())
        self.register_buffer("mean", torch.zeros(CHANNELS, _MEANS, _MEANS))
        self.share = nn.Parameter(torch.full((len(KNOTS), _bands(size).shape[-1]), 0.5))

    @classmethod
    def fit(cls, crops: Array) -> LinearPath:
        """The statistics of ``crops`` (N, 4, size, size) in [-1, 1]; raises DataError for fewer than two."""
        path, statistics = cls(crops.shape[-1]), WienerDenoiser(crops)
        where = np.searchsorted(_edges(path.size), np.arange(path.size), side="right") - 1
        gather = (where == np.arange(where.max() + 1)[:, None]).astype(np.float64)
        gather /= gather.sum(axis=1, keepdims=True)
        covariance = np.einsum("ik,jl,klcd->ijcd", gather, gather, statistics.covariance, optimize=True)
        covariance += 1e-9 * np.eye(CHANNELS)
        factor = np.linalg.cholesky(covariance) * _radius(_centres(path.size))[..., None, None]
        path.factor.copy_(torch.from_numpy(factor))
        path.mean.copy_(torch.from_numpy(statistics.mean[:, :_MEANS, :_MEANS] / path.size))
        return path

    def forward(self, linear: torch.Tensor, v: torch.Tensor, signal: torch.Tensor) -> torch.Tensor:
        """The better v: the filter's (``linear``, at frequencies) mixed with the network's, (N, 4, H, W) both;
        ``signal`` (N, 1, 1, 1), the root of alpha_bar."""
        with torch.autocast(v.device.type, enabled=False):  # x_t minus its estimate leaves little: float32 is needed
            spread = self.spread(signal, v.shape[2:])
            return from_frequencies(linear + spread * (to_frequencies(v.float()) - linear))

    def linear(self, x_t: torch.Tensor, signal: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The Wiener filter's v at frequencies (N, 4, H, W), from ``x_t`` (N, 4, H, W) and the roots of alpha_bar
        and of 1 - alpha_bar, (N, 1, 1, 1): E[v | x_t] of normal data,
        sqrt(ab (1 - ab)) (I - S) (ab S + (1 - ab) I)^-1 (x_t - sqrt(ab) mu) - sqrt(1 - ab) mu."""
        h, w = x_t.shape[2:]
        rows, columns = self._onto(h, x_t.device), self._onto(w, x_t.device)
        s = self._covariance(h * w)
        one = torch.eye(CHANNELS, dtype=s.dtype, device=s.device)
        ab, rest = (part.double().square()[..., None] for part in (signal, noise))  # (N, 1, 1, 1, 1)
        gain = (ab * rest).sqrt() * torch.linalg.solve(ab * s + rest * one, (one - s).expand(len(x_t), *s.shape))
        gain = gain.float().permute(0, 3, 4, 1, 2)  # (N, 4, 4, nodes, nodes)
        mean = x_t.new_zeros(1, CHANNELS, h, w)
        kept = self.mean[:, : min(h, _MEANS), : min(w, _MEANS)]
        mean[0, :, : kept.shape[1], : kept.shape[2]] = kept * math.sqrt(h * w)
        centred = to_frequencies(x_t) - signal * mean
        outs = [((rows @ gain[:, c] @ columns.T) * centred).sum(dim=1) for c in range(CHANNELS)]
        return torch.stack(outs, dim=1) - noise * mean

    def spread(self, signal: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
        """The network's share at every frequency, (N, 1, H, W)."""
        ab = signal.flatten().double().square()
        snr = torch.log(ab / (1 - ab)).float()
        place = (snr - KNOTS[0]) / (KNOTS[1] - KNOTS[0])
        knots = torch.arange(len(KNOTS), device=signal.device)
        near = (1 - (place.clamp(0, len(KNOTS) - 1)[:, None] - knots).abs()).clamp_min(0)  # (N, knots)
        return torch.einsum("nk,kb,bhw->nhw", near, self.share, self.bands(size, signal.device))[:, None]

    def bands(self, size: Sequence[int], device: torch.device | str = "cpu") -> torch.Tensor:
        """How much each coefficient of a picture belongs to each octave, (bands, H, W): adds up to 1."""
        rows, columns = (self._onto(side, device) for side in size)
        return rows @ _bands(self.size).to(device).permute(2, 0, 1) @ columns.T

    def _covariance(self, pixels: int) -> torch.Tensor:
        """S at the nodes, (nodes, nodes, 4, 4), float64. Below the lowest fitted frequency it rises as a picture's
        does, with the inverse square of the frequency; at zero with the number of pixels."""
        nodes = _nodes(self.size)
        index = np.maximum(np.arange(len(nodes)) - len(_BELOW), np.minimum(np.arange(len(nodes)), 1))
        scale = torch.from_numpy(1 / _radius(nodes)).to(self.factor.device)
        scale[0, 0] = math.sqrt(pixels) / self.size
        factor = self.factor.double()[index][:, index] * scale[..., None, None]
        return factor @ factor.transpose(-1, -2)

    def _onto(self, side: int, device: torch.device | str) -> torch.Tensor:
        return _onto(self.size, side).to(device)


def to_frequencies(x: torch.Tensor) -> torch.Tensor:
    """The orthonormal cosine transform of (N, C, H, W)."""
    return _cosines(x.shape[-2]).to(x.device) @ x @ _cosines(x.shape[-1]).to(x.device).T


def from_frequencies(x: torch.Tensor) -> torch.Tensor:
    """The inverse of ``to_frequencies``."""
    return _cosines(x.shape[-2]).to(x.device).T @ x @ _cosines(x.shape[-1]).to(x.device)


def _edges(size: int) -> Array:
    return np.array([edge for edge in _EDGES if edge < size])


def _centres(size: int) -> Array:
    """The mean frequency of each bin: (bins,)."""
    edges = _edges(size)
    centres: Array = (edges + np.append(edges[1:], size) - 1) / 2
    return centres


def _nodes(size: int) -> Array:
    """The bins' frequencies and those below them: (nodes,), rising from 0."""
    centres = _centres(size)
    return np.concatenate([centres[:1], _BELOW, centres[1:]])


def _radius(frequencies: Array) -> Array:
    """The length of each pair of frequencies, (n, n); 1 for none at all."""
    radius: Array = np.hypot(frequencies[:, None], frequencies[None, :])
    radius[0, 0] = 1
    return radius


@cache
def _cosines(side: int) -> torch.Tensor:
    # Not bound to the inference mode that it may be first asked in; so are the tables below.
    with torch.inference_mode(False):
        return torch.from_numpy(scipy.fft.dct(np.eye(side), axis=0, norm="ortho").astype(np.float32))


@cache
def _onto(size: int, side: int) -> torch.Tensor:
    """The matrix (side, nodes) that interpolates from nodes to the coefficients of ``side`` pixels: linear in the
    logarithm of the frequency; the constant coefficient is a node of its own."""
    nodes = np.log(_nodes(size)[1:])
    asked = np.log(np.maximum(np.arange(side) * size / side, 1e-6))
    table = np.stack([np.interp(asked, nodes, row) for row in np.eye(len(nodes))], axis=1)
    table = np.pad(table, ((0, 0), (1, 0)))
    table[0] = np.eye(len(nodes) + 1)[0]
    with torch.inference_mode(False):
        return torch.from_numpy(table.astype(np.float32))


@cache
def _bands(size: int) -> torch.Tensor:
    """How much each node belongs to each octave of frequency, (nodes, nodes, bands): hat functions."""
    nodes = _nodes(size)
    highest = np.maximum(nodes[:, None], nodes[None, :])
    count = math.ceil(math.log2(size)) + 2
    place = np.where(highest < 1, highest, 1 + np.log2(np.maximum(highest, 1)))
    with torch.inference_mode(False):
        return torch.from_numpy(np.maximum(0, 1 - np.abs(place[..., None] - np.arange(count))).astype(np.float32))
