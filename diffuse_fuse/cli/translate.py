"""``dfuse translate``: the picture that is missing of a pair, filled in by the joint model."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from diffuse_fuse.cli import generating
from diffuse_fuse.cli.generating import Spacing
from diffuse_fuse.cli.options import Device


class Kind(str, Enum):
    """Which picture of a pair."""

    ir = "ir"
    vis = "vis"


def translate(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The picture to translate.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="PNG", help="The picture to write.")],
    to: Annotated[Kind, typer.Option("--to", help="Kind of picture to generate from the other one.")] = Kind.ir,
    steps: generating.Steps = 25,
    repeats: Annotated[
        int,
        typer.Option(min=1, metavar="R", help="Repeats of each step (RePaint); more of them fit the picture better."),
    ] = 3,
    seed: generating.Seed = 0,
    spacing: generating.Space = Spacing.linear,
    model: generating.Model = "diffusion",
    layout: generating.Layout = "auto",
    device: generating.OnDevice = Device.auto,
    threads: generating.Threads = None,
    overwrite: generating.Overwrite = False,
    quiet: generating.Quiet = False,
) -> None:
    """Generate the infrared picture that could belong to a visible one, or the reverse (--to vis).

    The result is a guess, not a measurement: there may be heat where it shows none. The file's name and text say so.
    """
    import numpy as np

    from diffuse_fuse.cli.progress import progress_bar
    from diffuse_fuse.diffusion import generated, pictures
    from diffuse_fuse.diffusion.scenes import Way
    from diffuse_fuse.files import require_free
    from diffuse_fuse.images import read_infrared, read_visible

    path = generated.labelled_path(out)
    require_free(path, (picture,), overwrite)
    given = read_visible(picture) if to is Kind.ir else read_infrared(picture)
    pictures.require_minimum_size(given, picture)
    missing = np.zeros(given.shape[:2], np.uint8)
    pair_model = generating.load_pair_model(model, device, threads)
    x_0 = pair_model.encode(missing, given) if to is Kind.ir else pair_model.encode(given, missing)
    scenes = generating.load_scenes(layout, pair_model, given.shape[1], given.shape[0])
    evaluations = scenes.evaluations((steps - 1) * repeats + 1)
    with progress_bar("translating", evaluations, "step", hidden=quiet) as advance:
        filled = scenes.fill(
            x_0,
            pictures.COLOUR if to is Kind.ir else pictures.INFRARED,
            Way(steps, spacing.value, eta=1.0, clip=True, advance=advance),
            pictures.seeded(seed),
            repeats,
        )
    ir, vis = pictures.to_pair(filled)
    how = f"dfuse translate, {scenes.names}, RePaint, S={steps} {spacing.value}, R={repeats}, seed={seed}"
    generated.write_generated(path, ir if to is Kind.ir else vis, how)
    generating.say_wrote("the infrared picture" if to is Kind.ir else "the visible picture", path, quiet)
