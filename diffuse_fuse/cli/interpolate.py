"""``dfuse interpolate``: from one pair to another through the noise that stands for each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diffuse_fuse.cli import generating
from diffuse_fuse.cli.generating import Spacing
from diffuse_fuse.cli.options import Device
from diffuse_fuse.cli.report import say


def interpolate(
    ir1: Annotated[Path, typer.Argument(metavar="IR1", help="Infrared picture of the first pair.")],
    vis1: Annotated[Path, typer.Argument(metavar="VIS1", help="Visible picture of the first pair.")],
    ir2: Annotated[Path, typer.Argument(metavar="IR2", help="Infrared picture of the second pair.")],
    vis2: Annotated[Path, typer.Argument(metavar="VIS2", help="Visible picture of the second pair.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="PNG", help="The strip to write.")],
    count: Annotated[int, typer.Option("-n", "--count", min=2, metavar="N", help="Number of pairs in the strip.")] = 9,
    steps: generating.Steps = 50,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="Width and height of each picture; dfuse crops and resizes the pairs.")
    ] = "256x192",
    spacing: generating.Space = Spacing.linear,
    model: generating.Model = "diffusion",
    layout: generating.Layout = "none",
    fusion_model: generating.FusionModel = "default",
    device: generating.OnDevice = Device.auto,
    threads: generating.Threads = None,
    overwrite: generating.Overwrite = False,
    quiet: generating.Quiet = False,
) -> None:
    """Encode two pairs by DDIM, interpolate between their noises (slerp), and decode: a strip of N pairs.

    The rows are visible, infrared and fused. The first and the last column show how well encoding keeps the two pairs.
    """
    import numpy as np

    from diffuse_fuse.cli.progress import progress_bar
    from diffuse_fuse.diffusion import generated
    from diffuse_fuse.diffusion.pictures import parse_size, resize_to_cover, seeded, to_pair
    from diffuse_fuse.diffusion.scenes import Way
    from diffuse_fuse.files import require_free
    from diffuse_fuse.fusion.fuser import Fuser
    from diffuse_fuse.images import load_pair
    from diffuse_fuse.training.grid import grid

    width, height = parse_size(size)
    path = generated.labelled_path(out)
    require_free(path, (ir1, vis1, ir2, vis2), overwrite)
    pairs = [load_pair(ir1, vis1), load_pair(ir2, vis2)]
    for text in (text for pair in pairs for text in pair.warnings if not quiet):
        say(f"Warning: {text}")
    pair_model = generating.load_pair_model(model, device, threads)
    scenes = generating.load_scenes(layout, pair_model, width, height)
    fuser = Fuser(fusion_model, device=pair_model.device)
    columns = []
    with progress_bar("interpolating", (2 + count) * scenes.evaluations(steps), "step", hidden=quiet) as advance:
        way = Way(steps, spacing.value, advance=advance)
        sources = [[resize_to_cover(picture, width, height) for picture in (pair.ir, pair.vis)] for pair in pairs]
        x_0 = [pair_model.with_first_noise(pair_model.encode(*s), seeded(0, i)) for i, s in enumerate(sources)]
        first, last = (scenes.encode(x, way) for x in x_0)
        for part in np.linspace(0, 1, count):
            ir, vis = to_pair(scenes.decode(first, last, float(part), way))
            columns.append([vis / 255, np.dstack([ir] * 3) / 255, fuser.fuse(ir, vis) / 255])
    how = f"dfuse interpolate, {scenes.names}, DDIM, S={steps} {spacing.value}"
    generated.write_generated(path, grid([list(row) for row in zip(*columns, strict=True)]), how)
    generating.say_wrote("the strip", path, quiet)
