"""Phase congruency (Kovesi) and the fusion index on it (Zhao): Qp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.filters import gaussian
from diffuse_fuse.metrics.metric import Metric

_SCALES, _ORIENTATIONS = 4, 6
_EPSILON = 1e-4
_FEATURE = 0.1  # phase congruency above which a pixel counts as a feature


@dataclass(frozen=True)
class _Congruency:
    """Phase congruency of a picture, and the largest and least moment of it over orientations; h×w each."""

    congruency: Array
    largest: Array
    least: Array


def qp(t: Triple) -> float:
    """Zhao's index on phase congruency, about 0…1 (Zhao 2007): product of three feature correlations."""
    if min(t.shape) < 2:
        return math.nan
    ir, vis, fused = (_phase_congruency(plane) for plane in t.lumas)
    stronger = ir.congruency > vis.congruency
    masks = [ir.congruency > _FEATURE, vis.congruency > _FEATURE]
    masks.append(masks[0] | masks[1])
    features = int(masks[2].sum())
    if features == 0:
        return math.nan
    product = 1.0
    for name in ("congruency", "largest", "least"):
        a, b, f = getattr(ir, name), getattr(vis, name), getattr(fused, name)
        product *= _correlation((a, b, np.where(stronger, a, b)), f, masks) / features
    return product


def _correlation(sources: tuple[Array, Array, Array], fused: Array, masks: list[Array]) -> float:
    """Sum over pixels of the best local correlation of the fused map with one of the masked source maps."""
    mean_f = _local_mean(fused)
    variance_f = _local_mean(fused * fused) - mean_f * mean_f
    best = np.full_like(fused, -np.inf)
    for source, mask in zip(sources, masks, strict=True):
        masked = np.where(mask, source, 0)
        mean = _local_mean(masked)
        variance = _local_mean(masked * masked) - mean * mean
        covariance = _local_mean(masked * fused) - mean * mean_f
        r = (covariance + _EPSILON) / (np.sqrt(np.abs(variance * variance_f)) + _EPSILON)
        best = np.maximum(best, np.where(mask, r, 0))
    return float(best.sum())


def _local_mean(image: Array) -> Array:
    return gaussian(image, 11, 1.5, "zero")


