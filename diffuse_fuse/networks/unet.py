"""The denoising UNet: small, at the pixels, and (without attention) the same for a tile as for the whole picture.

It differs from the paper's UNet on purpose. A pixel-unshuffle stem moves the work to half resolution without
losing a value; normalisation is per pixel over the channels (not over the picture, as GroupNorm does) and there
is no attention in what fuses, so that what the network says about a pixel depends on a bounded neighbourhood only
(the model of whole small scenes has attention at its coarsest levels, since layout is what it is for); skip
connections add instead of concatenating, which halves the cost of the decoder. Channel counts are multiples
of 32, where channels-last convolutions reach the full speed of a CPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from diffuse_fuse.errors import WeightsError
from diffuse_fuse.networks.layers import Layers, in_list, silence
from diffuse_fuse.networks.run import WHOLE, Run


@dataclass(frozen=True)
class UNetConfig:
    """Hyper-parameters of the UNet; stored with the weights.

    ``channels`` and ``blocks`` have one entry a level, from half resolution downwards; each level after the
    first halves the resolution again. ``blocks`` counts the residual blocks of the encoder and again of the
    decoder. ``hint_channels`` are seen beside the input and not written: a first estimate of what it shows.
    ``attention`` counts the coarsest levels whose blocks are each followed by self-attention over the whole picture;
    such a network cannot be run in bands.
    """

    in_channels: int = 4
    hint_channels: int = 0
    unshuffle: int = 2
    channels: tuple[int, ...] = (64, 96, 160, 256)
    blocks: tuple[int, ...] = (1, 1, 2, 2)
    time_dim: int = 256
    attention: int = 0

    def __post_init__(self) -> None:
        # A JSON header turns tuples into lists.
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "blocks", tuple(self.blocks))
        if len(self.channels) != len(self.blocks) or not self.channels:
            raise WeightsError(
                f"UNet with {len(self.channels)} channel counts and {len(self.blocks)} block counts: "
                "there must be one of each a level."
            )

    @property
    def multiple(self) -> int:
        """Height and width must be multiples of this many pixels."""
        return self.unshuffle * (1 << (len(self.channels) - 1))


class ChannelNorm(nn.Module):
    """Root-mean-square normalisation of each pixel over its channels, with a learned gain."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (N, C, H, W) -> (N, C, H, W)
        scale = torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-6)
        return x * scale * self.gain.view(1, -1, 1, 1)


class ResBlock(nn.Module):
    """norm, SiLU, conv, (norm, time, SiLU), conv, plus the input."""

    def __init__(self, channels: int, time_dim: int = 0) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = ChannelNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.time = nn.Linear(time_dim, 2 * channels) if time_dim else None

    def forward(self, x: torch.Tensor, emb: torch.Tensor | None = None, run: Run = WHOLE) -> torch.Tensor:
        h = run.conv(self.conv1, F.silu(self.norm1(x)))
        h = self.norm2(h)
        if self.time is not None:
            scale, shift = self.time(emb)[:, :, None, None].chunk(2, dim=1)
            h = torch.addcmul(h + shift, h, scale)
        x, h = run.align(x, run.conv(self.conv2, F.silu(h)))
        return x + h


