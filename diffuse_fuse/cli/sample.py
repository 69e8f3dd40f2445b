"""``dfuse sample``: pairs that never were, drawn from the diffusion model, and their fusion."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffuse_fuse.cli import generating
from diffuse_fuse.cli.generating import Spacing
from diffuse_fuse.cli.options import Device

if TYPE_CHECKING:
    import numpy as np
    import torch

PARTS = ("vis", "ir", "fused")
COLUMNS = 8  # of the contact sheet
STRIP = 8  # pictures along a trajectory


def sample(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for the pictures; created if missing.")
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, metavar="N", help="Number of pairs.")] = 16,
    steps: generating.Steps = 50,
    eta: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="0: DDIM, only the first noise is random; 1: as DDPM.")
    ] = 0.0,
    seed: generating.Seed = 0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height of the pictures.")] = "256x192",
    spacing: generating.Space = Spacing.linear,
    trajectory: Annotated[
        bool, typer.Option("--trajectory", help="Also write a strip of the predictions during sampling.")
    ] = False,
    model: generating.Model = "diffusion",
    layout: generating.Layout = "auto",
    fusion_model: generating.FusionModel = "default",
    device: generating.OnDevice = Device.auto,
    threads: generating.Threads = None,
    overwrite: generating.Overwrite = False,
    quiet: generating.Quiet = False,
) -> None:
    """Draw registered infrared-visible pairs from the diffusion models (DDIM), and fuse them.

    One model (--layout) draws each scene at low resolution, another (--model) enlarges it. For each pair, the command
    writes generated-000-vis.png, -ir.png and -fused.png into DIR, and for all of them a contact sheet.
    """
    import torch

    from diffuse_fuse.cli.progress import progress_bar
    from diffuse_fuse.diffusion import generated
    from diffuse_fuse.diffusion.pictures import parse_size, seeded, to_pair
    from diffuse_fuse.diffusion.scenes import Way
    from diffuse_fuse.files import require_free
    from diffuse_fuse.fusion.fuser import Fuser
    from diffuse_fuse.training.grid import grid

    width, height = parse_size(size)
    parts = (*PARTS, "trajectory") if trajectory else PARTS
    files = [[out / f"generated-{i:03}-{part}.png" for part in parts] for i in range(count)]
    sheet = out / "generated-contact-sheet.png"
    for path in (*(path for row in files for path in row), sheet):
        require_free(path, overwrite=overwrite)
    pair_model = generating.load_pair_model(model, device, threads)
    scenes = generating.load_scenes(layout, pair_model, width, height)
    fuser = Fuser(fusion_model, device=pair_model.device)
    settings = f"{scenes.names}, DDIM, S={steps} {spacing.value}, eta={eta:g}, seed={seed}"
    columns = []
    with progress_bar("sampling", count * scenes.evaluations(steps), "step", hidden=quiet) as advance:
        way = Way(steps, spacing.value, eta, True, advance)
        for i, paths in enumerate(files):
            seen: list[torch.Tensor] = []
            x_0 = scenes.sample(way, seeded(seed, i), partial(_keep, seen) if trajectory else None)
            ir, vis = to_pair(x_0)
            pictures = [vis, ir, fuser.fuse(ir, vis)]
            columns.append([_three_channels(picture) / 255 for picture in pictures])
            if trajectory:
                chosen = torch.linspace(0, len(seen) - 1, min(STRIP, len(seen))).round().int().tolist()
                pairs = [to_pair(seen[k]) for k in chosen]
                pictures.append(grid([[v / 255 for _, v in pairs], [_three_channels(r) / 255 for r, _ in pairs]]))
            how = f"dfuse sample, {settings}, picture {i}"
            for path, picture in zip(paths, pictures, strict=True):
                generated.write_generated(path, picture, how)
    rows = [
        [column[part] for column in columns[first : first + COLUMNS]]
        for first in range(0, count, COLUMNS)
        for part in range(len(PARTS))
    ]
    generated.write_generated(sheet, grid(rows), f"dfuse sample, {settings}")
    generating.say_wrote(f"{count} pair{'s' * (count != 1)} with fusion, and", sheet, quiet)


def _keep(seen: list[torch.Tensor], _: int, predicted: torch.Tensor) -> None:
    seen.append(predicted)


def _three_channels(picture: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.dstack([picture] * 3) if picture.ndim == 2 else picture
