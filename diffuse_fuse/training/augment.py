"""Crops and augmentation: what a batch of a training step is, as a function of (seed, step) alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from diffuse_fuse.errors import DataError
from diffuse_fuse.training.pairs import PairSet

MOST_ENLARGED = 1.5  # how much a picture that is smaller than the crop may be enlarged


@dataclass(frozen=True)
class Augment:
    """How crops are varied. Ranges are (low, high); a draw is uniform, in the logarithm for gain and gamma.

    ``photometric`` is the probability that gain, gamma and lift change at all, for each source by itself; a lift
    makes black grey, as haze and an open thermal range do. ``blur`` is the largest deviation, in pixels, of a Gaussian
    that each source goes through with a probability of 0.2. ``recombine`` is the probability that a crop gets the
    infrared part of another one: two pictures that have nothing in common have to be fused as well.
    """

    crop: int = 128
    zoom: tuple[float, float] = (0.6, 1.0)
    vis_gain: tuple[float, float] = (0.5, 1.1)
    vis_gamma: tuple[float, float] = (0.7, 1.4)
    ir_gain: tuple[float, float] = (0.4, 1.1)
    ir_gamma: tuple[float, float] = (0.7, 1.4)
    lift: float = 0.0
    blur: float = 0.0
    recombine: float = 0.0
    photometric: float = 0.3
    polarity: float = 0.0
    grey: float = 0.05
    noise: float = 0.0
    transpose: bool = False


def step_generator(seed: int, step: int, stream: int = 0) -> np.random.Generator:
    """The random numbers of one step. All randomness of training comes from here, so that a run that is
    resumed at a step draws what an uninterrupted one would have drawn."""
    return np.random.default_rng([seed, stream, step])


def draw_batch(pairs: PairSet, augment: Augment, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` augmented crops, float32 (count, 4, crop, crop) in [0, 1], channels R, G, B, IR."""
    chosen = rng.choice(len(pairs), size=count, p=pairs.share)
    crops = [_crop(pairs[int(i)], augment, rng, pairs.pairs[int(i)][1].name) for i in chosen]
    if augment.recombine:
        taken = rng.random(count) < augment.recombine
        infrared = [crop[..., 3:].copy() for crop in crops]
        crops = [np.dstack([c[..., :3], infrared[i - 1]]) if taken[i] else c for i, c in enumerate(crops)]
    return np.stack([_photometric(c, augment, rng) for c in crops]).transpose(0, 3, 1, 2)


def centre_crops(pairs: PairSet, crop: int, count: int) -> np.ndarray:
    """Crops without chance, for validation: (count, 4, crop, crop) in [0, 1], spread over pairs and places."""
    crops = []
    for k in range(count):
        pair = pairs[k % len(pairs)]
        side = _side(pair, crop, crop, pairs.pairs[k % len(pairs)][1].name)
        # Places on a lattice whose steps are irrational: even, and never twice the same.
        y = int((k * 0.618034 + 0.5) % 1 * (pair.shape[0] - side))
        x = int((k * 0.754878 + 0.5) % 1 * (pair.shape[1] - side))
        crops.append(_resized(pair[y : y + side, x : x + side].astype(np.float32) / 255, crop))
    return np.stack(crops).transpose(0, 3, 1, 2)


def largest_crop(pairs: PairSet, limit: int, multiple: int) -> int:
    """The side of the largest crop that every pair has, at most ``limit``, in steps of ``multiple`` pixels."""
    smallest = min(min(pairs[i].shape[:2]) for i in range(len(pairs)))
    return min(limit, int(smallest * MOST_ENLARGED)) // multiple * multiple


def _side(pair: np.ndarray, wanted: int, crop: int, name: str) -> int:
    """The side of the square to take for a ``crop``: the ``wanted`` one, or as much of it as the pair has."""
    side = min(wanted, *pair.shape[:2])
    if side * MOST_ENLARGED < crop:
        size = f"{pair.shape[1]}×{pair.shape[0]}"
        raise DataError(f"{name} is {size} pixels, too small for the crop of {crop}: use a smaller --crop.")
    return side


def _resized(square: np.ndarray, crop: int) -> np.ndarray:
    """A square (n, n, 4) in [0, 1] as (crop, crop, 4)."""
    if len(square) == crop:
        return square
    if len(square) > crop:
        return cv2.resize(square, (crop, crop), interpolation=cv2.INTER_AREA)
    return np.clip(cv2.resize(square, (crop, crop), interpolation=cv2.INTER_CUBIC), 0, 1)


def _crop(pair: np.ndarray, augment: Augment, rng: np.random.Generator, name: str) -> np.ndarray:
    """One crop, possibly resized and flipped: float32 (crop, crop, 4) in [0, 1]."""
    h, w = pair.shape[:2]
    zoom = rng.uniform(*augment.zoom) if rng.random() < 0.5 else 1.0
    side = _side(pair, round(augment.crop / zoom), augment.crop, name)
    y, x = rng.integers(h - side + 1), rng.integers(w - side + 1)
    crop = _resized(pair[y : y + side, x : x + side].astype(np.float32) / 255, augment.crop)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if augment.transpose and rng.random() < 0.5:
        crop = crop.transpose(1, 0, 2)
    return np.ascontiguousarray(crop)


def _photometric(crop: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Gain, gamma, lift, blur, polarity and loss of colour; each source by itself."""
    vis, ir = crop[..., :3], crop[..., 3:]
    if rng.random() < augment.grey:
        vis = np.repeat(vis @ np.float32([[0.299], [0.587], [0.114]]), 3, axis=2)
    if rng.random() < augment.polarity:
        ir = np.maximum(1 - ir, 0)  # a crop that was shrunk may exceed 1 in its last digit
    vis = _tone(_blurred(vis, augment, rng), augment.vis_gain, augment.vis_gamma, augment, rng)
    ir = _tone(_blurred(ir, augment, rng), augment.ir_gain, augment.ir_gamma, augment, rng)
    crop = np.concatenate([vis, ir], axis=2)
    if augment.noise and rng.random() < 0.25:
        sigma = rng.uniform(0, augment.noise, size=2).astype(np.float32)
        crop = crop + rng.standard_normal(crop.shape, dtype=np.float32) * sigma[[0, 0, 0, 1]]
    return np.clip(crop, 0, 1).astype(np.float32)


def _tone(
    x: np.ndarray, gain: tuple[float, float], gamma: tuple[float, float], augment: Augment, rng: np.random.Generator
) -> np.ndarray:
    if rng.random() >= augment.photometric:
        return x
    x = _log_uniform(rng, gain) * x ** _log_uniform(rng, gamma)
    lift = np.float32(max(0.0, rng.uniform(-augment.lift, augment.lift)))  # none for half of the crops
    return lift + (1 - lift) * x


def _blurred(x: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    if not augment.blur or rng.random() >= 0.2:
        return x
    return cv2.GaussianBlur(x, (0, 0), rng.uniform(0.2, augment.blur)).reshape(x.shape)


def _log_uniform(rng: np.random.Generator, bounds: tuple[float, float]) -> np.float32:
    return np.float32(np.exp(rng.uniform(np.log(bounds[0]), np.log(bounds[1]))))
