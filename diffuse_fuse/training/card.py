"""What a run of a recipe says about its weights: data, code, log, scores; for the file's header and as a page."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import diffuse_fuse
from diffuse_fuse.checkpoint import sha256
from diffuse_fuse.diffusion.model import load_diffusion
from diffuse_fuse.diffusion.objective import simple_loss
from diffuse_fuse.evaluation import statistics
from diffuse_fuse.evaluation.cache import code_version
from diffuse_fuse.evaluation.methods import Balanced
from diffuse_fuse.evaluation.result import plain
from diffuse_fuse.evaluation.run import evaluate
from diffuse_fuse.training.diffusion import DiffusionTask
from diffuse_fuse.training.pairs import PairSet
from diffuse_fuse.training.recipe import Recipe

METRICS = ("EN", "SD", "MI", "VIF", "VIF_ir", "VIF_vis", "SCD", "Qabf", "Nabf", "SSIM", "MS_SSIM")
BALANCES: dict[str, float | str] = {"as fuse does it": "auto", "with --balance 1": 1.0}
TIMES = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # parts of T at which a diffusion model is judged
LINES = 8  # of the log that the card has

Interval = tuple[float | None, ...]  # mean, and its 95 % interval from low to high; None where there is none


def fingerprints(pairs: PairSet, names: Sequence[str]) -> dict[str, str]:
    """SHA-256 of each data folder's pairs, in their order: names and bytes. ``names`` are the folders'."""
    digests = [hashlib.sha256() for _ in names]
    for number, pair in zip(pairs.folders, pairs.pairs, strict=True):
        for path in pair:
            digests[number].update(f"{path.parent.name}/{path.name}\0{sha256(path)}\n".encode())
    return {name: digest.hexdigest() for name, digest in zip(names, digests, strict=True)}


def code() -> dict[str, str]:
    """Which code runs: version, a checksum of the package's files, the commit where it is a checkout, PyTorch."""
    found = {"version": diffuse_fuse.__version__, "checksum": code_version("diffuse_fuse"), "torch": torch.__version__}
    return {**found, "commit": commit} if (commit := _commit()) else found


