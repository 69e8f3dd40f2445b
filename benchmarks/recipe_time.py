"""Processor time of a step of a recipe's first stage on one thread, and the hours that its steps make.

    python benchmarks/recipe_time.py recipes/tiny.toml --data-root DATA [--steps 64] [--start diffusion]

Processor time, since a machine that does other work beside makes steps longer and not dearer. --start and --teacher
stand for results of other recipes that are not there yet: shipped weights by name, or a file.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from diffuse_fuse.training.optimizer import make_optimizer
from diffuse_fuse.training.recipe import Origin, Recipe, read_recipe
from diffuse_fuse.training.stages import Material, locate, make_task, pairs_of


def main(
    file: Annotated[Path, typer.Argument(help="A recipe.")],
    data_root: Annotated[Path, typer.Option(help="The folder of its data sets.")] = Path("data"),
    steps: Annotated[int, typer.Option(min=1, help="Steps to measure.")] = 32,
    start: Annotated[str | None, typer.Option(help="Weights instead of those of [start].")] = None,
    teacher: Annotated[str | None, typer.Option(help="Weights instead of those of [teacher].")] = None,
    runs: Annotated[Path, typer.Option(help="The folder of runs, with results of other recipes.")] = Path("runs"),
) -> None:
    """Prints seconds a step, and hours for each stage."""
    torch.set_num_threads(1)
    recipe = read_recipe(file)
    recipe = replace(
        recipe,
        start=Origin(weights=start) if start else recipe.start,
        teacher=Origin(weights=teacher) if teacher else recipe.teacher,
    )
    seconds = time_of_a_step(recipe, data_root, runs, steps)
    print(f"{recipe.name}: {seconds:.2f} s of processor time a step")
    for stage in recipe.stages:
        print(f"  {stage.name}: {stage.steps} steps, {seconds * stage.steps / 3600:.1f} h")


def time_of_a_step(recipe: Recipe, data_root: Path, runs: Path, steps: int) -> float:
    """Seconds of processor time, after two steps that are not counted."""
    material = Material(
        pairs_of(recipe, "train", data_root),
        pairs_of(recipe, "val", data_root),
        locate(recipe.start, recipe, "start", runs) if recipe.start else None,
        locate(recipe.teacher, recipe, "teacher", runs) if recipe.teacher else None,
    )
    task, settings = make_task(recipe, 0, material, None, "cpu"), recipe.stages[0].settings
    learn = [p for p in task.model.parameters() if p.requires_grad]
    optimizer = make_optimizer(settings.optimizer, learn, settings.lr)
    reuse = recipe.stages[0].task.get("reuse", 1)  # a student's first batch has been seen by then
    began = 0.0
    for number in (0, 0, *range(reuse, reuse + steps)):
        if number == reuse:
            began = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision != "fp32"):
            loss = task.loss(task.model, number)
        loss.backward()
        optimizer.step(settings.lr / 100)
        optimizer.zero_grad()
    return (time.process_time() - began) / steps


if __name__ == "__main__":
    typer.run(main)
