"""Do samples show scenes, and are they new? Samples of whole scenes beside real ones, and their nearest neighbours.

    python benchmarks/scenes.py --data DATA/roadscene/val --train DATA/roadscene/train --train DATA/m3svd/train
        --train DATA/msrs/train [-n 24] [--size 256x192] [--steps 50,100] [--eta 0,1] [--layout none] [--sheet FILE]

Prints a Markdown table as benchmarks/samples.py does, of whole pictures instead of crops: for each S and eta the sliced
Wasserstein distance (× 1000, lower is better) of n samples to n held-out pairs. Then, for each row, how far a sample is
from its nearest training pair, at 64×48, mirrored or not: root of the mean squared difference, in levels of 255. Copies
of training pairs would be nearer than held-out pairs are. The sheet shows, for each sample of the last row, the visible
and the infrared picture, and the nearest training pair below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer

from diffuse_fuse.cli.generating import load_scenes
from diffuse_fuse.diffusion.pictures import PairModel, parse_size, seeded
from diffuse_fuse.diffusion.quality import mutual_information, sliced_wasserstein
from diffuse_fuse.diffusion.scenes import LAYOUT_SIZE, Scenes, Way
from diffuse_fuse.images.write import write_image
from diffuse_fuse.training.augment import centre_crops
from diffuse_fuse.training.grid import grid
from diffuse_fuse.training.pairs import PairSet

COLUMNS = 8  # of the sheet


def main(
    data: Annotated[list[Path], typer.Option(help="Held-out pairs; several times.")],
    train: Annotated[list[Path], typer.Option(help="The pairs that the models were trained on; several times.")],
    count: Annotated[int, typer.Option("-n", help="Samples, and held-out pairs.")] = 24,
    size: Annotated[str, typer.Option(help="Width and height.")] = "256x192",
    steps: Annotated[str, typer.Option(help="Numbers of steps S.")] = "50,100",
    eta: Annotated[str, typer.Option(help="Values of eta.")] = "0,1",
    layout: Annotated[str, typer.Option(help="Weights of layouts, or none.")] = "auto",
    model: Annotated[str, typer.Option(help="Diffusion weights.")] = "diffusion",
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    sheet: Annotated[Path | None, typer.Option(help="Sheet to write.")] = None,
) -> None:
    """Samples, measures, prints."""
    width, height = parse_size(size)
    scenes = load_scenes(layout, PairModel(model), width, height)
    held, seen = PairSet.from_folders(data), PairSet.from_folders(train)
    real = centre_crops(held, (height, width), count, whole=True).transpose(0, 2, 3, 1)
    known = centre_crops(seen, (height, width), len(seen), whole=True).transpose(0, 2, 3, 1)
    levels = list(sliced_wasserstein(real, real))
    print(f"| {scenes.names}, n = {count}, {size} | " + " | ".join(f"SWD {level} px" for level in levels), end=" | ")
    print("SWD mean | I(colour; IR) | to the nearest training pair |")
    print("|---|" + "---:|" * (len(levels) + 3))
    near = _nearest(real, known)[1]
    print(f"| held-out pairs |{' |' * (len(levels) + 1)} {mutual_information(real):.2f} | {near.mean():.1f} |")
    spread = known[np.linspace(0, len(known) - 1, count).astype(int)]
    _print_row("training pairs", real, spread, "0")
    samples = spread
    for s in map(int, steps.split(",")):
        for e in map(float, eta.split(",")):
            samples = _samples(scenes, Way(s, eta=e, clip=True), count, seed)
            _print_row(f"S = {s}, eta = {e:g}", real, samples, f"{_nearest(samples, known)[1].mean():.1f}")
    if sheet:
        write_image(sheet, grid(_rows(samples, known[_nearest(samples, known)[0]])))


def _samples(scenes: Scenes, way: Way, count: int, seed: int) -> np.ndarray:
    """(count, height, width, 4) in [0, 1], as ``dfuse sample`` draws them."""
    pictures = [(scenes.sample(way, seeded(seed, i))[0].clamp(-1, 1) + 1) / 2 for i in range(count)]
    return torch.stack(pictures).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _print_row(name: str, real: np.ndarray, pictures: np.ndarray, near: str) -> None:
    distances = list(sliced_wasserstein(real, pictures).values())
    cells = [f"{value:.0f}" for value in [*distances, np.mean(distances)]]
    print(f"| {name} | {' | '.join(cells)} | {mutual_information(pictures):.2f} | {near} |", flush=True)


def _nearest(pictures: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of ``known`` each of ``pictures`` is nearest to, mirrored or not, and how near."""
    small, others = (
        np.stack([cv2.resize(p, LAYOUT_SIZE, interpolation=cv2.INTER_AREA) for p in part]) for part in (pictures, known)
    )
    distances = np.array([[min(_distance(a, b), _distance(a, b[:, ::-1])) for b in others] for a in small])
    return distances.argmin(axis=1), distances.min(axis=1)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return 255 * float(np.sqrt(np.mean((a - b) ** 2)))


def _rows(samples: np.ndarray, neighbours: np.ndarray) -> list[list[np.ndarray]]:
    rows = []
    for first in range(0, len(samples), COLUMNS):
        for part in (samples, neighbours):
            some = part[first : first + COLUMNS]
            rows += [[p[..., :3] for p in some], [np.repeat(p[..., 3:], 3, axis=2) for p in some]]
    return rows


if __name__ == "__main__":
    typer.run(main)
