"""Has the diffusion model learnt more than second-order statistics? Its loss against the best linear denoiser's.

    python benchmarks/linear_denoiser.py --data DATA/roadscene/train --val DATA/roadscene/val [-n 8] [--crops 2000]

Fits the Wiener filter (diffuse_fuse/diffusion/wiener.py) on crops of the training pairs, augmented as in training,
and prints a Markdown table of L_simple per time step of both on the same crops and noise of the validation pairs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from diffuse_fuse.diffusion.pictures import PairModel
from diffuse_fuse.diffusion.wiener import WienerDenoiser
from diffuse_fuse.training.augment import Augment, centre_crops, draw_evenly, step_generator
from diffuse_fuse.training.pairs import PairSet

STEPS = (5, 20, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 990)


def main(
    data: Annotated[list[Path], typer.Option(help="Training pairs, to fit the linear denoiser on; several times.")],
    val: Annotated[Path, typer.Option(help="Pairs to compare on.")],
    crops: Annotated[int, typer.Option(help="Training crops.")] = 2000,
    count: Annotated[int, typer.Option("-n", help="Validation crops.")] = 16,
    crop: Annotated[int, typer.Option(help="Side of a crop in pixels.")] = 128,
    model: Annotated[str, typer.Option(help="Diffusion weights.")] = "diffusion",
) -> None:
    """Fits, compares, prints."""
    train = PairSet.from_folders(data)
    # plain crops: gain, gamma and lost colour would widen the distribution beyond that of the validation pairs
    plain = Augment(crop=crop, photometric=0.0, grey=0.0)
    wiener = WienerDenoiser(draw_evenly(train, plain, crops, step_generator(seed=0, step=0, stream=2)) * 2 - 1)
    x_0 = centre_crops(PairSet.from_folders([val]), (crop, crop), count) * 2 - 1
    eps = np.random.default_rng(0).standard_normal(x_0.shape, dtype=np.float32)
    pair_model = PairModel(model)
    print(f"| t | {pair_model.name} | linear | ratio | crops where {pair_model.name} is better |")
    print("|---:|---:|---:|---:|---:|")
    for t in STEPS:
        network, linear = losses(pair_model, wiener, x_0, eps, t)
        better = f"{np.mean(network < linear):.0%}"
        ratio = network.mean() / linear.mean()
        print(f"| {t} | {network.mean():.5f} | {linear.mean():.5f} | {ratio:.2f} | {better} |", flush=True)


def losses(
    model: PairModel, wiener: WienerDenoiser, x_0: np.ndarray, eps: np.ndarray, t: int
) -> tuple[np.ndarray, np.ndarray]:
    """L_simple of each of ``x_0`` (N, 4, H, W) at t: the network's and the linear denoiser's, (N,) each."""
    alpha_bar = float(model.schedule.alpha_bar[t])
    x_t = (np.sqrt(alpha_bar) * x_0 + np.sqrt(1 - alpha_bar) * eps).astype(np.float32)
    network = [model.eps_theta(torch.from_numpy(x[None]), t).numpy() for x in x_t]
    found = (np.concatenate(network), wiener.eps(x_t, alpha_bar))
    return tuple(((estimate - eps) ** 2).mean(axis=(1, 2, 3)) for estimate in found)


if __name__ == "__main__":
    typer.run(main)