class Attention(nn.Module):
    """Self-attention over all pixels, with heads of 32 channels, plus the input (DDPM appendix B; Vaswani et al. 2017).

    (N, C, H, W) -> the same, with C a multiple of 32. It starts as the identity.
    """

    HEAD = 32

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % self.HEAD:
            raise WeightsError(f"Attention over {channels} channels: they must be a multiple of {self.HEAD}.")
        self.norm = ChannelNorm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        tokens = self.qkv(self.norm(x)).permute(0, 2, 3, 1).reshape(n, h * w, 3, c // self.HEAD, self.HEAD)
        query, key, value = tokens.permute(2, 0, 3, 1, 4)  # (N, heads, pixels, 32) each
        # Written out: PyTorch's fused kernel takes several times as long on a CPU, in training and for few pixels.
        weight = torch.softmax(query @ key.transpose(-1, -2) * self.HEAD**-0.5, dim=-1)
        mixed = (weight @ value).transpose(1, 2).reshape(n, h, w, c).permute(0, 3, 1, 2)
        found: torch.Tensor = x + self.proj(mixed)
        return found


class AttentiveBlock(ResBlock):
    """A residual block that is followed by self-attention."""

    def __init__(self, channels: int, time_dim: int = 0) -> None:
        super().__init__(channels, time_dim)
        self.attention = Attention(channels)

    def forward(self, x: torch.Tensor, emb: torch.Tensor | None = None, run: Run = WHOLE) -> torch.Tensor:
        if run is not WHOLE:
            raise WeightsError("A UNet with attention sees whole pictures only: it cannot be run in bands.")
        found: torch.Tensor = self.attention(super().forward(x, emb, run))
        return found


def _levels(config: UNetConfig) -> Layers[Layers[ResBlock]]:
    """The residual blocks of each level."""
    widths = enumerate(zip(config.channels, config.blocks, strict=True))
    return in_list(
        in_list(_block(config, level)(c, config.time_dim) for _ in range(count)) for level, (c, count) in widths
    )


def _block(config: UNetConfig, level: int) -> type[ResBlock]:
    """The kind of block of a level, counted from the finest one."""
    return AttentiveBlock if level >= len(config.channels) - config.attention else ResBlock


def time_embedding(t: torch.Tensor, dim: int) -> torch.Tensor:
    """Sinusoidal embedding of time steps (N,) -> (N, dim), DDPM appendix B after Vaswani et al. 2017."""
    half = dim // 2
    freq = torch.exp(-math.log(10_000.0) * torch.arange(half, device=t.device, dtype=torch.float32) / half)
    angle = t.float()[:, None] * freq[None]
    return torch.cat([angle.cos(), angle.sin()], dim=1)


class UNet(nn.Module):
    """(N, 4, H, W) in about [-1, 1] and time steps (N,) -> (N, 4, H, W): eps, or what eps is made from (``model``).

    With hints, the input has their channels too, after its own.
    """

    def __init__(self, config: UNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or UNetConfig()
        ch, dim = config.channels, config.time_dim
        cell = config.unshuffle**2
        self.time = nn.Sequential(nn.Linear(ch[0] * 2, dim), nn.SiLU(), nn.Linear(dim, dim), nn.SiLU())
        self.stem = nn.Conv2d((config.in_channels + config.hint_channels) * cell, ch[0], 3, padding=1)
        self.encoder = _levels(config)
        self.down = in_list(nn.Conv2d(a, b, 2, stride=2) for a, b in zip(ch[:-1], ch[1:], strict=True))
        self.middle = _block(config, len(ch) - 1)(ch[-1], dim)
        self.decoder = _levels(config)
        self.up = in_list(nn.Conv2d(b, a, 1) for a, b in zip(ch[:-1], ch[1:], strict=True))
        self.out_norm = ChannelNorm(ch[0])
        self.out = nn.Conv2d(ch[0], config.in_channels * cell, 3, padding=1)
        self._initialize_weights()

    def _initialize_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, ResBlock):
                silence(module.conv2)  # each block starts as the identity
                if module.time is not None:
                    silence(module.time)  # and knows nothing of the time
            elif isinstance(module, Attention):
                silence(module.proj)
        silence(self.out)  # the best constant guess

    def with_hints(self, channels: int) -> UNet:
        """This network as one that gets ``channels`` of hints: it does not look at new ones yet, and hints that it
        no longer gets are taken for the input itself, which they come close to where there is little noise."""
        config = replace(self.config, hint_channels=channels)
        own, cell = self.config.in_channels * self.config.unshuffle**2, self.config.unshuffle**2
        tensors = dict(self.state_dict())
        stem = tensors["stem.weight"]
        if channels:
            stem = F.pad(stem, (0, 0, 0, 0, 0, (config.in_channels + channels) * cell - stem.shape[1]))
        elif self.config.hint_channels:
            stem = stem[:, :own] + stem[:, own:]
        network = UNet(config)
        network.load_state_dict({**tensors, "stem.weight": stem})
        return network

    def decode(self, x_t: torch.Tensor, t: torch.Tensor, run: Run = WHOLE) -> list[torch.Tensor]:
        """Decoder features of every level, from half resolution downwards.

        ``x_t`` (N, C, H, W), hints included, with H and W multiples of ``config.multiple``, ``t`` (N,) time steps.
        Returns one tensor a level: (N, channels[i], H / (unshuffle 2^i), W / (unshuffle 2^i)).
        """
        dtype = self.stem.weight.dtype  # which may be half
        emb = self.time(time_embedding(t, self.config.channels[0] * 2).to(dtype))
        h = run.conv(self.stem, F.pixel_unshuffle(x_t, self.config.unshuffle).to(dtype))
        skips = []
        for level, blocks in enumerate(self.encoder):
            if level:
                h = run.conv(self.down[level - 1], run.multiples(h, 2))
            for block in blocks:
                h = block(h, emb, run)
            skips.append(h)
        h = self.middle(h, emb, run)
        features = []
        for level in reversed(range(len(self.decoder))):
            h, skip = run.align(h, skips[level])
            step = partial(self._decode_level, self.decoder[level], emb)
            h = run.portions(step, h, skip, scale=self.config.unshuffle * 2**level)
            features.append(h)
            if level:
                h = run.repeat(run.conv(self.up[level - 1], h))
        return features[::-1]

    @staticmethod
    def _decode_level(
        blocks: Layers[ResBlock], emb: torch.Tensor, h: torch.Tensor, skip: torch.Tensor, run: Run
    ) -> torch.Tensor:
        h = h + skip
        for block in blocks:
            h = block(h, emb, run)
        return h

    def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        top = self.decode(x_t, t)[0]
        return F.pixel_shuffle(self.out(F.silu(self.out_norm(top))), self.config.unshuffle)
