"""How does a model fuse pictures of sensors that it was not trained for?

    python benchmarks/sensors.py DATA/mri_pet DATA/sar_optical … [--model base --model fast] [--threads 1]

Prints a Markdown table a data set, means over its pairs: the models, each source ("ir", "visible"), average and max.
The last columns say what the metrics do not: "black" is the mean luma of the result where both sources are black (a
dash where that is nowhere), "colour" the part of the visible picture's chroma that is kept where it has any, and
"grain" the finest structure of the result over that of the infrared picture, where the visible picture is smoothest:
how much of a radar's speckle or of a camera's noise arrives (above 1: amplified).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from contestants import drawn_pairs, fusers, markdown, mean, number, run, scenes

from diffuse_fuse import metrics
from diffuse_fuse.metrics.colour import lab
from diffuse_fuse.metrics.context import luma

NAMES = ("EN", "SD", "SF", "AG", "MI", "VIF", "VIF_ir", "VIF_vis", "SCD", "Qabf", "Nabf", "SSIM", "MS_SSIM")
NAMES += ("dC", "dHue")
DIGITS = {"EN": 2, "SD": 1, "SF": 1, "AG": 2, "MI": 2, "dC": 2, "dHue": 2, "black": 1, "colour": 2, "grain": 2}
BLACK = 2  # grey levels: what a file calls black after some compression
CHROMA = 20.0  # of CIELAB; above it, a colour has a name
FINE = 1.0  # pixels: deviation of the Gaussian that takes the finest structure away
SMOOTH = 0.5  # the part of the pixels where the visible picture is smoothest


def main(
    datasets: Annotated[list[Path], typer.Argument(help="Folders of data sets.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Weights; may be repeated. base and fast unless given.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Prints the tables."""
    methods = {
        **fusers(model or ["base", "fast"], threads, baselines=()),
        "ir": lambda ir, vis: np.repeat(ir[..., None], 3, axis=2),
        **fusers([], threads, baselines=("visible", "average", "max")),
    }
    for dataset in datasets:
        pairs = drawn_pairs(dataset, None, 0)
        scores: dict[str, list[dict[str, float]]] = {name: [] for name in methods}
        for scene in scenes(pairs):
            for name, fuse in methods.items():
                fused = fuse(scene.ir, scene.vis)
                values = metrics.compute(scene.ir, scene.vis, fused, NAMES)
                scores[name].append({**values, **beyond_metrics(scene.ir, scene.vis, fused)})
        print(f"{table(f'{dataset.name}, {len(pairs)} pairs', scores)}\n", flush=True)


def beyond_metrics(ir: np.ndarray, vis: np.ndarray, fused: np.ndarray) -> dict[str, float]:
    """Black, colour and grain of one result; ir uint8 H×W, vis and fused uint8 H×W×3."""
    y_vis, y = luma(vis).astype(float), luma(fused).astype(float)
    black = (ir <= BLACK) & (vis.max(axis=2) <= BLACK)
    chroma_vis, chroma = (np.hypot(*lab(picture)[1:]) for picture in (vis, fused))
    coloured = chroma_vis > CHROMA
    roughness = cv2.GaussianBlur(_fine(y_vis) ** 2, (0, 0), 4 * FINE)
    smooth = (roughness <= np.quantile(roughness, SMOOTH)) & ~black
    grain = _power(ir.astype(float), smooth)
    return {
        "black": _mean(y[black]),
        "colour": _mean(chroma[coloured]) / _mean(chroma_vis[coloured]),
        "grain": math.sqrt(_power(y, smooth) / grain) if grain else math.nan,
    }


def table(title: str, scores: dict[str, list[dict[str, float]]]) -> str:
    """Means over the pairs, a row for each method."""
    names = list(next(iter(scores.values()))[0])
    rows = [
        [method, *(number(mean(pair[name] for pair in pairs), DIGITS.get(name, 3)) for name in names)]
        for method, pairs in scores.items()
    ]
    return markdown((title, *(f"{name}{_arrow(name)}" for name in names)), rows)


def _arrow(name: str) -> str:
    known = metrics.REGISTRY.get(name)
    return {"up": " ↑", "down": " ↓"}.get(known.direction, "") if known else ""


def _fine(y: np.ndarray) -> np.ndarray:
    """What is finer than about a pixel."""
    return y - cv2.GaussianBlur(y, (0, 0), FINE)


def _power(y: np.ndarray, where: np.ndarray) -> float:
    return float(np.square(_fine(y)[where]).mean()) if where.any() else 0.0


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else math.nan


if __name__ == "__main__":
    run(main)
