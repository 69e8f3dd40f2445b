"""Another head on top of frozen features, trained on rendered pairs: python examples/own_head.py"""

import torch
import torch.nn.functional as F
from scene import render
from torch import nn

from diffuse_fuse.diffusion.pictures import PairModel


class Head(nn.Module):
    """Features of all levels → the fused luma (N, 1, H, W): one 1×1 convolution a level, added up."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(each, 1, 1) for each in channels)

    def forward(self, features: list[torch.Tensor], size: tuple[int, int]) -> torch.Tensor:
        of_levels = zip(self.levels, features, strict=True)
        return sum(F.interpolate(conv(level), size, mode="bilinear") for conv, level in of_levels)


def main(steps: int = 60, width: int = 160, height: int = 120) -> tuple[float, float]:
    torch.manual_seed(0)
    unet, batches = PairModel(), []  # the UNet is frozen: its features are computed once
    for kind in ("day", "night"):
        ir, vis = render(kind, width, height)
        luma = torch.from_numpy(vis @ (0.299, 0.587, 0.114)).float() / 255
        wanted = torch.maximum(luma, torch.from_numpy(ir) / 255)[None, None]  # or any loss of your own
        batches.append(([torch.from_numpy(level)[None] for level in unet.features(ir, vis)], wanted))
    head = Head([level.shape[1] for level in batches[0][0]])
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-3)
    losses = []
    for step in range(steps):
        features, wanted = batches[step % len(batches)]
        loss = F.l1_loss(head(features, (height, width)), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    first, last = sum(losses[:2]) / 2, sum(losses[-2:]) / 2
    print(f"{sum(p.numel() for p in head.parameters())} parameters, {steps} steps: loss {first:.3f} → {last:.3f}")
    return first, last


if __name__ == "__main__":
    main()
