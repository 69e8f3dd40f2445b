"""How much of what is possible does a model reach? Each picture's own optimum of the training loss as the limit.

    python benchmarks/optimum.py DATASET [--model default] [--steps 150] [--limit 10] [-o OUT]
    python benchmarks/optimum.py DATASET --optima ../shared/peers/optimum_NAME.csv

The luma of each picture by itself is optimised for the terms of ``diffuse_fuse.fusion.losses`` that look at luma
(Adam on the pixels), once from the model's picture and once from max(Y, IR); the visible picture's chroma is put back
as the model does it. The better one by loss is the optimum. It has no model behind it and sees the whole picture, so
it bounds what training on that loss can reach, and says what the loss itself prefers.

Prints a Markdown table: the starts, what became of them, the optimum, and the model's share of it. With -o, the
optima and optimum.csv (a row a pair) are written there. With --optima nothing is optimised: such a CSV, from here or
elsewhere, is the limit, over the pairs that it names in its column "stem".
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from contestants import Fuse, Scene, drawn_pairs, fusers, markdown, mean, number, run, scenes

from diffuse_fuse import metrics
from diffuse_fuse.errors import DataError
from diffuse_fuse.evaluation.matching import pair_name
from diffuse_fuse.evaluation.methods import model_name
from diffuse_fuse.files import write_atomically
from diffuse_fuse.fusion.losses import LossWeights, fusion_loss
from diffuse_fuse.images.write import write_image
from diffuse_fuse.networks.colour import luma, recolour

NAMES = ("EN", "SD", "SF", "MI", "VIF", "VIF_ir", "VIF_vis", "SCD", "Qabf", "Nabf", "SSIM", "MS_SSIM", "dC")
SHARED = ("VIF", "SCD", "Qabf")
RATE = 0.01  # of Adam, in luma from 0 to 1; falls to a twentieth of it
OPTIMUM = "optimum"
LOSS = "loss"
# Chroma is put back exactly, so its term has nothing to choose.
WEIGHTS = replace(LossWeights(), chroma=0.0)

Rows = dict[str, dict[str, dict[str, float]]]  # [row][pair][metric]


def main(
    dataset: Annotated[Path, typer.Argument(help="Folder of a data set.")],
    model: Annotated[str, typer.Option(help="Weights.")] = "default",
    steps: Annotated[int, typer.Option(min=1, help="Steps of Adam from each start.")] = 150,
    optima: Annotated[Path | None, typer.Option(help="CSV of known optima, instead of optimising.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pairs, drawn by the seed.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawn pairs.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for pictures and scores.")] = None,
) -> None:
    """Optimises, measures, and prints the model's share."""
    pairs, given = drawn_pairs(dataset, limit, seed), None
    if optima:
        given = read_optima(optima)
        pairs = [pair for pair in pairs if pair_name(pair) in given]
        if not pairs:
            raise DataError(f"{optima} names no pair of {dataset}: its column 'stem' has to hold their names.")
    name = model_name(model)
    fuse = fusers([model], threads, ())[name]
    rows: Rows = {}
    for scene in scenes(pairs):
        if given is None:
            pictures = optimise(scene, name, fuse, steps)
        else:
            pictures = {name: (fuse(scene.ir, scene.vis), math.nan)}
        for row, (picture, loss) in pictures.items():
            scores = metrics.compute(scene.ir, scene.vis, picture, NAMES)
            rows.setdefault(row, {})[scene.name] = {**scores, LOSS: loss}
        if given is not None:
            rows.setdefault(OPTIMUM, {})[scene.name] = given[scene.name]
        elif out:
            write_image(out / f"{scene.name}.png", pictures[OPTIMUM][0])
    if out and given is None:
        write_atomically(out / "optimum.csv", as_csv(rows[OPTIMUM]).encode())
    print(f"{dataset}, {len(pairs)} pairs, {'optima of ' + str(optima) if optima else f'{steps} steps'}\n")
    print(table(rows))
    print(f"\nShare of the optimum (mean over mean): {shares(rows[name], rows[OPTIMUM])}")


