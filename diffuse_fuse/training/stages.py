"""The stages of a recipe: the network that each begins with, and its task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from diffuse_fuse import models
from diffuse_fuse.checkpoint import Weights, load_weights
from diffuse_fuse.diffusion.model import diffusion_of, pack_diffusion
from diffuse_fuse.errors import DataError, DfuseError, UsageError
from diffuse_fuse.fusion.model import FusionModel, model_of
from diffuse_fuse.networks.student import StudentModel
from diffuse_fuse.training import diffusion, fusion, student
from diffuse_fuse.training.loop import Task
from diffuse_fuse.training.pairs import PairSet
from diffuse_fuse.training.recipe import Origin, Recipe, Stage


@dataclass(frozen=True)
class Found:
    """Weights that a recipe takes: where they lie, what they are called and their hash."""

    path: Path
    name: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.sha256}"


def locate(origin: Origin, recipe: Recipe, table: str, runs: Path) -> Found:
    """The weights of a recipe's [start] or [teacher], the ``table``; results of other recipes lie in ``runs``.

    Raises UsageError where they are not there, or of another kind.
    """
    where = f"{recipe.path}, [{table}]"
    kinds = models.FUSES if table == "teacher" else {"fusion": ("fusion", "diffusion")}.get(recipe.kind, recipe.kind)
    path = runs / f"{origin.recipe}" / f"{origin.recipe}.safetensors"
    if origin.recipe is not None and not path.is_file():
        raise UsageError(
            f'{where}: recipe is "{origin.recipe}", and its result {path} is not there: run that recipe first, with '
            "the same --out."
        )
    try:
        path = path if origin.weights is None else models.locate(origin.weights)
        return Found(path, str(origin), load_weights(path, kinds).sha256)
    except DfuseError as error:
        raise UsageError(f"{where}: {error}") from None


def pairs_of(recipe: Recipe, key: str, root: Path) -> PairSet:
    """The pairs of the data sets ``key``, "train" or "val", below ``root``. Raises UsageError where one is missing."""
    names, where = getattr(recipe.data, key), f"{recipe.path}, [data]"
    for name in names:
        if not (root / name).exists():
            raise UsageError(f"{where}: {key} names {name}, and there is no {root / name}: give the folder of the "
                             "data sets with --data-root.")  # fmt: skip
    try:
        return PairSet.from_folders([root / name for name in names])
    except DataError as error:
        raise UsageError(f"{where}, {key}: {error}") from None


@dataclass(frozen=True)
class Material:
    """What the stages of a recipe are made from: pairs, and the weights of [start] and [teacher] where it has them."""

    train: PairSet
    val: PairSet
    start: Found | None
    teacher: Found | None


def make_task(recipe: Recipe, number: int, material: Material, before: Path | None, device: str) -> Task:
    """The task of stage ``number``, counted from 0. before: the weights of the stage before it, which it begins with.

    Raises UsageError for tables that no network can be built from.
    """
    stage, seed = recipe.stages[number], recipe.seed + number  # the same crops again would teach less
    init, source = (before, f"stage {recipe.stages[number - 1].name}") if before else (
        (material.start.path, str(material.start)) if material.start else (None, "random")
    )  # fmt: skip
    make = {"diffusion": _diffusion_task, "fusion": _fusion_task, "student": _student_task}[recipe.kind]
    try:
        return make(recipe, stage, material, init, seed, source=source, device=device)
    except (ArithmeticError, AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
        text = str(error).partition("\n")[0]
        raise UsageError(f"{recipe.path}: stage {stage.name} cannot be built of its tables ({text}).") from error


def _diffusion_task(
    recipe: Recipe, stage: Stage, material: Material, init: Path | None, seed: int, **more: Any
) -> Task:
    options = recipe.model["diffusion"]
    model, _ = diffusion.start_model(
        recipe.model["unet"], recipe.model["schedule"], options.prediction, str(init) if init else None, seed
    )
    size = stage.task["augment"].crop
    model = diffusion.choose_linear_path(model, options.linear_path, material.train, size, trained=init is not None)
    return diffusion.DiffusionTask(model, material.train, material.val, seed=seed, **stage.task, **more)


def _fusion_task(recipe: Recipe, stage: Stage, material: Material, init: Path | None, seed: int, **more: Any) -> Task:
    features, head = recipe.model["features"], recipe.model["head"]
    kind = load_weights(init).kind if init else ""
    if kind == "":
        torch.manual_seed(seed)
        model = FusionModel(recipe.model["unet"], recipe.model["schedule"], features, head)
    else:
        of_diffusion, of_fusion = (init, None) if kind == "diffusion" else (None, str(init))
        model, _ = fusion.start_model(of_diffusion, of_fusion, features.steps, features.noise, seed, head)
    return fusion.FusionTask(model, material.train, material.val, seed=seed, **stage.task, **more)


def _student_task(recipe: Recipe, stage: Stage, material: Material, init: Path | None, seed: int, **more: Any) -> Task:
    assert material.teacher is not None  # recipes of this kind have one
    if init is None:
        torch.manual_seed(seed)
        model = StudentModel(recipe.model["student"])
    else:
        model = StudentModel.from_weights(load_weights(init, "student"), str(init))
    source, start = str(material.teacher), more.pop("source")
    weights = load_weights(material.teacher.path, models.FUSES)
    teacher = model_of(weights, material.teacher.path)
    return student.StudentTask(
        model, teacher, material.train, material.val, seed=seed, source=source, start=start, **stage.task, **more
    )


def refitted(recipe: Recipe, weights: Weights, train: PairSet) -> Weights:
    """The diffusion ``weights`` with the linear path fitted to them once more, where the recipe asks for it."""
    if recipe.kind != "diffusion" or not recipe.model["diffusion"].refit:
        return weights
    found = diffusion_of(weights, recipe.name)
    size = recipe.stages[-1].task["augment"].crop
    model = diffusion.choose_linear_path(found, "fit", train, size, trained=True)
    return pack_diffusion(model, dict(model.state_dict()), weights.card)
