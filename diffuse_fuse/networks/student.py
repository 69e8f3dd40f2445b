"""The student: a plain network that learns what the fusion model makes of a pair, at a fraction of its cost.

It sees luma and infrared, in cells of 4×4 pixels and at a few coarser levels, without attention or normalisation; by
choice once more in cells of 2×2 at the end. The structure of the sources goes past its features: the network only
writes how much of it each pixel gets, of what is finer than a cell of 4×4, and of some octaves above.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from diffuse_fuse.checkpoint import Weights, fill
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.networks.colour import luma
from diffuse_fuse.networks.layers import Layers, in_list, in_sequence, silence
from diffuse_fuse.networks.run import WHOLE, Run

CELL = 4  # pixels a side; its 16 pixels are channels of the finest level but for the fine one
FINE = 2  # pixels a side of a cell of the fine level
FINE_CELLS = (CELL // FINE) ** 2  # in a cell
OUTPUTS = 3  # values a pixel that the network writes: an offset and two gains


@dataclass(frozen=True)
class StudentConfig:
    """Hyper-parameters: ``channels`` and residual ``blocks`` of each level, from cells of 4×4 pixels downwards, the
    ``octaves`` of structure, beginning with that between one cell and the next, of which gains are written, and the
    channels and blocks of the ``fine`` level, cells of 2×2 pixels (no channels: there is none)."""

    channels: tuple[int, ...] = (48, 48, 64, 96)
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    octaves: int = 0
    fine: int = 0
    fine_blocks: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "blocks", tuple(self.blocks))
        if not self.channels or len(self.channels) != len(self.blocks):
            raise WeightsError(
                f"A student has channels and blocks for the same levels, not {self.channels} and {self.blocks}."
            )
        if not 0 <= self.octaves < len(self.channels):
            raise WeightsError(f"A student of {len(self.channels)} levels has no {self.octaves} octaves above a cell.")
        if self.fine and self.fine < OUTPUTS * FINE**2:
            least = OUTPUTS * FINE**2
            raise WeightsError(f"The fine level of a student has {least} channels or more, not {self.fine}.")

    @property
    def multiple(self) -> int:
        """Height and width must be multiples of this many pixels: the side of a cell of the coarsest level."""
        return CELL * (1 << (len(self.channels) - 1))

    @property
    def reach(self) -> int:
        """How many pixels a cell of ``multiple`` pixels sees beyond its border.

        A cell of its level for each 3×3 convolution, and one of the coarser level for each interpolation; the last
        ones are those of the octaves from cells to pixels.
        """
        cells = [CELL * (1 << level) for level in range(len(self.blocks))]
        features = sum(2 * count * cell for count, cell in zip(self.blocks, cells, strict=True)) + sum(cells[1:])
        features += 2 * FINE * self.fine_blocks if self.fine else 0
        return features + (CELL + CELL // 2 if self.octaves else 0)


# About 12.6 and 2.0 kMAC a pixel; wide enough for the vector units (16 floats), and 32 of them keep those busy.
SIZES = {
    "fast": StudentConfig((64, 64, 96, 128), (1, 1, 1, 1), octaves=3, fine=16),
    "tiny": StudentConfig((32, 32, 48, 48), (1, 1, 1, 1), octaves=3),
}


class StudentModel(nn.Module):
    """(ir, vis) -> fused luma, on batches whose height and width are multiples of ``multiple``: as a FusionModel."""

    passes = 1

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.hyper = config
        channels = config.channels
        self.stem = nn.Conv2d(3 * CELL**2, channels[0], 1)
        self.down = in_list(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(channels))
        self.up = in_list(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(channels))
        self.blocks = in_list(
            in_sequence(Block(width) for _ in range(count))
            for width, count in zip(channels, config.blocks, strict=True)
        )
        if config.fine:
            self.fine = FineLevel(channels[0], config.fine, config.fine_blocks)
            layers = list(self.fine.outputs)
        else:
            # Three convolutions instead of one with all the channels, which would have to be copied apart.
            self.offset, self.vis_gain, self.ir_gain = (nn.Conv2d(channels[0], CELL**2, 1) for _ in range(OUTPUTS))
            layers = [self.offset, self.vis_gain, self.ir_gain]
        if config.octaves:
            self.octave_gains = in_list(nn.Conv2d(width, 2, 1) for width in channels[: config.octaves])
            layers += self.octave_gains
        for layer in layers:
            silence(layer)  # the untrained student gives max(Y, IR)

    @property
    def multiple(self) -> int:
        """Height and width must be multiples of this many pixels."""
        return self.hyper.multiple

    def forward(self, ir: torch.Tensor, vis: torch.Tensor, origin: tuple[int, int] = (0, 0)) -> torch.Tensor:
        """``ir`` (N, 1, H, W), ``vis`` (N, 3, H, W) in [0, 1] -> raw luma (N, 1, H, W), not yet cut to [0, 1].

        ``student_colour.tint(raw.clamp(0, 1), vis)`` is the fused picture. The ``origin`` of a crop, which a
        FusionModel may look at, makes no difference here.
        """
        return self.fuse_luma(ir, luma(vis))

    def fuse_luma(self, ir: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """``ir`` and the visible luma ``y``, (N, 1, H, W) in [0, 1] -> raw luma (N, 1, H, W) in float32."""
        return from_cells(self.fuse_cells(to_cells(ir), to_cells(y)))

    def fuse_cells(self, ir: torch.Tensor, y: torch.Tensor, run: Run = WHOLE) -> torch.Tensor:
        """``fuse_luma`` of cells, (N, 16, H/4, W/4) each, as ``to_cells`` makes them."""
        # The weights may be of less precision; what they correct is not.
        seen = [x.to(self.stem.weight.dtype) * 2 - 1 for x in (y, ir)]
        cells = _channels(*seen, torch.maximum(*seen))
        features = self._features(cells, run)
        if self.hyper.fine:
            outputs = self.fine(features[0], cells, run)
        else:
            outputs = [run.conv(layer, features[0]) for layer in (self.offset, self.vis_gain, self.ir_gain)]
        means = torch.cat([y.mean(dim=1, keepdim=True), ir.mean(dim=1, keepdim=True)], dim=1)
        ir, y, offset, vis_gain, ir_gain = run.align(ir, y, *outputs)
        raw = torch.maximum(y, ir) + offset.float()
        raw = torch.addcmul(raw, vis_gain.float(), y - y.mean(dim=1, keepdim=True))
        raw = torch.addcmul(raw, ir_gain.float(), ir - ir.mean(dim=1, keepdim=True))
        if not self.hyper.octaves:
            return raw
        added = run.enlarge(run.enlarge(self._of_octaves(features, means, run)))
        raw, added = run.align(raw, to_cells(run.multiples(added, CELL)))
        return raw + added

    def _of_octaves(self, features: list[torch.Tensor], means: torch.Tensor, run: Run) -> torch.Tensor:
        """What the gains add to the ``means`` of cells of luma and infrared, (N, 2, H/4, W/4): (N, 1, H/4, W/4)."""
        added = []
        for gain, h in zip(self.octave_gains, features, strict=False):
            octave, means = next_octave(means, run)
            h, octave = run.align(h, octave)
            added.append((run.conv(gain, h).float() * octave).sum(dim=1, keepdim=True))
        total = added.pop()
        while added:
            finer, enlarged = run.align(added.pop(), run.enlarge(total))
            total = finer + enlarged
        return total

    def _features(self, cells: torch.Tensor, run: Run) -> list[torch.Tensor]:
        levels = [run.conv(self.stem, cells).relu_()]
        for down in self.down:
            levels.append(run.conv(down, levels[-1]).relu_())
        features = [_through(self.blocks[-1], levels[-1], run)]
        for level in reversed(range(len(self.up))):
            # bilinear: the nearest cells' values leave squares of 32 pixels in skies and on roads
            skip, h = run.align(levels[level], run.enlarge(run.conv(self.up[level], features[0])))
            features.insert(0, _through(self.blocks[level], skip + h, run))
        return features

    def config(self) -> dict[str, Any]:
        """What ``from_weights`` needs to build the model again, as plain values."""
        return asdict(self.hyper)

    @classmethod
    def from_weights(cls, weights: Weights, what: str) -> StudentModel:
        """The model of a weights file of kind "student"; ``what`` names the file in errors."""
        try:
            model = cls(StudentConfig(**weights.config))
        except TypeError as error:
            raise WeightsError(f"{what} has a configuration that this dfuse does not know ({error}).") from None
        fill(model, weights.tensors, what)
        return model


class FineLevel(nn.Module):
    """What each pixel gets, decided in cells of 2×2 pixels: too many pixels share the channels of a cell of 4×4.

    The way into fine cells and back is made of convolutions only; pixels are not moved one by one.
    """

    def __init__(self, width: int, fine: int, blocks: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(width, FINE_CELLS * fine, 1)
        self.sources = nn.Conv2d(3 * CELL**2, FINE_CELLS * fine, 1, bias=False)
        self.blocks = in_sequence(Block(fine, 2 * fine) for _ in range(blocks))
        side = CELL // FINE
        self.outputs = in_list(nn.Conv2d(fine, CELL**2, side, stride=side) for _ in range(OUTPUTS))

    def forward(self, h: torch.Tensor, cells: torch.Tensor, run: Run = WHOLE) -> list[torch.Tensor]:
        """Features ``h`` and what the network sees, ``cells`` of three pictures, (N, ·, H, W) -> offset and two gains
        of each pixel, (N, 16, H, W) each."""
        h, cells = run.align(h, cells)
        fine = to_fine(run.conv(self.spread, h) + run.conv(self.sources, cells))
        fine = run.multiples(_through(self.blocks, fine, run), CELL // FINE)
        return [run.conv(layer, fine) for layer in self.outputs]


class Block(nn.Module):
    """Two 3×3 convolutions past which the input goes; ``hidden`` channels between them, as many as outside unless
    given."""

    def __init__(self, width: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = hidden or width
        self.conv1 = nn.Conv2d(width, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, width, 3, padding=1)

    def forward(self, x: torch.Tensor, run: Run = WHOLE) -> torch.Tensor:
        x, h = run.align(x, run.conv(self.conv2, run.conv(self.conv1, x).relu_()))
        return h.add_(x)


def next_octave(means: torch.Tensor, run: Run = WHOLE) -> tuple[torch.Tensor, torch.Tensor]:
    """What (N, C, H, W) has between its own cells and those of twice their size, and what these have, (N, C, H/2, W/2):
    a level of a Laplacian pyramid (Burt and Adelson 1983). H and W are even."""
    coarser = run.halve(means)
    means, enlarged = run.align(means, run.enlarge(coarser))
    return means - enlarged, coarser


def _through(blocks: Layers[Block], x: torch.Tensor, run: Run) -> torch.Tensor:
    for block in blocks:
        x = block(x, run)
    return x


def _channels(*parts: torch.Tensor) -> torch.Tensor:
    """(N, ·, H, W) each, channels last -> all their channels, channels last."""
    return torch.cat([part.permute(0, 2, 3, 1) for part in parts], dim=3).permute(0, 3, 1, 2)


def to_cells(x: torch.Tensor) -> torch.Tensor:
    """(N, 1, H, W) -> (N, 16, H/4, W/4): a pixel-unshuffle that writes channels last at once."""
    n, _, h, w = x.shape
    cells = x.reshape(n, h // CELL, CELL, w // CELL, CELL).permute(0, 1, 3, 2, 4)
    return cells.reshape(n, h // CELL, w // CELL, CELL**2).permute(0, 3, 1, 2)


def to_fine(spread: torch.Tensor) -> torch.Tensor:
    """(N, 4 C, H, W) -> (N, C, 2 H, 2 W): the channels are those of one fine cell of a cell after the other's."""
    n, channels, h, w = spread.shape
    side = CELL // FINE
    x = spread.permute(0, 2, 3, 1).reshape(n, h, w, side, side, channels // FINE_CELLS).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(n, side * h, side * w, channels // FINE_CELLS).permute(0, 3, 1, 2)


def from_cells(cells: torch.Tensor) -> torch.Tensor:
    """(N, 16, H/4, W/4) -> (N, 1, H, W)."""
    n, _, h, w = cells.shape
    pixels = cells.permute(0, 2, 3, 1).reshape(n, h, w, CELL, CELL).permute(0, 1, 3, 2, 4)
    return pixels.reshape(n, 1, h * CELL, w * CELL)


def inference_dtype(device: str) -> torch.dtype:
    """bfloat16 where the processor multiplies it itself, at twice the speed; float32 elsewhere.

    By what the processor can do and not by a measurement: the same machine always gives the same picture.
    """
    capable = torch.backends.cpu.get_cpu_capability().startswith("AVX512") and torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if device == "cpu" and capable else torch.float32
