"""Recipes: everything that decides about the weights of a model, in one TOML file.

A table of a recipe is a dataclass or the arguments of a class, key by key: ``[unet]`` is ``UNetConfig``, ``[augment]``
is ``Augment``, ``[losses]`` is ``LossWeights``, ``[training]`` is the loop's ``Settings``, ``[task]`` what the task
takes besides. So a new field there is a key here. A stage has all of that as it stands at the top of the recipe, but
for the keys that its own tables give, such as ``[stage.augment]`` below ``[[stage]]``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError, meant
from diffuse_fuse.fusion.losses import LossWeights
from diffuse_fuse.fusion.model import FeatureConfig
from diffuse_fuse.networks.head import HeadConfig
from diffuse_fuse.networks.student import StudentConfig
from diffuse_fuse.networks.unet import UNetConfig
from diffuse_fuse.training.augment import Augment
from diffuse_fuse.training.diffusion import DiffusionTask
from diffuse_fuse.training.fusion import FusionTask
from diffuse_fuse.training.loop import Settings
from diffuse_fuse.training.student import StudentTask
from diffuse_fuse.training.tables import arguments, build, overlaid, read_toml

MOST_STAGES = 3
CHECKPOINT_STEPS = 1000  # unless a recipe says
_NO_LOSSES = dict.fromkeys(asdict(LossWeights()), 0.0)  # a term that is not named has no weight
_OF_WEIGHTS = ("unet", "schedule", "student")  # tables that come with weights
_POSITIVE = ("batch", "reuse", "steps", "checkpoint_steps", "crop", "width")


@dataclass(frozen=True)
class Data:
    """Data sets by their folders below the data root."""

    train: tuple[str, ...]
    val: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (self.train and self.val):
            raise UsageError(f"{'val' if self.train else 'train'} names no data set.")
        if both := sorted(set(self.train) & set(self.val)):
            raise UsageError(f"{both[0]} is in train and in val: validate on pairs that are not trained on.")


@dataclass(frozen=True)
class Origin:
    """Weights: the result of another ``recipe``, by its name; or ``weights``, shipped ones by name or a file."""

    recipe: str | None = None
    weights: str | None = None

    def __post_init__(self) -> None:
        if (self.recipe is None) == (self.weights is None):
            raise UsageError("give either the key recipe or the key weights.")

    def __str__(self) -> str:
        return f"recipe {self.recipe}" if self.recipe else f"weights {self.weights}"


@dataclass(frozen=True)
class DiffusionOptions:
    """What the UNet writes (``prediction``), the Wiener filter beside it that the training begins with
    (``linear_path``, see ``training.diffusion``), and whether the filter is fitted once more, to what the network has
    learnt, at the end (``refit``)."""

    prediction: str = "v"
    linear_path: str = "keep"
    refit: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of model: its task, and the tables that it has, those of the ``model`` and those of a ``stage``."""

    task: Callable[..., Any]
    model: dict[str, Callable[..., Any]]
    stage: tuple[str, ...]


_UNET: dict[str, Callable[..., Any]] = {"unet": UNetConfig, "schedule": Schedule}
KINDS = {
    "diffusion": Kind(DiffusionTask, {**_UNET, "diffusion": DiffusionOptions}, ("augment",)),
    "fusion": Kind(
        FusionTask,
        {**_UNET, "features": FeatureConfig, "head": HeadConfig},
        ("augment", "relit_augment", "losses", "relit_losses"),
    ),
    "student": Kind(StudentTask, {"student": StudentConfig}, ("augment", "losses")),
}
_NOT_FOR_TABLES = {
    "training": ("out", "minutes", "steps", "resume", "overwrite", "quiet", "checkpoint_minutes"),
    "task": ("seed", "source", "start", "device"),
}


