"""What do weights of half precision change in the pictures? Levels of 255 between them and float32's.

    python benchmarks/student_precision.py DATA/roadscene/val --model fast [--dtype float16] [--limit 4]

Printed over all pixels and channels of the pairs: the mean difference, the share of values that differ by more than
one level, and the largest difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from diffuse_fuse import models
from diffuse_fuse.fusion.model import AnyModel, load_model
from diffuse_fuse.fusion.tiles import fuse_in_bands
from diffuse_fuse.training.pairs import PairSet


def main(
    data: Annotated[Path, typer.Argument(help="A folder with an ir/ and a vis/ subfolder.")],
    model: Annotated[str, typer.Option(help="Weights of a student, or of a fusion model.")] = "fast",
    dtype: Annotated[str, typer.Option(help="bfloat16 or float16.")] = "bfloat16",
    limit: Annotated[int | None, typer.Option(min=1, help="So many pairs, spread over all.")] = None,
) -> None:
    """Prints one line."""
    full, coarse = (load_model(models.locate(model)) for _ in range(2))
    full = full.to(memory_format=torch.channels_last)
    coarse = coarse.to(getattr(torch, dtype), memory_format=torch.channels_last)
    pairs = PairSet.from_folders([data])
    chosen = range(0, len(pairs), -(-len(pairs) // (limit or len(pairs))))
    apart = np.concatenate([differences(full, coarse, pairs[number]) for number in chosen])
    mean, more, most = apart.mean(), (apart > 1).mean(), apart.max()
    print(f"{len(chosen)} pairs: {mean:.3f} levels on average, {100 * more:.3f} % by more than one, at most {most}")


def differences(full: AnyModel, coarse: AnyModel, pair: np.ndarray) -> np.ndarray:
    """How far the two fused pictures of a pair (H, W, 4) are apart, in levels, one after the other."""
    ir, vis = pair[..., 3].copy(), pair[..., :3].copy()
    first, second = (fuse_in_bands(network, ir, vis).astype(int) for network in (full, coarse))
    return np.abs(first - second).ravel()


if __name__ == "__main__":
    typer.run(main)
