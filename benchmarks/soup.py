"""The weighted mean of two weights of one network, of which one was trained on from the other: a model soup.

    python benchmarks/soup.py A.safetensors B.safetensors --share 0.65 -o SOUP.safetensors

(1 - share) · A + share · B, tensor by tensor (Wortsman et al. 2022; Wortsman et al. 2022, WiSE-FT, for a model and what
fine-tuning made of it). The card is that of B, and says what was mixed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer
from contestants import run

from diffuse_fuse.checkpoint import Weights, load_weights, save_weights, sha256
from diffuse_fuse.errors import WeightsError


def main(
    first: Annotated[Path, typer.Argument(help="Weights.")],
    second: Annotated[Path, typer.Argument(help="Weights of the same network.")],
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="The second one's.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Weights file to write.")],
) -> None:
    """Writes the mean of both."""
    save_weights(out, mixed(first, second, share))


def mixed(first: Path, second: Path, share: float) -> Weights:
    """Raises WeightsError where the two are not of one network."""
    one, two = load_weights(first), load_weights(second)
    shapes = [{name: tensor.shape for name, tensor in weights.tensors.items()} for weights in (one, two)]
    if (one.kind, one.config, shapes[0]) != (two.kind, two.config, shapes[1]):
        raise WeightsError(f"{first} and {second} are not of the same network: a mean of them is nothing.")
    tensors = {
        name: torch.lerp(one.tensors[name].float(), tensor.float(), share).to(tensor.dtype)
        for name, tensor in two.tensors.items()
    }
    card = {**two.card, "soup": f"{1 - share:g} of {sha256(first)}, {share:g} of {sha256(second)}"}
    return Weights(two.kind, two.config, card, tensors)


if __name__ == "__main__":
    run(main)
