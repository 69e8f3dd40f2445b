"""The diffusion model with pictures outside: loaded once, any size, arrays in [0, 1] ↔ tensors in [-1, 1]."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from diffuse_fuse import models
from diffuse_fuse.arguments import several, whole
from diffuse_fuse.arrays import Array
from diffuse_fuse.checkpoint import load_weights
from diffuse_fuse.diffusion.features import extract
from diffuse_fuse.diffusion.model import diffusion_of
from diffuse_fuse.diffusion.samplers import EpsTheta, draw
from diffuse_fuse.errors import ImageError, UsageError
from diffuse_fuse.images.arrays import as_infrared, as_visible, to_bytes
from diffuse_fuse.images.given import Given, given_pair
from diffuse_fuse.networks.device import choose_device, placed

MINIMUM_SIZE = 16  # pixels; what fusing a pair needs
COLOUR = torch.tensor([True, True, True, False])  # the channels of x_0: R, G, B, IR
INFRARED = ~COLOUR


class PairModel:
    """eps_theta of pairs and its schedule, on a device.

    ``model`` is the name of shipped diffusion weights or the path of a file, ``device`` "auto", "cpu", "cuda" or
    "mps" as for ``Fuser``. Raises WeightsError for weights that cannot be used, UsageError for a missing device.
    """

    def __init__(self, model: str | os.PathLike[str] = "diffusion", device: str = "cpu") -> None:
        path = models.locate(model)
        device = choose_device(device)
        weights = load_weights(path, "diffusion")
        self.weights_sha256: str = weights.sha256  # of the bytes that were loaded
        loaded = diffusion_of(weights, path)
        self.name: str = path.stem  # without folders: it is written into the pictures
        self.device, self.schedule = device, loaded.schedule
        self._model = placed(loaded, device)

    def eps_theta(self, x_t: torch.Tensor, t: int) -> torch.Tensor:
        """The noise in ``x_t`` (N, 4, H, W), of any size: padded to whole cells by reflection, and cut again."""
        h, w = x_t.shape[2:]
        multiple = self._model.unet.config.multiple
        padded = F.pad(x_t, (0, -w % multiple, 0, -h % multiple), mode="reflect")
        steps = torch.full((len(x_t),), t, device=x_t.device)
        with torch.no_grad():
            eps: torch.Tensor = self._model(padded.contiguous(memory_format=torch.channels_last), steps)
        return eps[..., :h, :w]

    def features(self, ir: Given, vis: Given, steps: Sequence[int] = (50,)) -> list[Array]:
        """What the UNet's decoder sees in a pair, without noise: one array a level, finest first.

        ``ir`` and ``vis`` as ``Fuser.fuse`` takes them, at least 16×16; ``steps`` are time steps, whose
        features follow each other along the channels. Level i is float32 (C_i, H', W') with cells of u · 2^i pixels,
        u = ``unshuffle`` of the network's configuration (2);
        where a side is no whole number of cells, the last one reaches beyond the picture. Raises ImageError for what is
        no pair, UsageError for steps that the schedule does not have.
        """
        last = self.schedule.steps - 1
        steps = several(steps, "The time steps", lambda step: whole(step, "A time step", least=0, most=last))
        if not steps:
            raise UsageError(f"There is no time step: give some from 0 to {last}.")
        ir, vis, _, odd = given_pair(ir, vis)
        for sentence in odd:
            warnings.warn(sentence, stacklevel=2)
        x_0 = self.encode(ir, vis)
        h, w = x_0.shape[2:]
        unet = self._model.unet.with_hints(0)  # hints are guesses of x_0 by noise; here x_0 is known
        multiple = unet.config.multiple
        padded = F.pad(x_0, (0, -w % multiple, 0, -h % multiple), mode="reflect")
        with torch.no_grad():
            found = extract(unet, self.schedule, padded.contiguous(memory_format=torch.channels_last), steps)
        cells = [unet.config.unshuffle * 2**level for level in range(len(found))]
        return [
            level[0, :, : -(-h // cell), : -(-w // cell)].float().cpu().numpy()
            for level, cell in zip(found, cells, strict=True)
        ]

    def noise(self, width: int, height: int, generator: torch.Generator) -> torch.Tensor:
        """x_T of one picture: (1, 4, height, width)."""
        return draw(torch.empty(1, 4, height, width, device=self.device), generator)

    def encode(self, ir: Array, vis: Array) -> torch.Tensor:
        """A pair as ``Fuser`` takes it -> x_0 (1, 4, H, W) in [-1, 1], R, G, B, IR."""
        both = np.dstack([as_visible(vis), as_infrared(ir)])
        return torch.from_numpy(both).permute(2, 0, 1)[None].to(self.device) * 2 - 1

    def with_first_noise(self, x_0: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """``x_0`` with the noise of the first time step, about a grey level, which DDIM is to lead back to.

        Without any, even areas are foreign to the network: what it encodes them to is no noise, and small errors on
        the way back grow to patterns.
        """
        return x_0 + math.sqrt(1 - self.schedule.alpha_bar[0]) * draw(x_0, generator)


def counting(eps_theta: EpsTheta, advance: Callable[[], None]) -> EpsTheta:
    """``eps_theta`` that calls ``advance`` after each evaluation: what a progress bar counts."""

    def counted(x_t: torch.Tensor, t: int) -> torch.Tensor:
        eps = eps_theta(x_t, t)
        advance()
        return eps

    return counted


def seeded(seed: int, index: int = 0) -> torch.Generator:
    """The generator of picture ``index`` of a seed: a picture is the same however many are drawn."""
    state = np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state))


def to_pair(x_0: torch.Tensor) -> tuple[Array, Array]:
    """x_0 (1, 4, H, W) in about [-1, 1] -> ir uint8 H×W, vis uint8 H×W×3; what lies outside is clipped."""
    both = to_bytes((x_0[0].permute(1, 2, 0).cpu().numpy() + 1) / 2)
    return np.ascontiguousarray(both[..., 3]), np.ascontiguousarray(both[..., :3])


def parse_size(text: str) -> tuple[int, int]:
    """ "256x192" -> (256, 192), width and height. Raises UsageError for anything else, or below 16 pixels."""
    width, cross, height = text.lower().replace("×", "x").partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"'{text}' is no size: give width and height in pixels, such as 256x192.")
    if min(int(width), int(height)) < MINIMUM_SIZE:
        raise UsageError(f"The size {text} is too small: at least {MINIMUM_SIZE}x{MINIMUM_SIZE} pixels are needed.")
    return int(width), int(height)


def resize_to_cover(image: Array, width: int, height: int) -> Array:
    """``image`` uint8 or float32, H×W or H×W×3, at the size given: its middle, cut to the new aspect ratio."""
    h, w = image.shape[:2]
    scale = max(width / w, height / h)
    cut_w, cut_h = min(w, round(width / scale)), min(h, round(height / scale))
    y, x = (h - cut_h) // 2, (w - cut_w) // 2
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image[y : y + cut_h, x : x + cut_w], (width, height), interpolation=interpolation)


def require_minimum_size(image: Array, path: str | os.PathLike[str]) -> None:
    """Raises ImageError for a picture that is smaller than the model's cells."""
    if min(image.shape[:2]) < MINIMUM_SIZE:
        raise ImageError(
            f"{path} has {image.shape[1]}×{image.shape[0]} pixels: at least {MINIMUM_SIZE}×{MINIMUM_SIZE} are needed."
        )
