"""How small can the hue error of a fused picture be, once its luma is decided?

    python benchmarks/hue_limit.py DATASET [--model default] [--reach 2] [--limit 10]

A picture of 8 bits has few colours where it is dark, and few of them have the visible picture's hue. For every pixel
the colours are tried whose R, G and B lie within ``--reach`` levels of the model's; the one of least hue error is
taken: among those whose luma, in whole levels, is the model's own ("this luma"), and among all of them ("any luma near
by"). That is the least dHue that any rounding can reach for this luma, whatever it costs elsewhere. The
max baseline keeps most visible pixels to the byte, and so their hue.

Prints means over the pairs of dHue (degrees; Σ C* |Δh| / Σ C* over pixels with C* ≥ 5 in the visible picture).
"""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from contestants import drawn_pairs, fusers, markdown, mean, number, run, scenes

from diffuse_fuse import metrics
from diffuse_fuse.evaluation.methods import model_name
from diffuse_fuse.metrics.colour import COLOURED, lab, turn_of_hue
from diffuse_fuse.metrics.context import luma


def main(
    dataset: Annotated[Path, typer.Argument(help="Folder of a data set.")],
    model: Annotated[str, typer.Option(help="Weights.")] = "default",
    reach: Annotated[int, typer.Option(min=1, max=4, help="Levels of R, G and B up and down.")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pairs, drawn by the seed.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawn pairs.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Measures, and prints a table."""
    pairs = drawn_pairs(dataset, limit, seed)
    name = model_name(model)
    methods = fusers([model], threads, ("max",))
    rows: dict[str, list[float]] = {row: [] for row in (name, "this luma", "any luma near by", "max")}
    for scene in scenes(pairs):
        pictures = {row: fuse(scene.ir, scene.vis) for row, fuse in methods.items()}
        for row, picture in pictures.items():
            rows[row].append(metrics.compute(scene.ir, scene.vis, picture, ["dHue"])["dHue"])
        least = least_turns(pictures[name], scene.vis, reach)
        for row, value in zip(("this luma", "any luma near by"), least, strict=True):
            rows[row].append(value)
    print(f"{dataset}, {len(pairs)} pairs, {(2 * reach + 1) ** 3} colours a pixel\n")
    print(markdown(("dHue", "mean"), [[row, number(mean(values))] for row, values in rows.items()]))


def least_turns(fused: np.ndarray, vis: np.ndarray, reach: int) -> tuple[float, float]:
    """The least dHue of pictures that differ from ``fused`` (H×W×3) by at most ``reach`` levels a channel: with its
    luma in whole levels, and with any; NaN where ``vis`` has no colour."""
    _, a, b = lab(vis)
    chroma = np.hypot(a, b)
    where = chroma >= COLOURED
    if not where.any():
        return math.nan, math.nan
    a, b, chroma = a[where], b[where], chroma[where]
    start = fused[where].astype(int)
    own = luma(fused)[where]
    best, best_of_luma = np.full(len(start), np.inf), np.full(len(start), np.inf)
    for step in product(range(-reach, reach + 1), repeat=3):
        colours = start + step
        inside = ((colours >= 0) & (colours <= 255)).all(axis=1)
        colours = np.clip(colours, 0, 255).astype(np.uint8)[None]
        _, own_a, own_b = lab(colours)[:, 0]
        turn = np.where(inside, turn_of_hue(own_a, own_b, a, b), np.inf)
        best = np.minimum(best, turn)
        best_of_luma = np.minimum(best_of_luma, np.where(luma(colours)[0] == own, turn, np.inf))
    return tuple(float((chroma * turn).sum() / chroma.sum()) for turn in (best_of_luma, best))


if __name__ == "__main__":
    run(main)