@dataclass(frozen=True)
class Stage:
    """A part of a run. settings: its folder is not known yet. task: arguments of the task, tables among them."""

    name: str
    steps: int
    settings: Settings
    task: dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A recipe that was read. model: the objects of its tables by name; sha256: of the file's bytes."""

    path: Path
    sha256: str
    kind: str
    seed: int
    data: Data
    start: Origin | None
    teacher: Origin | None
    model: dict[str, Any]
    stages: tuple[Stage, ...]

    @property
    def name(self) -> str:
        """That of the file; the run's folder and the weights are called by it."""
        return self.path.stem


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file. Raises UsageError, with the table and the key, for whatever is wrong with it."""
    tables, data = read_toml(path)
    top = {key: value for key, value in tables.items() if key in ("kind", "seed")}
    general = arguments(_general, top, str(path))
    kind = KINDS.get(general["kind"])
    if kind is None:
        raise UsageError(
            f'{path}: kind is "{general["kind"]}", and should be one of {", ".join(KINDS)}.'
            + meant(general["kind"], KINDS)
        )
    _require_known(path, tables, general["kind"], kind)

    def table(name: str, made: Callable[..., Any]) -> Any:
        return build(made, tables[name], f"{path}, [{name}]") if name in tables else None

    return Recipe(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        kind=general["kind"],
        seed=general.get("seed", 0),
        data=build(Data, tables.get("data", {}), f"{path}, [data]"),
        start=table("start", Origin),
        teacher=table("teacher", Origin),
        model={name: build(made, tables.get(name, {}), f"{path}, [{name}]") for name, made in kind.model.items()},
        stages=_stages(path, tables, kind),
    )


def _general(kind: str, seed: int = 0) -> None:
    """The keys above all tables."""


def _require_known(path: Path, tables: dict[str, Any], name: str, kind: Kind) -> None:
    """Raises UsageError for a table that this kind of recipe has not, and for one that it lacks."""
    known = ["kind", "seed", "data", "start", *kind.model, "training", "task", *kind.stage, "stage"]
    needed = ["data", "stage", *(["losses"] if "losses" in kind.stage else [])]
    if name == "student":
        known.append("teacher")
        needed.append("teacher")
    for key in tables:
        if key not in known:
            raise UsageError(f"{path}: there is no [{key}] for the kind {name}: it takes {', '.join(known)}."
                             + meant(key, known))  # fmt: skip
    if "start" in tables and (given := [key for key in _OF_WEIGHTS if key in tables]):
        raise UsageError(f"{path}: the weights of [start] have their own [{given[0]}]: leave one of both out.")
    for key in needed:
        if key not in tables:
            raise UsageError(f"{path}: a recipe of the kind {name} needs the table [{key}], and it is not there.")


def _stages(path: Path, tables: dict[str, Any], kind: Kind) -> tuple[Stage, ...]:
    given = tables["stage"]
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise UsageError(f"{path}: stages are tables below [[stage]], in two brackets.")
    if not 0 < len(given) <= MOST_STAGES:
        raise UsageError(f"{path}: there are {len(given)} stages, and a recipe has 1 to {MOST_STAGES}.")
    stages = tuple(_stage(path, tables, kind, table) for table in given)
    if len({stage.name for stage in stages}) < len(stages):
        raise UsageError(f"{path}, [[stage]]: two stages have one name.")
    return stages


def _stage(path: Path, tables: dict[str, Any], kind: Kind, given: dict[str, Any]) -> Stage:
    parts = ("training", "task", *kind.stage)
    here = f"{path}, [[stage]]"
    own = arguments(_named, {key: value for key, value in given.items() if key not in parts}, here)
    if not re.fullmatch(r"[a-z0-9_-]{1,40}", own["name"]):
        raise UsageError(f'{here}: name is "{own["name"]}", and should be of a-z, 0-9, _ and -, at most 40.')
    _require_positive(own, here)

    def part(name: str, below: dict[str, Any] | None = None) -> tuple[dict[str, Any], str]:
        """The stage's keys over those of the recipe, and where a reader finds the table."""
        top = overlaid(below or {}, tables.get(name, {}), f"{path}, [{name}]")
        where = f"{path}, [stage.{name}] of {own['name']}" if name in given else f"{path}, [{name}]"
        merged = overlaid(top, given.get(name, {}), where)
        _require_positive(merged, where)
        return merged, where

    training, where = part("training", {"checkpoint_steps": CHECKPOINT_STEPS})
    settings = build(Settings, training, where, _NOT_FOR_TABLES["training"], out=Path(), steps=own["steps"])
    table, where = part("task")
    task = arguments(kind.task, table, where, _NOT_FOR_TABLES["task"])
    if "augment" in kind.stage:
        task["augment"] = build(Augment, *part("augment"))
    if "relit_augment" in kind.stage:
        task["relit_augment"] = build(Augment, *part("relit_augment", part("augment")[0]))
    if "losses" in kind.stage:
        task["losses"] = build(LossWeights, *part("losses", _NO_LOSSES))
    if "relit_losses" in kind.stage:
        task["relit_losses"] = build(LossWeights, *part("relit_losses", part("losses", _NO_LOSSES)[0]))
    return Stage(own["name"], own["steps"], settings, task)


def _named(name: str, steps: int) -> None:
    """The keys of a stage above its tables."""


def _require_positive(table: dict[str, Any], where: str) -> None:
    for key in _POSITIVE:
        if table.get(key) == 0 and not isinstance(table[key], bool):
            raise UsageError(f"{where}: {key} is 0, and should be 1 or more.")
