"""What the commands that make up pictures have in common: options, loading, messages."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffuse_fuse.cli.options import Device
from diffuse_fuse.cli.report import say

if TYPE_CHECKING:
    from diffuse_fuse.diffusion.pictures import PairModel
    from diffuse_fuse.diffusion.scenes import Scenes


class Spacing(str, Enum):
    """How the time steps are spread."""

    linear = "linear"
    quadratic = "quadratic"


Steps = Annotated[int, typer.Option("--steps", min=1, metavar="S", help="Number of sampling steps.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the noise: the same seed gives the same bytes.")]
Space = Annotated[Spacing, typer.Option("--spacing", help="Spacing of the time steps.")]
Model = Annotated[str, typer.Option("--model", metavar="NAME|FILE", help="Diffusion weights.")]
Layout = Annotated[
    str,
    typer.Option(
        "--layout",
        metavar="auto|none|NAME|FILE",
        help="Weights that draw the whole scene at low resolution, for --model to enlarge; none: --model alone.",
    ),
]
FusionModel = Annotated[str, typer.Option("--fusion-model", metavar="NAME|FILE", help="Weights that fuse the pairs.")]
OnDevice = Annotated[Device, typer.Option("--device", help="Where the network runs.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, metavar="N", help="CPU threads to use.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]


def load_pair_model(model: str, device: Device, threads: int | None) -> PairModel:
    """The diffusion model where it was asked for; raises WeightsError or UsageError."""
    import torch

    from diffuse_fuse.diffusion.pictures import PairModel

    if threads is not None:
        torch.set_num_threads(threads)
    return PairModel(model, device.value)


def load_scenes(layout: str, model: PairModel, width: int, height: int) -> Scenes:
    """What makes scenes of this size: ``model`` alone, or after a model of layouts.

    ``layout``: "auto" takes the shipped one where scenes are at least as large as its layouts, "none" none. Raises
    WeightsError for weights that cannot be used, UsageError for scenes that are too small for those asked for.
    """
    from diffuse_fuse.diffusion.pictures import PairModel
    from diffuse_fuse.diffusion.scenes import Alone, Cascade, layout_size

    least = layout_size(width, height)
    if layout == "none" or (layout == "auto" and (width < least[0] or height < least[1])):
        return Alone(model, width, height)
    return Cascade(PairModel("layout" if layout == "auto" else layout, model.device), model, width, height)


def say_wrote(what: str, path: Path, quiet: bool) -> None:
    """On stderr: where the result is, and that no camera saw it."""
    if not quiet:
        say(f"Wrote {what} {path} (generated, not measured).")
