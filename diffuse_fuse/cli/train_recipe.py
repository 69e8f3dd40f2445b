"""``dfuse train recipe``: weights from a file that says everything about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diffuse_fuse.cli.train import Device, Overwrite, Quiet, Resume, Threads, app, chosen_device
from diffuse_fuse.cli.train_pairs import require_here


@app.command()
def recipe(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recipe, such as recipes/tiny.toml.")],
    data_root: Annotated[
        Path, typer.Option("--data-root", metavar="DIR", help="Folder of the data sets that the recipe names.")
    ] = Path("data"),
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of runs; this run and its weights go into a subfolder named like the recipe.",
        ),
    ] = Path("runs"),
    resume: Resume = False,
    overwrite: Overwrite = False,
    scale: Annotated[
        float,
        typer.Option("--scale", min=0.0, max=1.0, help="For a trial: run only this share of the steps, such as 0.01."),
    ] = 1.0,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Train weights from a recipe: run its stages one after another, and write the weights' card and log."""
    from diffuse_fuse.training import ranks
    from diffuse_fuse.training.recipe import read_recipe
    from diffuse_fuse.training.recipe_run import Place, run_recipe

    require_here("--data-root", data_root, "copy the data sets that the recipe names first")
    require_here("--out", out, "copy the weights there when they are made")
    read = read_recipe(file)
    place = Place(data_root, out, chosen_device(device, threads))
    try:
        made = run_recipe(read, place, resume=resume, overwrite=overwrite, scale=scale, quiet=quiet)
        first = ranks.is_first()
    finally:
        ranks.leave()
    if first:
        typer.echo(made)