@lru_cache(maxsize=2)
def _radial(shape: tuple[int, int]) -> list[Array]:
    """Log-Gabor filters of the four scales in the frequency plane, without orientation."""
    radius, _ = _polar(shape)
    # fftshift, not its inverse: on an odd side the original's low-pass lies one sample beside the origin
    rows, columns = (np.fft.fftshift((np.arange(n) - n // 2) / n) for n in shape)
    low_pass = 1 / (1 + (np.sqrt(rows[:, None] ** 2 + columns**2) / 0.45) ** 30)
    filters = []
    for scale in range(_SCALES):
        wavelength = 3 * 2.1**scale
        gain = np.exp(-(np.log(radius * wavelength) ** 2) / (2 * math.log(0.55) ** 2)) * low_pass
        gain[0, 0] = 0
        filters.append(gain)
    return filters


def _polar(shape: tuple[int, int]) -> tuple[Array, Array]:
    """Radius (1 at the origin, so that its logarithm exists) and angle of the frequency plane, origin at [0, 0]."""
    # an odd side is divided by n − 1, an even one by n: Kovesi's axes reach ±½ or −½
    rows, columns = (np.fft.ifftshift((np.arange(n) - n // 2) / (n - n % 2)) for n in shape)
    radius = np.sqrt(rows[:, None] ** 2 + columns**2)
    radius[0, 0] = 1
    return radius, np.arctan2(-rows[:, None], np.broadcast_to(columns, shape))


@lru_cache(maxsize=2)
def _angular(shape: tuple[int, int]) -> list[Array]:
    """Angular parts of the six orientations."""
    _, theta = _polar(shape)
    sigma = math.pi / _ORIENTATIONS / 1.2
    parts = []
    for k in range(_ORIENTATIONS):
        distance = np.abs(np.angle(np.exp(1j * (theta - k * math.pi / _ORIENTATIONS))))
        parts.append(np.exp(-(distance**2) / (2 * sigma * sigma)))
    return parts


def _phase_congruency(plane: Array) -> _Congruency:
    """Kovesi's PC_2 with noise compensation (Videre 1 (1999) 3; DICTA 2003), as Zhao's index takes it."""
    # the filters ignore the constant; without it a flat picture gives exact zeros
    spectrum = np.fft.fft2(plane - plane[0, 0])
    shape = (plane.shape[0], plane.shape[1])
    energy_sum = amplitude_sum = np.zeros(shape)
    xx = yy = xy = np.zeros(shape)
    for k, angular in enumerate(_angular(shape)):
        filters = [radial * angular for radial in _radial(shape)]
        responses = [np.fft.ifft2(spectrum * gain) for gain in filters]
        amplitudes = [np.abs(response) for response in responses]
        amplitude = sum(amplitudes[1:], amplitudes[0])
        total = sum(responses[1:], responses[0])
        direction = total / (np.abs(total) + _EPSILON)
        energy = np.zeros(shape)
        for response in responses:
            # real part: along the mean phase; imaginary part: off it
            turned = response * direction.conj()
            energy += turned.real - np.abs(turned.imag)
        energy = np.maximum(energy - _noise_threshold(filters, amplitudes[0]), 0)

        # few scales answering means a narrow spectrum, where congruency means nothing
        width = amplitude / (np.maximum.reduce(amplitudes) + _EPSILON) / _SCALES
        energy /= 1 + np.exp((0.5 - width) * 10)
        energy_sum, amplitude_sum = energy_sum + energy, amplitude_sum + amplitude
        oriented = energy / np.where(amplitude > 0, amplitude, 1)
        x, y = oriented * math.cos(k * math.pi / _ORIENTATIONS), oriented * math.sin(k * math.pi / _ORIENTATIONS)
        xx, yy, xy = xx + x * x, yy + y * y, xy + x * y

    xx, yy, xy = xx / (_ORIENTATIONS / 2), yy / (_ORIENTATIONS / 2), xy / _ORIENTATIONS
    root = np.sqrt(xy**2 + (xx - yy) ** 2) + _EPSILON
    return _Congruency(energy_sum / (amplitude_sum + _EPSILON), (xx + yy + root) / 2, (xx + yy - root) / 2)


def _noise_threshold(filters: list[Array], finest: Array) -> float:
    """Energy that noise alone would reach, from the median response at the finest scale (Rayleigh statistics)."""
    power = float(np.median(finest**2)) / math.log(2) / float((filters[0] ** 2).sum())
    # Σ (real filters in space)² over all scales; by Parseval, the even part of their sum in frequency
    joint = sum(filters[1:], filters[0])
    even = (joint + np.roll(joint[::-1, ::-1], (1, 1), axis=(0, 1))) / 2
    tau = math.sqrt(power * float((even**2).sum()))
    return (tau * math.sqrt(math.pi / 2) + 2 * math.sqrt((2 - math.pi / 2) * tau * tau)) / 1.7


METRICS = (
    Metric(
        name="Qp",
        direction="up",
        range="0 … ≈1",
        summary="features (edges, corners) kept, found by phase congruency and not by gradients",
        equation="P_pc · P_M · P_m, each the mean best local correlation of F's map with ir's, vis's or the maximum's",
        paper="Zhao, Laganière, Liu, Int. J. Innov. Comput. Inf. Control 3 (2007) 1433",
        convention="imageFusionMetrics: 4 scales, 6 orientations, features above .1",
        pitfalls="A CONSTANT fused picture scores 1, F = ir = vis about .78: never optimise or rank on it alone.",
        others="imageFusionMetrics: this number.",
        degenerate="About 1 for a constant fused picture; NaN when no source has a feature (flat, or one pixel wide).",
        cost=730,
        function=qp,
    ),
)