def optimise(scene: Scene, name: str, fuse: Fuse, steps: int) -> dict[str, tuple[np.ndarray, float]]:
    """The model's picture, what the optimiser makes of it and of max, and the better of these: with their losses."""
    ir = torch.from_numpy(scene.ir / np.float32(255))[None, None]
    vis = torch.from_numpy(scene.vis / np.float32(255)).permute(2, 0, 1)[None]
    start = fuse(scene.ir, scene.vis)
    own = luma(torch.from_numpy(start / np.float32(255)).permute(2, 0, 1)[None])
    found = {name: (start, loss_of(own, ir, vis))}
    for title, y in ((f"from {name}", own), ("from max", torch.maximum(luma(vis), ir))):
        y, loss = best_luma(y, ir, vis, steps)
        picture = (recolour(y, vis)[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
        found[title] = (np.ascontiguousarray(picture), loss)
    best = min((f"from {name}", "from max"), key=lambda title: found[title][1])
    return {**found, OPTIMUM: found[best]}


def best_luma(start: torch.Tensor, ir: torch.Tensor, vis: torch.Tensor, steps: int) -> tuple[torch.Tensor, float]:
    """The luma (1, 1, H, W) in [0, 1] with the least loss that Adam meets on its way from ``start``, and that loss."""
    y = start.clone().requires_grad_(True)
    adam = torch.optim.Adam([y], lr=RATE)
    best, least = start, math.inf
    for step in range(steps + 1):
        loss = _loss(y, ir, vis)
        if loss.item() < least:
            best, least = y.detach().clone(), loss.item()
        if step == steps:
            break
        adam.param_groups[0]["lr"] = RATE * (1 - 0.95 * step / steps)
        adam.zero_grad()
        loss.backward()
        adam.step()
        with torch.no_grad():
            y.clamp_(0, 1)  # a picture holds no more
    return best, least


@torch.no_grad()
def loss_of(y: torch.Tensor, ir: torch.Tensor, vis: torch.Tensor) -> float:
    """The training loss of a luma (1, 1, H, W) in [0, 1]."""
    return float(_loss(y, ir, vis))


def _loss(y: torch.Tensor, ir: torch.Tensor, vis: torch.Tensor) -> torch.Tensor:
    grey = luma(vis).expand(-1, 3, -1, -1)
    return fusion_loss(y.expand(-1, 3, -1, -1), y, ir, grey, WEIGHTS)[0]


def read_optima(path: Path) -> dict[str, dict[str, float]]:
    """Scores by pair from a CSV with a column "stem" and one a metric; raises DataError when it is something else."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        found = {row.pop("stem"): {metric: float(cell) for metric, cell in row.items()} for row in rows}
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except (KeyError, ValueError, TypeError):
        raise DataError(
            f"{path} is no table of optima: a column 'stem' and one of numbers a metric are needed."
        ) from None
    missing = [metric for metric in SHARED if any(metric not in scores for scores in found.values())]
    if missing or not found:
        raise DataError(f"{path} has no rows with {', '.join(missing or SHARED)}: the share cannot be computed.")
    # what other tables call the visible half
    return {pair: {"VIF_vis" if m == "VIF_vi" else m: value for m, value in s.items()} for pair, s in found.items()}


def as_csv(scores: dict[str, dict[str, float]]) -> str:
    """What ``read_optima`` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("stem", *NAMES))
    writer.writerows((pair, *(f"{values[name]:.5f}" for name in NAMES)) for pair, values in scores.items())
    return text.getvalue()


def shares(model: dict[str, dict[str, float]], optimum: dict[str, dict[str, float]]) -> str:
    """The model's mean over the optimum's, for each metric of ``SHARED``."""
    parts = []
    for metric in SHARED:
        own, best = (mean(row[pair][metric] for pair in model) for row in (model, optimum))
        parts.append(f"{metric} {own / best:.1%}")
    return ", ".join(parts)


def table(rows: Rows) -> str:
    """Means over the pairs, a row a picture; – where a row does not know a metric."""
    cells = [
        [row, *(number(mean(scores.get(name, math.nan) for scores in by_pair.values())) for name in (*NAMES, LOSS))]
        for row, by_pair in rows.items()
    ]
    return markdown(("", *NAMES, LOSS), cells)


if __name__ == "__main__":
    run(main)
