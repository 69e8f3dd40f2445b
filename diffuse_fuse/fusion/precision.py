"""Which precision a network's weights have on a device: half on a GPU, where that does not show in the pictures.

On a CPU the processor decides, see ``networks.student.inference_dtype``. A GPU multiplies half precision several times
as fast, and which of the two kinds of it is near enough is measured, on drawn pairs that are the same every time:
at most one level of difference to float32 on 99.9 % of the values.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from diffuse_fuse.fusion.model import AnyModel
from diffuse_fuse.fusion.tiles import fuse_in_bands
from diffuse_fuse.networks.device import placed
from diffuse_fuse.networks.student import StudentModel, inference_dtype

LEAST_WITHIN = 0.999  # of the values, that are at most one level from those of float32

Pair = tuple[np.ndarray, np.ndarray]

_HALVES = (torch.float16, torch.bfloat16)  # as fast as each other; the first has three bits more
_SIZE = (192, 256)  # height and width of the drawn pairs


@dataclass(frozen=True)
class Precision:
    """``dtype``: of the weights. ``within``: the part of the values that are at most one level from those of float32;
    None where nothing was measured."""

    dtype: torch.dtype
    within: float | None = None

    def __str__(self) -> str:
        name = str(self.dtype).removeprefix("torch.")
        if self.within is None:
            return name
        return f"{name}, {100 * self.within:.2f} % of values at most one level from float32"


def choose_precision(model: AnyModel, device: str) -> Precision:
    """The precision for ``model``, which is on the CPU in float32, on ``device``: measured on a GPU of NVIDIA."""
    if device == "cuda":
        return measured_precision(model, device)
    return Precision(inference_dtype(device) if isinstance(model, StudentModel) else torch.float32)


def measured_precision(model: AnyModel, device: str, halves: Sequence[torch.dtype] = _HALVES) -> Precision:
    """The first of ``halves`` that keeps the rule on ``device``, else float32. ``model`` stays as it is."""
    pairs = list(_drawn_pairs())
    exact = _pictures(_on(model, device, torch.float32), device, pairs)
    for half in halves:
        network = _on(model, device, half)
        if not _is_finite(network, device, pairs):
            continue
        within = within_a_level(exact, _pictures(network, device, pairs))
        if within >= LEAST_WITHIN:
            return Precision(half, within)
    return Precision(torch.float32)


def within_a_level(expected: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    """The part of the values of 8-bit pictures that are at most one level apart: of the worst picture."""
    both = zip(expected, found, strict=True)
    return min(float((np.abs(a.astype(np.int16) - b) <= 1).mean()) for a, b in both)


def _on(model: AnyModel, device: str, dtype: torch.dtype) -> AnyModel:
    return placed(copy.deepcopy(model), device, dtype)


def _pictures(network: AnyModel, device: str, pairs: Sequence[Pair]) -> list[np.ndarray]:
    return [fuse_in_bands(network, ir, vis, device) for ir, vis in pairs]


def _is_finite(network: AnyModel, device: str, pairs: Sequence[Pair]) -> bool:
    """Whether no luma overflows; asked first, as a GPU that looks up the colour of a NaN ends the process."""
    with torch.inference_mode():
        for ir, vis in pairs:
            planes = torch.from_numpy(np.dstack([ir, vis])).to(device).permute(2, 0, 1)[None] / 255
            if not bool(network(planes[:, :1], planes[:, 1:]).isfinite().all()):
                return False
    return True


def _drawn_pairs() -> Iterator[Pair]:
    """Pairs that differ in what half precision finds hard: a day with texture, a night with lamps, plain noise."""
    height, width = _SIZE
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    texture = cv2.GaussianBlur(rng.normal(0, 90, (height, width, 4)).astype(np.float32), (0, 0), 1.5)
    steps = 60 * ((x // 40 + y // 30) % 2)
    hot = 130 * np.exp(-((x - 180) ** 2 + (y - 120) ** 2) / 200)
    colour = np.stack([x, height - y, 0.5 * (x + y)], axis=-1) * 0.7
    day = 60 + steps[..., None] + texture[..., :3] + 0.3 * colour
    lamps = 240 * np.exp(-((x - 60) ** 2 + (y - 50) ** 2) / 40)
    night = 12 + 0.1 * day + lamps[..., None]
    ir = 50 + 0.4 * steps + texture[..., 3] + hot
    for infrared, visible in ((ir, day), (ir, night)):
        noisy = [p + rng.normal(0, 2, p.shape) for p in (infrared, visible)]
        yield tuple(np.clip(p, 0, 255).astype(np.uint8) for p in noisy)
    yield rng.integers(0, 256, (height, width), np.uint8), rng.integers(0, 256, (height, width, 3), np.uint8)