@cache
def _commit() -> str:
    """The commit of the checkout that the package is in, and whether it was changed; "" where there is none."""
    root = Path(diffuse_fuse.__file__).resolve().parent.parent

    def git(*words: str) -> str:
        run = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=60, check=True)
        return run.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root:
            return ""
        changed = git("status", "--porcelain", "--", "diffuse_fuse")
        return git("rev-parse", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def summarised(log: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Some lines of a log as columns, the last line among them: the stage and step ("at"), the mean "loss" since the
    line before, None where there is none, and the validation loss ("val_loss")."""
    checked = [number for number, line in enumerate(log) if "val_loss" in line]
    kept = sorted({checked[round(at)] for at in np.linspace(0, len(checked) - 1, LINES)}) if checked else []
    columns: dict[str, list[Any]] = {"at": [], "loss": [], "val_loss": []}
    after = 0
    for number in kept:
        losses = [line["loss"] for line in log[after : number + 1] if "loss" in line]
        columns["at"].append(f"{log[number]['stage']} {log[number]['step']}")
        columns["loss"].append(float(np.mean(losses)) if losses else None)
        columns["val_loss"].append(log[number]["val_loss"])
        after = number + 1
    return columns


def scores(recipe: Recipe, weights: Path, data: Path, device: str) -> dict[str, dict[str, dict[str, Interval]]]:
    """The scores of ``weights`` on the validation sets, which lie in ``data``: set → setting → metric → mean with
    interval."""
    if recipe.kind == "diffusion":
        return {name: {"L_simple": _denoising(recipe, weights, data / name, device)} for name in recipe.data.val}
    return {name: _fusing(weights, data / name, device) for name in recipe.data.val}


def _fusing(weights: Path, root: Path, device: str) -> dict[str, dict[str, Interval]]:
    methods = {f"m{number}": Balanced(str(weights), balance) for number, balance in enumerate(BALANCES.values())}
    means = evaluate(root, methods, METRICS, device=device).means
    return {
        setting: {name: _interval(means, row, column) for column, name in enumerate(METRICS)}
        for row, setting in enumerate(BALANCES)
    }


def _denoising(recipe: Recipe, weights: Path, root: Path, device: str) -> dict[str, Interval]:
    """L_simple at some time steps, on the crops and the noise that the training was validated with."""
    pairs = PairSet.from_folders([root])
    task = DiffusionTask(load_diffusion(weights), pairs, pairs, device=device, **recipe.stages[-1].task)
    steps = [int(part * task.schedule.steps) for part in TIMES]
    values = []
    with torch.inference_mode():
        for step in steps:
            parts = zip(task.val_x_0.split(8), task.val_eps.split(8), strict=True)
            losses = [
                simple_loss(task.model, task.schedule, x_0, torch.full((len(x_0),), step, device=device), eps)
                for x_0, eps in parts
            ]
            values.append(torch.cat(losses).cpu().numpy())
    means = statistics.means(np.stack(values, axis=1)[None].astype(np.float64))
    return {f"t {step}": _interval(means, 0, column) for column, step in enumerate(steps)}


def _interval(means: statistics.Means, row: int, column: int) -> Interval:
    return tuple(plain(float(x[row, column])) for x in (means.mean, means.low, means.high))


def written(
    recipe: Recipe, weights: Path, facts: Mapping[str, Any], log: Sequence[Mapping[str, Any]], device: str
) -> str:
    """The card as a page of Markdown."""
    seconds = _seconds(log)
    trial = facts["recipe"]["scale"]
    lines = [f"# {recipe.name}", ""]
    if trial != 1:
        lines += [f"**A trial with {trial:g} of the recipe's steps: not for use.**", ""]
    lines += [
        *("| | |", "|---|---|"),
        f"| recipe | {recipe.path.name}, SHA-256 {facts['recipe']['sha256']} |",
        f"| weights | {weights.name}, {weights.stat().st_size / 1e6:.2f} MB, SHA-256 {sha256(weights)} |",
        *(f"| {key} | {facts[key]} |" for key in ("teacher", "start", "unet", "source") if facts.get(key)),
        *(f"| code | {', '.join(f'{key} {value}' for key, value in each.items())} |" for each in facts["code"]),
        f"| machine | {_machine(device)}, {torch.get_num_threads()} threads |",
        *(
            f"| stage {name} | {steps} steps in {seconds[name] / 3600:.2f} h: {seconds[name] / steps:.2f} s each |"
            for name, steps in facts["stages"].items()
        ),
        *(f"| {'training' if name in recipe.data.train else 'validation'} pairs | {name}, SHA-256 of names and bytes "
          f"{digest} |" for name, digest in facts["fingerprints"].items()),
        *("", "Time is that of training, without validation. On the same machine with as many threads, the recipe and "
          "this code give the same bytes of weights.", ""),
        *("## Log", "", "| stage and step | loss | validation loss |", "|---|---:|---:|"),
        *(f"| {at} | {_number(loss)} | {_number(val)} |" for at, loss, val in zip(*facts["log"].values(), strict=True)),
        *("", f"All of it: {recipe.name}.jsonl. The loss is the mean since the line before; the weights are the "
          "average over the last steps, those of the last line.", ""),
        *_score_lines(facts["scores"]),
    ]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def _score_lines(found: Mapping[str, Mapping[str, Mapping[str, Interval]]]) -> list[str]:
    lines = ["## Scores on validation pairs", "", "Means with 95 % bootstrap intervals over pairs or crops."]
    for name, settings in found.items():
        heads, names = list(settings), list(next(iter(settings.values())))
        lines += ["", f"| {name} | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
        for metric in names:
            cells = (_number(mean) + f" ({_number(low)} to {_number(high)})"
                     for mean, low, high in (settings[head][metric] for head in heads))  # fmt: skip
            lines.append(f"| {metric} | {' | '.join(cells)} |")
    return lines


def _seconds(log: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How long each stage took."""
    return {line["stage"]: line["seconds"] for line in log}


def _machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}, {device}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
