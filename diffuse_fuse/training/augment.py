"""Crops and augmentation: what a batch of a training step is, as a function of (seed, step) alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from diffuse_fuse.errors import DataError, UsageError
from diffuse_fuse.fusion.relight import Balance, relight
from diffuse_fuse.luma import LUMA
from diffuse_fuse.training.pairs import PairSet

_MOST_BALANCE = 0.5  # of crops that are re-lit
MOST_ENLARGED = 1.5  # how much a picture that is smaller than the crop may be enlarged


@dataclass(frozen=True)
class Augment:
    """How crops are varied. Ranges are (low, high); a draw is uniform, in the logarithm for gain and gamma.

    ``photometric`` is the probability that gain, gamma and lift change at all, for each source by itself; a lift
    makes black grey, as haze and an open thermal range do. ``blur`` is the largest deviation, in pixels, of a Gaussian
    that each source goes through with a probability of 0.2. ``recombine`` is the probability that a crop gets the
    infrared part of another one: two pictures that have nothing in common have to be fused as well.
    ``relit`` is the probability that a crop is taken from its pair as it is re-lit, with a balance of up to a half.
    Crops are ``crop`` pixels high and as wide unless there is a ``width``; only square ones are transposed.
    ``whole``: a crop is (nearly) the whole picture made small, for a model of layouts: the largest window of the crop's
    shape, or down to so much of its sides; 0: a window of about the crop's own size.
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
    relit: float = 0.0
    transpose: bool = False
    width: int | None = None
    whole: float = 0.0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a crop."""
        return self.crop, self.width or self.crop

    def require_multiple(self, multiple: int) -> None:
        """Raises UsageError for crops that a network which works on cells of so many pixels cannot be shown."""
        if any(side % multiple for side in self.size):
            height, width = self.size
            raise UsageError(f"A crop of {width}×{height} does not fit the network: use multiples of {multiple}.")

    def require_room(self, pairs: PairSet) -> None:
        """Raises DataError for a pair that is too small for a crop, or cannot be read: better now than in an hour."""
        for index in range(len(pairs)):
            _window(pairs[index].shape[:2], self.size, 1.0, pairs.pairs[index][1].name)


def step_generator(seed: int, step: int, stream: int = 0) -> np.random.Generator:
    """The random numbers of one step. All randomness of training comes from here, so that a run that is
    resumed at a step draws what an uninterrupted one would have drawn."""
    return np.random.default_rng([seed, stream, step])


def draw_batch(
    pairs: PairSet, augment: Augment, count: int, rng: np.random.Generator, wanted: slice | None = None
) -> np.ndarray:
    """``count`` augmented crops, float32 (count, 4, *augment.size) in [0, 1], channels R, G, B, IR.

    wanted: only these of them are made and returned; all are drawn, so that they are what they would be.
    """
    return _draw(pairs, augment, rng.choice(len(pairs), size=count, p=pairs.share), rng, wanted)


def draw_evenly(pairs: PairSet, augment: Augment, count: int, rng: np.random.Generator) -> np.ndarray:
    """As ``draw_batch``, but with each pair as often as its share asks for, to one: for statistics of the data, of
    which chance should be no part."""
    places = (np.arange(count) + rng.random()) / count
    return _draw(pairs, augment, np.searchsorted(np.cumsum(pairs.share), places).clip(max=len(pairs) - 1), rng)


def _draw(
    pairs: PairSet, augment: Augment, chosen: np.ndarray, rng: np.random.Generator, wanted: slice | None = None
) -> np.ndarray:
    """The crops of the ``chosen`` pairs that are ``wanted``. The order of the draws is that of them all."""
    count = len(chosen)
    made = range(count)[wanted or slice(None)]
    places = [_place(pairs.size(int(i)), augment, rng, pairs.pairs[int(i)][1].name) for i in chosen]
    taken = rng.random(count) < augment.recombine if augment.recombine else np.zeros(count, bool)

    def cut(i: int) -> np.ndarray:
        return places[i].cut(pairs[int(chosen[i])], augment)

    crops = []
    for i in range(count):
        if i in made:
            crop = cut(i)
            if taken[i]:
                crop = np.dstack([crop[..., :3], cut((i - 1) % count)[..., 3:]])
            crops.append(_photometric(crop, augment, rng))
        else:  # a crop that nobody wants draws what it would
            side = augment.size if augment.noise else (1, 1)
            _photometric(np.zeros((*side, 4), np.float32), augment, rng)
    return np.stack(crops).transpose(0, 3, 1, 2) if crops else np.empty((0, 4, *augment.size), np.float32)


def centre_crops(
    pairs: PairSet, size: tuple[int, int], count: int, balance: Balance = 1, whole: bool = False
) -> np.ndarray:
    """Crops without chance, for validation: (count, 4, *size) in [0, 1], spread over pairs and places; of pairs that
    are re-lit with ``balance``; of ``whole`` pictures made small."""
    crops = []
    for k in range(count):
        pair = relit_pair(pairs[k % len(pairs)], balance)
        scale = largest(pair.shape[:2], size) if whole else 1.0
        h, w = _window(pair.shape[:2], size, scale, pairs.pairs[k % len(pairs)][1].name)
        # Places on a lattice whose steps are irrational: even, and never twice the same.
        y = int((k * 0.618034 + 0.5) % 1 * (pair.shape[0] - h))
        x = int((k * 0.754878 + 0.5) % 1 * (pair.shape[1] - w))
        crops.append(_resized(pair[y : y + h, x : x + w].astype(np.float32) / 255, size))
    return np.stack(crops).transpose(0, 3, 1, 2)


def as_sources(crops: np.ndarray, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Crops (N, 4, H, W) -> infrared (N, 1, H, W), visible (N, 3, H, W), channels last."""
    x = torch.from_numpy(crops).to(device)
    ir, vis = (part.contiguous(memory_format=torch.channels_last) for part in (x[:, 3:], x[:, :3]))
    return ir, vis


