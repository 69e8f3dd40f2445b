"""How good are samples of the diffusion model? The counterpart of DDIM's table 1, without a downloaded network.

    python benchmarks/samples.py --data DATA/roadscene/val [--steps 5,10,20,50,100] [--eta 0,1] [-n 20] [--sheet FILE]

Prints a Markdown table: for each S and eta the sliced Wasserstein distance (× 1000, lower is better) of n samples
to n crops of the held-out pairs at each level of the pyramid, and the mutual information of the two halves of a
sample. The rows above say what real pairs have: other crops of the same data, shuffled pairs, and plain noise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from diffuse_fuse.diffusion.pictures import PairModel, seeded
from diffuse_fuse.diffusion.quality import mutual_information, shuffled, sliced_wasserstein
from diffuse_fuse.diffusion.samplers import ddim_sample, time_steps
from diffuse_fuse.images.write import write_image
from diffuse_fuse.training.augment import centre_crops
from diffuse_fuse.training.grid import grid
from diffuse_fuse.training.pairs import PairSet


def main(
    data: Annotated[Path, typer.Option(help="Held-out pairs: a folder with ir/ and vis/.")],
    steps: Annotated[str, typer.Option(help="Numbers of steps S.")] = "5,10,20,50,100",
    eta: Annotated[str, typer.Option(help="Values of eta.")] = "0,1",
    count: Annotated[int, typer.Option("-n", help="Samples, and crops of real pairs.")] = 20,
    crop: Annotated[int, typer.Option(help="Side of samples and crops in pixels.")] = 128,
    spacing: Annotated[str, typer.Option(help="Time steps: linear or quadratic.")] = "linear",
    clip: Annotated[bool, typer.Option(help="Limit the predicted x_0 to [-1, 1].")] = True,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    model: Annotated[str, typer.Option(help="Diffusion weights.")] = "diffusion",
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    sheet: Annotated[Path | None, typer.Option(help="Contact sheet to write: eight samples of each row.")] = None,
) -> None:
    """Samples, measures, prints."""
    pair_model = PairModel(model, device)
    both = centre_crops(PairSet.from_folders([data]), (crop, crop), 2 * count).transpose(0, 2, 3, 1)
    real, other = both[:count], both[count:]
    rng = np.random.default_rng(seed)
    rows = {
        "real pairs, other crops": other,
        "real pairs, shuffled": shuffled(other),
        "noise": rng.random(real.shape, dtype=np.float32),
    }
    _print_head(real, pair_model.name, clip, spacing)
    for name, pictures in rows.items():
        _print_row(name, real, pictures)
    rows.clear()
    for s in map(int, steps.split(",")):
        for e in map(float, eta.split(",")):
            name = f"S = {s}, eta = {e:g}"
            rows[name] = _samples(
                pair_model, count, crop, time_steps(pair_model.schedule.steps, s, spacing), e, clip, seed
            )
            _print_row(name, real, rows[name])
    if sheet:
        write_image(sheet, grid([part for pictures in rows.values() for part in _two_rows(pictures[:8])]))


def _samples(model: PairModel, count: int, crop: int, taus: list[int], eta: float, clip: bool, seed: int) -> np.ndarray:
    """(count, crop, crop, 4) in [0, 1]; one by one, as ``dfuse sample`` draws them."""
    pictures = []
    for i in range(count):
        generator = seeded(seed, i)
        x_t = model.noise(crop, crop, generator)
        x_0 = ddim_sample(model.eps_theta, model.schedule, x_t, taus, eta, generator, clip)
        pictures.append((x_0[0].clamp(-1, 1) + 1) / 2)
    return torch.stack(pictures).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _print_head(real: np.ndarray, model: str, clip: bool, spacing: str) -> None:
    levels = list(sliced_wasserstein(real, real))
    what = f"{model}, n = {len(real)}, {spacing}{', clipped' if clip else ''}"
    print(f"| {what} | " + " | ".join(f"SWD {level} px" for level in levels) + " | SWD mean | I(colour; IR) |")
    print("|---|" + "---:|" * (len(levels) + 2))


def _print_row(name: str, real: np.ndarray, pictures: np.ndarray) -> None:
    distances = list(sliced_wasserstein(real, pictures).values())
    cells = [f"{value:.0f}" for value in [*distances, np.mean(distances)]]
    print(f"| {name} | " + " | ".join(cells) + f" | {mutual_information(pictures):.2f} |", flush=True)


def _two_rows(pictures: np.ndarray) -> list[list[np.ndarray]]:
    return [
        [picture[..., :3] for picture in pictures],
        [np.repeat(picture[..., 3:], 3, axis=2) for picture in pictures],
    ]


if __name__ == "__main__":
    typer.run(main)
