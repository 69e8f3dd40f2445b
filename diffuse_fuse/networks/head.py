"""The fusion head: decoder features of several levels and the pair itself -> fused RGB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from diffuse_fuse.networks.colour import luma
from diffuse_fuse.networks.layers import in_list, silence
from diffuse_fuse.networks.run import WHOLE, Run
from diffuse_fuse.networks.unet import ResBlock


@dataclass(frozen=True)
class HeadConfig:
    """Hyper-parameters of the head: ``width`` channels and ``blocks`` residual blocks at half resolution,
    ``fine`` channels at full resolution."""

    width: int = 64
    blocks: int = 2
    fine: int = 16


class FusionHead(nn.Module):
    """Features and pair -> fused luma, as a correction of max(Y, IR).

    Dif-Fusion's head writes RGB directly and has to learn colour; here it writes a luma, and ``colour.recolour``
    gives it the visible picture's chroma: colours are kept and a grey scene stays neutral by construction.
    """

    def __init__(self, channels: Sequence[int], config: HeadConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or HeadConfig()
        self.lateral = in_list(nn.Conv2d(c, config.width, 1) for c in channels)
        self.stem = nn.Conv2d(4 * _PAIR_CHANNELS, config.width, 3, padding=1)
        self.blocks = in_list(ResBlock(config.width) for _ in range(config.blocks))
        self.unfold = nn.Conv2d(config.width, 4 * config.fine, 1)
        self.fine = nn.Conv2d(config.fine + _PAIR_CHANNELS, config.fine, 3, padding=1)
        self.out = nn.Conv2d(config.fine, 1, 3, padding=1)
        silence(self.out)  # the untrained head gives max(Y, IR)

    def forward(self, features: Sequence[torch.Tensor], ir: torch.Tensor, vis: torch.Tensor) -> torch.Tensor:
        """``features`` finest first, ``ir`` (N, 1, H, W) and ``vis`` (N, 3, H, W) in [0, 1].

        Returns the fused luma (N, 1, H, W) before it is cut to [0, 1].
        """
        return self.with_pair(features, ir, vis)[:, _PAIR_CHANNELS - 1 :]

    def with_pair(
        self, features: Sequence[torch.Tensor], ir: torch.Tensor, vis: torch.Tensor, run: Run = WHOLE
    ) -> torch.Tensor:
        """As ``forward``, with the rows of the pair that belong to the luma: R, G, B, IR and it, (N, 5, H, W)."""
        folded = F.pixel_unshuffle(torch.cat([vis, ir, torch.maximum(luma(vis), ir)], dim=1), _FOLD)
        h = run.conv(self.lateral[-1], features[-1])
        for level in reversed(range(len(features) - 1)):
            lateral, h = run.align(run.conv(self.lateral[level], features[level]), run.enlarge(h))
            h = lateral + h
        h, folded = run.align(h, folded)
        return run.portions(self._refine, h, folded, scale=_FOLD)

    def _refine(self, h: torch.Tensor, folded: torch.Tensor, run: Run) -> torch.Tensor:
        """Features at half resolution and the pair, folded to it -> the pair with the fused luma."""
        dtype = self.stem.weight.dtype  # which may be half; what is corrected is not
        h, stem, folded = run.align(h, run.conv(self.stem, (folded * 2 - 1).to(dtype)), folded)
        h = h + stem
        for block in self.blocks:
            h = block(h, None, run)
        h, pair = run.align(F.pixel_shuffle(run.conv(self.unfold, h), _FOLD), F.pixel_shuffle(folded, _FOLD))
        h = run.conv(self.fine, torch.cat([h, (pair * 2 - 1).to(dtype)], dim=1))
        h, pair = run.align(run.conv(self.out, F.silu(h)), pair)
        return torch.cat([pair[:, :-1], pair[:, -1:] + h.float()], dim=1)


_PAIR_CHANNELS = 5  # R, G, B, IR, max(Y, IR)
_FOLD = 2  # the head works at half resolution
