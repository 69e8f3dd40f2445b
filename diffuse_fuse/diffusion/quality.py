"""How good are samples, without a downloaded network: sliced Wasserstein distance and colour-infrared information."""

from __future__ import annotations

import cv2
import numpy as np

from diffuse_fuse.arrays import Array
from diffuse_fuse.errors import DataError
from diffuse_fuse.luma import LUMA

PATCH = 7  # pixels, as in Karras et al. 2018
PATCHES = 128  # of each picture and level
DIRECTIONS = 512
COARSEST = 16  # pixels, the shorter side of the last level
BINS = 32  # grey levels of the mutual information: 256 would mostly count the pixels of a small picture


def sliced_wasserstein(a: Array, b: Array, seed: int = 0) -> dict[int, float]:
    """Sliced Wasserstein distance of two sets of pictures at each level of their Laplacian pyramids.

    ``a``, the real pictures, and ``b`` (N, H, W, C) float32 in [0, 1], of the same shape. Random patches of 7×7×C
    are normalised in each channel and projected on random directions; the distance is the mean over them of that
    between the sorted projections (Karras et al. 2018, section 5), times 1000 as there. Unlike there, both sets
    are normalised by the mean and deviation of ``a``: each by its own, samples of far too much contrast would look
    right. Returns {shorter side of the level in pixels: distance}, finest first; lower is better. Raises DataError
    for sets of different shapes.
    """
    if a.shape != b.shape:
        raise DataError(f"Sets of the shapes {a.shape} and {b.shape} cannot be compared: give equally many and large.")
    rng = np.random.default_rng(seed)
    distances = {}
    for level_a, level_b in zip(_laplacian(a), _laplacian(b), strict=True):
        directions = rng.standard_normal((PATCH * PATCH * a.shape[3], DIRECTIONS))
        directions /= np.linalg.norm(directions, axis=0)
        patches_a, patches_b = _patches(level_a, rng), _patches(level_b, rng)
        mean, deviation = patches_a.mean(axis=(0, 1, 2)), np.maximum(patches_a.std(axis=(0, 1, 2)), 1e-12)
        projections = [
            np.sort(((patches - mean) / deviation).reshape(len(patches), -1) @ directions, axis=0)
            for patches in (patches_a, patches_b)
        ]
        distances[min(level_a.shape[1:3])] = 1000 * float(np.abs(projections[0] - projections[1]).mean())
    return distances


def mutual_information(pairs: Array) -> float:
    """Mean over ``pairs`` (N, H, W, 4) in [0, 1] of I(luma; infrared) in bits, over 32 grey levels."""
    return float(np.mean([_information(pair[..., :3] @ np.array(LUMA, np.float32), pair[..., 3]) for pair in pairs]))


def shuffled(pairs: Array) -> Array:
    """``pairs`` (N, H, W, 4), each colour picture with the infrared one of the next: nothing belongs together."""
    return np.concatenate([pairs[..., :3], np.roll(pairs[..., 3:], 1, axis=0)], axis=3)


def _laplacian(pictures: Array) -> list[Array]:
    """The levels of the pyramids, (N, h, w, C) each; the last one is what remains."""
    levels = []
    while min(pictures.shape[1:3]) >= 2 * COARSEST:
        smaller = np.stack([cv2.pyrDown(picture) for picture in pictures])
        h, w = pictures.shape[1:3]
        levels.append(pictures - np.stack([cv2.pyrUp(picture, dstsize=(w, h)) for picture in smaller]))
        pictures = smaller
    return [*levels, pictures]


def _patches(level: Array, rng: np.random.Generator) -> Array:
    """Random patches of every picture: (N * PATCHES, 7, 7, C), float64."""
    count, h, w = level.shape[:3]
    picture = np.repeat(np.arange(count), PATCHES)[:, None, None]
    y = rng.integers(h - PATCH + 1, size=len(picture))[:, None, None] + np.arange(PATCH)[None, :, None]
    x = rng.integers(w - PATCH + 1, size=len(picture))[:, None, None] + np.arange(PATCH)[None, None, :]
    found: Array = level[picture, y, x].astype(np.float64)
    return found


def _information(a: Array, b: Array) -> float:
    joint, _, _ = np.histogram2d(a.ravel(), b.ravel(), bins=BINS, range=((0, 1), (0, 1)))
    joint /= joint.sum()
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log2(joint[there] / independent[there])).sum())
