"""The first guesses of a field: an infrared picture is looked for everywhere in a visible one, at many scales.

Masked normalised cross-correlation (Padfield, IEEE TIP 2012) of the descriptors, so that a field may also reach over
the sides of the visible picture, and a place is not preferred for having many edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft

from diffuse_fuse.alignment.descriptor import describe
from diffuse_fuse.images.field import Field

TEMPLATE = 96  # pixels of the infrared picture's longer side
SMALLEST, LARGEST = 0.75, 3.3  # how many times more the visible camera sees than fits: 1 is the largest field inside
STEP = 1.05  # from one scale to the next
_OVERLAP = 0.6  # of the infrared picture that must lie in the visible one
_PEAKS = 4  # at one scale
_APART = 8  # pixels of the template between two peaks


@dataclass(frozen=True)
class Guess:
    """A field and how well it fits, at most 1."""

    field: Field
    score: float


def scan(ir: np.ndarray, vis: np.ndarray, ir_valid: np.ndarray, vis_valid: np.ndarray, count: int) -> list[Guess]:
    """The ``count`` best fields, best first, of grey float32 pictures h×w and H×W with bool masks of the same sizes."""
    factor = TEMPLATE / max(ir.shape)
    size = tuple(max(8, round(side * factor)) for side in ir.shape[::-1])
    template = describe(resized(ir, size), resized(ir_valid.astype(np.float32), size) > 0.99)
    fit = min(vis.shape[1] / ir.shape[1], vis.shape[0] / ir.shape[0])
    guesses: list[Guess] = []
    zooms = SMALLEST * STEP ** np.arange(int(np.log(LARGEST / SMALLEST) / np.log(STEP)) + 1)
    for zoom in zooms:
        scale = size[0] / ir.shape[1] * zoom / fit  # of the visible picture
        small = (max(8, round(vis.shape[1] * scale)), max(8, round(vis.shape[0] * scale)))
        scene = describe(resized(vis, small), resized(vis_valid.astype(np.float32), small) > 0.99)
        per = (vis.shape[1] / small[0], vis.shape[0] / small[1])
        for score, column, row in _peaks(correlate(template, scene)):
            x, y = column * per[0], row * per[1]
            whole = (vis.shape[1], vis.shape[0])
            guesses.append(Guess(Field(x, y, size[0] * per[0], size[1] * per[1], whole), score))
    guesses.sort(key=lambda guess: -guess.score)
    return _distinct(guesses, count)


def correlate(template: np.ndarray, scene: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Scores for each place of a template h×w×4 in a scene H×W×4, and the row and column of the first place.

    A place is where the template's upper left pixel lies; it may be negative. Places with too little overlap have -1.
    """
    (h, w), (big_h, big_w) = template.shape[:2], scene.shape[:2]
    padded = tuple(scipy.fft.next_fast_len(a + b - 1, real=True) for a, b in ((h, big_h), (w, big_w)))

    def spectrum(channels: np.ndarray) -> np.ndarray:
        return scipy.fft.rfft2(channels.astype(np.float32), padded, axes=(0, 1))

    def packed(picture: np.ndarray) -> np.ndarray:
        values = picture[..., :3] * picture[..., 3:]
        return np.dstack([values, (values**2).sum(axis=-1), picture[..., 3]])

    a, b = spectrum(packed(template)), np.conj(spectrum(packed(scene)))
    products = [
        (a[..., :3] * b[..., :3]).sum(axis=-1),
        *(a[..., c] * b[..., 4] for c in range(3)),
        *(a[..., 4] * b[..., c] for c in range(3)),
        a[..., 3] * b[..., 4],
        a[..., 4] * b[..., 3],
        a[..., 4] * b[..., 4],
    ]
    both = [scipy.fft.irfft2(np.conj(product), padded) for product in products]
    cross, sum_a, sum_b, square_a, square_b, n = both[0], both[1:4], both[4:7], both[7], both[8], both[9]
    n = np.maximum(n, 1)
    numerator = cross - sum(x * y for x, y in zip(sum_a, sum_b, strict=True)) / n
    left = np.maximum(square_a - sum(x * x for x in sum_a) / n, 0)
    right = np.maximum(square_b - sum(x * x for x in sum_b) / n, 0)
    share = n / max(1.0, float(template[..., 3].sum()))
    scores = numerator / np.sqrt(np.maximum(left * right, 1e-6)) * np.sqrt(np.minimum(share, 1))
    scores = np.where(share >= _OVERLAP, scores, -1)
    top, left_ = h - 1, w - 1
    scores = np.roll(scores, (top, left_), axis=(0, 1))[: big_h + top, : big_w + left_]
    return scores, -top, -left_


def _peaks(correlation: tuple[np.ndarray, int, int]) -> list[tuple[float, int, int]]:
    scores, top, left = correlation
    scores = scores.copy()
    found = []
    for _ in range(_PEAKS):
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        score = float(scores[row, column])
        if score <= 0:
            break
        found.append((score, int(column) + left, int(row) + top))
        scores[max(0, row - _APART) : row + _APART + 1, max(0, column - _APART) : column + _APART + 1] = -1
    return found


def _distinct(guesses: list[Guess], count: int) -> list[Guess]:
    kept: list[Guess] = []
    for guess in guesses:
        if all(_far(guess.field, other.field) for other in kept):
            kept.append(guess)
        if len(kept) == count:
            break
    return kept


def _far(a: Field, b: Field) -> bool:
    """Do two fields differ by more than what refining makes up for?"""
    corners = [np.array([f.x, f.y, f.x + f.w, f.y + f.h]) for f in (a, b)]
    return bool(np.abs(corners[0] - corners[1]).max() > 0.06 * max(b.w, b.h))


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture at the size (width, height): averaged where it shrinks, else bilinear."""
    shrinks = size[0] < image.shape[1]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
