"""How much do the scores change when the sources are damaged?

    python benchmarks/robustness.py DATASET [--model default] [--limit 10] [--seed 0] [--threads 2]

Prints two Markdown tables with a row for each damage and each method, means over the pairs. "Against the clean
sources": the picture was made from damaged sources and is scored against the undamaged ones: how much of the scene
is lost. Reversed polarity is not there: it makes another infrared picture of the same scene, not a worse one.
"Against the sources as given": scored against the damaged ones: how well the method does what it does, and in Nabf,
whether it adds what is in neither source. In brackets, the change from undamaged sources. "moved": mean difference
in grey levels between the fused lumas with and without the damage. The baselines max and average are damaged alike:
a method is robust where it loses no more than they do.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from contestants import Fuse, Scene, drawn_pairs, fusers, markdown, mean, number, run, scenes

from diffuse_fuse import metrics
from diffuse_fuse.images.arrays import to_bytes
from diffuse_fuse.metrics.context import luma

NAMES = ("VIF", "VIF_ir", "VIF_vis", "SCD", "Qabf", "Nabf", "SSIM", "MS_SSIM", "dC")
SHIFT, CONTRAST, NOISE, QUALITY = 2, 0.3, 10.0, 40

Damage = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def shifted(picture: np.ndarray, pixels: int) -> np.ndarray:
    """Moved to the right, the left border repeated."""
    return np.concatenate([np.repeat(picture[:, :1], pixels, axis=1), picture[:, :-pixels]], axis=1)


def with_gamma(picture: np.ndarray, gamma: float) -> np.ndarray:
    """255 (x / 255)^gamma."""
    return to_bytes((picture / 255) ** gamma)


def with_contrast(picture: np.ndarray, factor: float) -> np.ndarray:
    """Contrast around the mean, multiplied."""
    average = picture.mean()
    return to_bytes((average + factor * (picture - average)) / 255)


def with_noise(picture: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of ``sigma`` grey levels, independent in every channel."""
    return to_bytes((picture + rng.normal(0, sigma, picture.shape)) / 255)


def with_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """Through a JPEG file."""
    in_colour = picture.ndim == 3
    coded = cv2.imencode(".jpg", picture[..., ::-1] if in_colour else picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR if in_colour else cv2.IMREAD_GRAYSCALE)
    return np.ascontiguousarray(decoded[..., ::-1]) if in_colour else decoded


def at_half_resolution(picture: np.ndarray) -> np.ndarray:
    """Down by averaging and up again bilinearly, as dfuse enlarges a small infrared picture."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


REVERSED = "polarity reversed"
DAMAGES: dict[str, Damage] = {
    f"infrared shifted {SHIFT} px": lambda ir, vis, rng: (shifted(ir, SHIFT), vis),
    "visible gamma 0.5": lambda ir, vis, rng: (ir, with_gamma(vis, 0.5)),
    "visible gamma 2": lambda ir, vis, rng: (ir, with_gamma(vis, 2.0)),
    f"thermal contrast × {CONTRAST}": lambda ir, vis, rng: (with_contrast(ir, CONTRAST), vis),
    REVERSED: lambda ir, vis, rng: (255 - ir, vis),
    f"noise {NOISE:g}/255, infrared": lambda ir, vis, rng: (with_noise(ir, NOISE, rng), vis),
    f"noise {NOISE:g}/255, visible": lambda ir, vis, rng: (ir, with_noise(vis, NOISE, rng)),
    f"JPEG {QUALITY}, infrared": lambda ir, vis, rng: (with_jpeg(ir, QUALITY), vis),
    f"JPEG {QUALITY}, visible": lambda ir, vis, rng: (ir, with_jpeg(vis, QUALITY)),
    "infrared at half resolution": lambda ir, vis, rng: (at_half_resolution(ir), vis),
}

# [reference][method][damage, "" for none] -> one dictionary of values a pair
Values = dict[str, dict[str, dict[str, list[dict[str, float]]]]]


def main(
    dataset: Annotated[Path, typer.Argument(help="Folder of a data set.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Weights; may be repeated. The default ones unless given.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pairs, drawn by the seed.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawn pairs and the noise.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
) -> None:
    """Prints how scores change under damage."""
    pairs = drawn_pairs(dataset, limit, seed)
    methods = fusers(model or ["default"], threads)
    values: Values = {reference: {name: {} for name in methods} for reference in ("clean", "given")}
    for scene in scenes(pairs):
        for name, fuse in methods.items():
            for reference, by_damage in measure(scene, fuse, seed).items():
                for damage, scores in by_damage.items():
                    values[reference][name].setdefault(damage, []).append(scores)
    print(f"{dataset}, {len(pairs)} pairs, seed {seed}\n")
    print(f"Against the clean sources:\n\n{table(values['clean'])}\n")
    print(f"Against the sources as given:\n\n{table(values['given'])}")


def measure(scene: Scene, fuse: Fuse, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Scores of one pair: [reference][damage]; "" is the undamaged pair."""
    whole = fuse(scene.ir, scene.vis)
    scores = {**metrics.compute(scene.ir, scene.vis, whole, NAMES), "moved": 0.0}
    found = {"clean": {"": scores}, "given": {"": scores}}
    for damage, damaged in damaged_pairs(scene, seed).items():
        fused = fuse(*damaged)
        moved = {"moved": float(np.abs(luma(fused).astype(int) - luma(whole)).mean())}
        if damage != REVERSED:
            found["clean"][damage] = {**metrics.compute(scene.ir, scene.vis, fused, NAMES), **moved}
        found["given"][damage] = {**metrics.compute(*damaged, fused, NAMES), **moved}
    return found


def damaged_pairs(scene: Scene, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The pair under every damage; noise depends on the seed, the pair's name and the damage, not on the order."""
    found = {}
    for name, damage in DAMAGES.items():
        rng = np.random.default_rng([seed, zlib.crc32(f"{scene.name} {name}".encode())])
        found[name] = damage(scene.ir, scene.vis, rng)
    return found


def table(values: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """Means, with the change from the undamaged pairs in brackets."""
    damages = list(next(iter(values.values())))
    rows = []
    for damage in damages:
        for method, by_damage in values.items():
            cells = [damage or "none", method]
            for metric in (*NAMES, "moved"):
                here, before = (mean(pair[metric] for pair in by_damage[which]) for which in (damage, ""))
                change = f" ({number(here - before, sign=True)})" if damage and metric != "moved" else ""
                cells.append(f"{number(here)}{change}")
            rows.append(cells)
    return markdown(("damage", "method", *NAMES, "moved"), rows, texts=2)


if __name__ == "__main__":
    run(main)
