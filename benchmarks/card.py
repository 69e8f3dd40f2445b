"""Release weights: copy a run's weights and write into their card what was measured with them.

    dfuse eval DATASET --model runs/fusion/best.safetensors -o runs/eval/NAME        # for each set
    python benchmarks/card.py runs/fusion/best.safetensors -o weights/base.safetensors \\
        --scores NAME=runs/eval/NAME/summary.json [--data roadscene/train …] [--noise-limit 1.0]

The tensors are copied bit for bit. The scores are the means of the first method of each summary.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import torch
import typer

from diffuse_fuse.checkpoint import Weights, load_weights, save_weights


def main(
    source: Annotated[Path, typer.Argument(help="Weights of a training run.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Weights file to write.")],
    scores: Annotated[list[str] | None, typer.Option(help="SET=summary.json of dfuse eval.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="Names of the training sets.")] = None,
    noise_limit: Annotated[
        float | None, typer.Option(min=0.0, help="Noise of a fused picture over that of the noisier source, at most.")
    ] = None,
) -> None:
    """Writes the weights with their completed card and prints the card."""
    weights = load_weights(source)
    card = dict(weights.card)
    if data:
        card["data"] = data
    if scores:
        card["scores"] = {name: _means(Path(file)) for name, file in (item.split("=", 1) for item in scores)}
    config = weights.config if noise_limit is None else {**weights.config, "noise_limit": noise_limit}
    save_weights(out, Weights(weights.kind, config, card, weights.tensors))
    again = load_weights(out)
    if not all(torch.equal(again.tensors[name], value) for name, value in weights.tensors.items()):
        raise SystemExit(f"{out} does not hold the same tensors as {source}.")
    print(json.dumps(card, indent=2))


def _means(file: Path) -> dict[str, float]:
    summary = json.loads(file.read_text())
    metrics = summary["methods"][0]["metrics"]
    means = {name: round(m["mean"], 4) for name, m in metrics.items() if m["mean"] is not None}
    return {"pairs": summary["methods"][0]["pairs"], **means}


if __name__ == "__main__":
    typer.run(main)
