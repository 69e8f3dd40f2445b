"""A recipe from its first step to its weights, their card and their log; stopped anywhere, it goes on.

The folder of a run, OUT/NAME, holds one folder a stage (see ``loop.train``), run.json, which says what the run was
begun with and how far it is, and at the end NAME.safetensors, NAME.md (the card) and NAME.jsonl (the log). A stage
gives its last weights, averaged over steps, to the next one, never those of a checkpoint on the way: they would depend
on when checkpoints were made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diffuse_fuse.checkpoint import Weights, load_weights, save_weights
from diffuse_fuse.errors import TrainingError, UsageError
from diffuse_fuse.files import read_ordinary, write_atomically
from diffuse_fuse.training import card, folder, ranks
from diffuse_fuse.training.loop import train
from diffuse_fuse.training.recipe import Recipe
from diffuse_fuse.training.stages import Material, locate, make_task, pairs_of, refitted

JOURNAL = "run.json"
_SETTLED = ("recipe", "scale", "data", "start", "teacher")  # what must not change between a run and its resumption
_CARD = "the card"  # the last thing that is done; no stage has this name


@dataclass(frozen=True)
class Place:
    """Where a run finds its data sets (``data``) and puts its folder (``runs``), and where it is computed."""

    data: Path
    runs: Path
    device: str = "cpu"


def run_recipe(
    recipe: Recipe,
    place: Place,
    *,
    resume: bool = False,
    overwrite: bool = False,
    scale: float = 1.0,
    quiet: bool = False,
) -> Path:
    """Trains what the recipe says; returns the path of the weights.

    resume: go on with a run that was stopped. overwrite: begin anew in its folder. scale: that part of the steps only,
    for a trial. Raises UsageError for what the recipe names and is not there, TrainingError for a run that cannot
    begin, or go on, in its folder.
    """
    if resume and overwrite:
        raise UsageError("--resume goes on with a run and --overwrite replaces it: give one of them.")
    recipe = shortened(recipe, scale)
    material = Material(
        pairs_of(recipe, "train", place.data),
        pairs_of(recipe, "val", place.data),
        locate(recipe.start, recipe, "start", place.runs) if recipe.start else None,
        locate(recipe.teacher, recipe, "teacher", place.runs) if recipe.teacher else None,
    )
    run = _Run(recipe, material, place, scale)
    ranks.by_first(lambda: run.open(resume, overwrite))
    if _CARD not in run.done:
        for number in range(len(recipe.stages)):
            run.stage(number, quiet)
        ranks.by_first(run.finish)
    return run.result


def shortened(recipe: Recipe, scale: float) -> Recipe:
    """The recipe with ``scale`` times as many steps in each stage and of its warm-up, and a checkpoint each tenth."""
    if scale == 1:
        return recipe

    def less(count: int) -> int:
        return max(1, round(count * scale))

    stages = []
    for stage in recipe.stages:
        steps, warmup = less(stage.steps), less(stage.settings.warmup)
        settings = replace(stage.settings, steps=steps, warmup=warmup, checkpoint_steps=max(1, steps // 10))
        stages.append(replace(stage, steps=steps, settings=settings))
    return replace(recipe, stages=tuple(stages))


class _Run:
    """A run's folder, and how far it is."""

    def __init__(self, recipe: Recipe, material: Material, place: Place, scale: float) -> None:
        self.recipe, self.material, self.place = recipe, material, place
        self.folder = place.runs / recipe.name
        self.result = self.folder / f"{recipe.name}.safetensors"
        sets = {
            **card.fingerprints(material.train, recipe.data.train),
            **card.fingerprints(material.val, recipe.data.val),
        }
        origins = {"start": material.start, "teacher": material.teacher}
        self.journal: dict[str, Any] = {
            "recipe": recipe.sha256,
            "scale": scale,
            "data": sets,
            **{name: str(found) if found else None for name, found in origins.items()},
            "code": [card.code()],
            "begun": [],
            "done": [],
        }

    @property
    def done(self) -> list[str]:
        """The stages that are done, and the card."""
        return ranks.of_first(self.journal["done"])

    def open(self, resume: bool, overwrite: bool) -> None:
        """Begins the run, or takes over the journal of the one to go on with. Raises TrainingError."""
        there = self.folder / JOURNAL
        if overwrite or not there.exists():
            if not overwrite and _holds_files(self.folder):
                raise TrainingError(
                    f"{self.folder} holds files, and no run of a recipe: give another --out, or add --overwrite."
                )
            self._write()  # from here on nothing of an earlier run counts
            for suffix in (".safetensors", ".md", ".jsonl"):
                self.result.with_suffix(suffix).unlink(missing_ok=True)
            return
        if not resume:
            raise TrainingError(
                f"{self.folder} holds a run already: add --resume to go on with it, or --overwrite to begin anew."
            )
        found = _read(there)
        if changed := [key for key in _SETTLED if found[key] != self.journal[key]]:
            what = {"recipe": "another recipe", "scale": "another --scale", "data": "other pairs"}.get(
                changed[0], f"other weights as its {changed[0]}"
            )
            raise TrainingError(f"{self.folder} was begun with {what}: begin anew with --overwrite, or elsewhere.")
        code = found["code"] if self.journal["code"][0] in found["code"] else [*found["code"], *self.journal["code"]]
        done = [name for name in found["done"] if name != _CARD or self.result.is_file()]
        self.journal = {**found, "code": code, "done": done}
        self._write()

    def stage(self, number: int, quiet: bool) -> None:
        """Trains a stage, from where it is."""
        stage = self.recipe.stages[number]
        if stage.name in self.done:
            return
        ranks.by_first(lambda: self._begin(number))
        before = self._folder(number - 1) / "weights.safetensors" if number else None
        task = make_task(self.recipe, number, self.material, before, self.place.device)
        train(task, replace(stage.settings, out=self._folder(number), resume=True, quiet=quiet))
        ranks.by_first(lambda: self._mark("done", stage.name))

    def finish(self) -> None:
        """Writes the weights, their card and their log."""
        last = self._folder(len(self.recipe.stages) - 1)
        weights = refitted(self.recipe, load_weights(last / "weights.safetensors"), self.material.train)
        log = self._log()
        trained = {key: value for key, value in weights.card.items() if key != "minutes"}  # the same whatever it took
        facts = {
            **trained,
            "recipe": {"name": self.recipe.name, "sha256": self.recipe.sha256, "scale": self.journal["scale"]},
            "stages": {self._folder(n).name: stage.steps for n, stage in enumerate(self.recipe.stages)},
            "fingerprints": self.journal["data"],
            "code": self.journal["code"],
            "log": card.summarised(log),
        }
        weights = Weights(weights.kind, weights.config, facts, weights.tensors)
        scored = self.folder / ".unscored.safetensors"
        save_weights(scored, weights)
        try:
            facts["scores"] = card.scores(self.recipe, scored, self.place.data, self.place.device)
        finally:
            scored.unlink(missing_ok=True)
        write_atomically(self.result.with_suffix(".jsonl"), "".join(f"{json.dumps(x)}\n" for x in log).encode())
        save_weights(self.result, weights)
        text = card.written(self.recipe, self.result, facts, log, self.place.device)
        write_atomically(self.result.with_suffix(".md"), text.encode())
        self._mark("done", _CARD)

    def _begin(self, number: int) -> None:
        """A stage that was never begun, or killed before it had a state, begins in an empty folder."""
        name, place = self.recipe.stages[number].name, self._folder(number)
        if name not in self.journal["begun"] or not (place / "state.pt").exists():
            folder.clear(place)
        if name not in self.journal["begun"]:
            self._mark("begun", name)

    def _folder(self, number: int) -> Path:
        return self.folder / f"{number + 1}-{self.recipe.stages[number].name}"

    def _mark(self, key: str, name: str) -> None:
        self.journal[key] = [*self.journal[key], name]
        self._write()

    def _write(self) -> None:
        write_atomically(self.folder / JOURNAL, json.dumps(self.journal, indent=2).encode())

    def _log(self) -> list[dict[str, Any]]:
        """The lines of all stages' logs, each with its stage; without the checkpoints that Ctrl-C made, so that the
        weights say the same of a run that was stopped."""
        lines = []
        for number, stage in enumerate(self.recipe.stages):
            every = stage.settings.checkpoint_steps or 1
            text = (self._folder(number) / folder.LOG).read_text(encoding="utf-8")
            for line in map(json.loads, text.splitlines()):
                if "val_loss" not in line or line["step"] % every == 0 or line["step"] == stage.steps:
                    lines.append({"stage": self._folder(number).name, **line})
        return lines


def _holds_files(folder: Path) -> bool:
    """More than what a run leaves that was killed while it wrote its journal."""
    return folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir())


def _read(path: Path) -> dict[str, Any]:
    """A journal. Raises TrainingError for what is none."""
    try:
        found = json.loads(read_ordinary(path))
        if isinstance(found, Mapping) and all(isinstance(found[key], list) for key in ("code", "begun", "done")):
            _ = [found[key] for key in _SETTLED]
            return dict(found)
    except (OSError, ValueError, KeyError, RecursionError):
        pass
    raise TrainingError(f"{path} is no journal of a recipe's run, or is damaged: begin anew with --overwrite.")
