"""Statistical naturalness of TMQI beside Tone, Darkened and Bleached: means over the pairs of a data set.

    python benchmarks/naturalness.py DATASET [--model base] [--fused NAME=DIR] [--limit 10]

Naturalness (Yeganeh and Wang, IEEE TIP 22 (2013) 657) looks at one picture alone: a Gaussian of its mean luminance
times a Beta distribution of its local contrast, each over its own peak, fitted to 3000 grey pictures. The constants are
those of the public code. It is no metric of the package: docs/quality.md says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from contestants import Scene, drawn_pairs, folders, fusers, markdown, mean, number, run, scenes

from diffuse_fuse import metrics

LUMINANCE = (0.2126, 0.7152, 0.0722)
BRIGHTNESS, SPREAD = 115.94, 27.99  # of the mean luminance, in grey levels
CONTRAST = 64.29  # grey levels of deviation that are a contrast of 1
SHAPE = (4.4, 10.1)  # of the Beta distribution
BLOCK = 11  # pixels a side
NAMES = ("Tone", "Darkened", "Bleached")


def main(
    dataset: Annotated[Path, typer.Argument(help="Folder of a data set.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Weights; may be repeated. The default ones unless given.")
    ] = None,
    fused: Annotated[list[str] | None, typer.Option(help="NAME=DIR, results of another method.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pairs, drawn by the seed.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawn pairs.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Measures naturalness and the light of the scene."""
    pairs = drawn_pairs(dataset, limit, seed)
    others = folders(fused or (), pairs)
    methods: dict[str, Callable[[Scene], np.ndarray | None]] = {
        **{
            name: lambda scene, fuse=fuse: fuse(scene.ir, scene.vis)
            for name, fuse in fusers(model or ["default"], threads, ("visible", "average", "max")).items()
        },
        **{name: folder.picture for name, folder in others.items()},
    }
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in methods}
    for scene in scenes(pairs):
        for name, fuse in methods.items():
            picture = fuse(scene)
            if picture is not None:
                light = metrics.compute(scene.ir, scene.vis, picture, NAMES)
                found[name].append((naturalness(picture), *light.values()))
    rows = []
    for name, values in found.items():
        columns = zip(*values, strict=True) if values else ((),) * (1 + len(NAMES))
        rows.append([name, str(len(values)), *(number(mean(column)) for column in columns)])
    print(markdown(("method", "pairs", "naturalness", *NAMES), rows))


def naturalness(picture: np.ndarray) -> float:
    """Statistical naturalness, 0…1, of a picture uint8 H×W×3."""
    from scipy.stats import beta

    grey = picture @ np.array(LUMINANCE)
    mode = (SHAPE[0] - 1) / (sum(SHAPE) - 2)
    contrast = beta.pdf(local_contrast(grey) / CONTRAST, *SHAPE) / beta.pdf(mode, *SHAPE)
    return float(contrast * math.exp(-((grey.mean() - BRIGHTNESS) ** 2) / (2 * SPREAD**2)))


def local_contrast(grey: np.ndarray) -> float:
    """Mean over the pixels of H×W of their block's standard deviation; blocks at the end are filled with zeros."""
    height, width = grey.shape
    padded = np.pad(grey, ((0, -height % BLOCK), (0, -width % BLOCK)))
    blocks = padded.reshape(padded.shape[0] // BLOCK, BLOCK, padded.shape[1] // BLOCK, BLOCK)
    deviations = blocks.std(axis=(1, 3), ddof=1)
    return float(deviations.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)[:height, :width].mean())


if __name__ == "__main__":
    run(main)
