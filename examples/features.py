"""The multi-level features of a pair as tensors, as Dif-Fusion uses them: python examples/features.py"""

import torch
import torch.nn.functional as F
from scene import render

from diffuse_fuse.diffusion.pictures import PairModel

TIME_STEPS = (5, 50, 200)  # Dif-Fusion's three; one is enough for most uses


def features(model: PairModel, ir, vis) -> list[torch.Tensor]:
    """One tensor (1, C, rows, columns) a level of the UNet's decoder, finest first: cells of 2, 4, 8, … pixels.

    The features of the time steps follow each other along the channels. The same pair gives the same tensors.
    """
    return [torch.from_numpy(level)[None] for level in model.features(ir, vis, steps=TIME_STEPS)]


def stacked(levels: list[torch.Tensor]) -> torch.Tensor:
    """All levels at the size of the finest, as one tensor (1, sum of C, rows, columns)."""
    size = levels[0].shape[2:]
    return torch.cat([F.interpolate(level, size, mode="bilinear") for level in levels], dim=1)


def main(width: int = 320, height: int = 240) -> torch.Tensor:
    ir, vis = render("night", width, height)  # uint8: infrared (H, W), visible RGB (H, W, 3)
    levels = features(PairModel(), ir, vis)  # PairModel(device="cuda") runs on a GPU
    for number, level in enumerate(levels):
        print(f"level {number}: {tuple(level.shape)}, mean {level.mean():.3f}, deviation {level.std():.3f}")
    everything = stacked(levels)
    print(f"all levels: {tuple(everything.shape)}")
    return everything


if __name__ == "__main__":
    main()
