"""How well does DDIM lead back from the noise that it encoded a real pair to? The counterpart of DDIM's table 2.

    python benchmarks/reconstruction.py --data DATA/roadscene/val [--steps 10,20,50,100] [-n 4] [--crop 64]

Prints a Markdown table: the mean squared error per dimension, on the scale [0, 1], of encoding crops of the pairs
over S steps and decoding them again; with linear and quadratic time steps, and with linear ones and the noise of the
first time step on the crops, which ``dfuse interpolate`` gives its sources.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from diffuse_fuse.diffusion.pictures import PairModel, seeded
from diffuse_fuse.diffusion.samplers import ddim_encode, ddim_sample, time_steps
from diffuse_fuse.training.augment import centre_crops
from diffuse_fuse.training.pairs import PairSet


def main(
    data: Annotated[Path, typer.Option(help="A folder with ir/ and vis/.")],
    steps: Annotated[str, typer.Option(help="Numbers of steps S.")] = "10,20,50,100",
    count: Annotated[int, typer.Option("-n", help="Crops.")] = 4,
    crop: Annotated[int, typer.Option(help="Side of a crop in pixels.")] = 64,
    model: Annotated[str, typer.Option(help="Diffusion weights.")] = "diffusion",
) -> None:
    """Encodes, decodes, prints."""
    pair_model = PairModel(model)
    schedule = pair_model.schedule
    x_0 = torch.from_numpy(centre_crops(PairSet.from_folders([data]), (crop, crop), count) * 2 - 1)
    print(f"| S, {count} crops of {crop} px | linear | quadratic | linear, first noise |")
    print("|---:|---:|---:|---:|")
    with_noise = pair_model.with_first_noise(x_0, seeded(0))
    for s in map(int, steps.split(",")):
        errors = []
        for spacing, source in (("linear", x_0), ("quadratic", x_0), ("linear", with_noise)):
            taus = time_steps(schedule.steps, s, spacing)
            x_t = ddim_encode(pair_model.eps_theta, schedule, source, taus)
            back = ddim_sample(pair_model.eps_theta, schedule, x_t, taus)
            errors.append(((back - x_0) / 2).square().mean().item())
        print(f"| {s} | " + " | ".join(f"{error:.5f}" for error in errors) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