def largest_crop(pairs: PairSet, limit: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Height and width of the largest crop that every pair has, at most ``limit``, in steps of ``multiple`` pixels."""
    smallest = np.min([pairs[i].shape[:2] for i in range(len(pairs))], axis=0)
    most = [min(size, int(side * MOST_ENLARGED)) for size, side in zip(limit, smallest, strict=True)]
    return most[0] // multiple * multiple, most[1] // multiple * multiple


def largest(pair: tuple[int, int], size: tuple[int, int]) -> float:
    """How many times ``size`` the largest window of its shape is that a ``pair`` has."""
    return min(has / asked for has, asked in zip(pair, size, strict=True))


def _window(pair: tuple[int, int], size: tuple[int, int], scale: float, name: str) -> tuple[int, int]:
    """Height and width of what to take for a crop of ``size`` out of a ``pair`` of this size: ``scale`` times as much,
    or as much as the pair has."""
    scale = min(scale, largest(pair, size))
    if scale * MOST_ENLARGED < 1:
        found, asked = (f"{w}×{h}" for h, w in (pair, size))
        raise DataError(f"{name} is {found} pixels, too small for the crop of {asked}: use a smaller --crop.")
    height, width = (min(round(asked * scale), has) for has, asked in zip(pair, size, strict=True))
    return height, width


def _resized(window: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A window (h, w, 4) in [0, 1] as (*size, 4)."""
    if window.shape[:2] == size:
        return window
    if len(window) > size[0]:
        return cv2.resize(window, size[::-1], interpolation=cv2.INTER_AREA)
    return np.clip(cv2.resize(window, size[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)


def relit_pair(pair: np.ndarray, balance: Balance) -> np.ndarray:
    """A pair (H, W, 4), uint8, as the network sees it with ``balance``, see ``fusion.relight``."""
    ir, vis = relight(np.ascontiguousarray(pair[..., 3]), np.ascontiguousarray(pair[..., :3]), balance)
    return np.dstack([vis, ir])


@dataclass(frozen=True)
class _Place:
    """Where a crop is taken and how it is turned. balance: with which its pair is re-lit, or None."""

    balance: float | None
    window: tuple[slice, slice]
    mirrored: bool
    transposed: bool

    def cut(self, pair: np.ndarray, augment: Augment) -> np.ndarray:
        """The crop of ``pair`` (H, W, 4): float32 (*augment.size, 4) in [0, 1]."""
        if self.balance is not None:
            pair = relit_pair(pair, self.balance)
        crop = _resized(pair[self.window].astype(np.float32) / 255, augment.size)
        crop = crop[:, ::-1] if self.mirrored else crop
        return np.ascontiguousarray(crop.transpose(1, 0, 2) if self.transposed else crop)


def _place(size: tuple[int, int], augment: Augment, rng: np.random.Generator, name: str) -> _Place:
    """The place of one crop in a pair of this size, possibly resized and flipped."""
    balance = None
    if augment.relit and rng.random() < augment.relit:
        balance = rng.uniform(0, _MOST_BALANCE)
    h, w = size
    zoom = rng.uniform(*augment.zoom) if rng.random() < 0.5 else 1.0
    scale = largest(size, augment.size) * rng.uniform(augment.whole, 1) if augment.whole else 1 / zoom
    height, width = _window(size, augment.size, scale, name)
    y, x = rng.integers(h - height + 1), rng.integers(w - width + 1)
    mirrored = rng.random() < 0.5
    transposed = augment.transpose and augment.width is None and rng.random() < 0.5
    return _Place(balance, (slice(y, y + height), slice(x, x + width)), mirrored, transposed)


def _photometric(crop: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Gain, gamma, lift, blur, polarity and loss of colour; each source by itself."""
    vis, ir = crop[..., :3], crop[..., 3:]
    if rng.random() < augment.grey:
        vis = np.repeat(vis @ np.array(LUMA, np.float32)[:, None], 3, axis=2)
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
