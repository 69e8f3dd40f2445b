"""The first guess: every shift, at some rotations and scales, on a small picture."""

from __future__ import annotations

import math

import cv2
import numpy as np
import scipy.fft

from diffuse_fuse.alignment.transform import Kind, resample

ROTATIONS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # degrees
SCALES = (0.95, 0.975, 1.0, 1.025, 1.05)
LARGEST_SHIFT = 0.12  # of the longer side


def first_guesses(ir: np.ndarray, vis: np.ndarray, kind: Kind, count: int) -> list[np.ndarray]:
    """The ``count`` best 3×3 matrices for two descriptor pictures H×W×4 (``descriptor.describe``), best first.

    All shifts are scored at once: the sum of dot products of two descriptors is a cross-correlation, one product of
    Fourier transforms a channel.
    """
    h, w = vis.shape[:2]
    reach = max(1, math.ceil(LARGEST_SHIFT * max(h, w)))
    padded = tuple(scipy.fft.next_fast_len(side + reach, real=True) for side in (h, w))
    vis_spectrum = np.conj(scipy.fft.rfft2(vis[..., :3], padded, axes=(0, 1)))
    centre = ((w - 1) / 2, (h - 1) / 2)
    turns = [(0.0, 1.0)] if kind is Kind.shift else [(angle, scale) for angle in ROTATIONS for scale in SCALES]
    scored = []
    for angle, scale in turns:
        turn = np.vstack([cv2.getRotationMatrix2D(centre, angle, scale), (0, 0, 1)])
        spectrum = scipy.fft.rfft2(resample(ir[..., :3], turn, (w, h)), padded, axes=(0, 1))
        scores = scipy.fft.irfft2(np.einsum("hwc,hwc->hw", spectrum, vis_spectrum), padded)
        scores = np.roll(scores, (reach, reach), axis=(0, 1))[: 2 * reach + 1, : 2 * reach + 1]
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        shift = np.array([[1, 0, column - reach], [0, 1, row - reach], [0, 0, 1]], float)
        scored.append((float(scores[row, column]), turn @ shift))
    scored.sort(key=lambda entry: -entry[0])
    return [matrix for _, matrix in scored[:count]]
