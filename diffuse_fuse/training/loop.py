"""The training loop that both networks share: budget, log, validation, checkpoints, resumption.

What is trained is a ``Task``; how long, how fast and where is ``Settings``. All randomness is drawn from
(seed, step), so the only state is: step, time used, weights, their moving average, the optimiser. A run that
was killed at any instant goes on from its last checkpoint as if nothing had happened.

Started by torchrun, each rank takes its share of a batch (``ranks``). Step, time and loss are the same on all of them;
the first alone keeps the average, validates, logs and writes.
"""

from __future__ import annotations

import copy
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from diffuse_fuse.checkpoint import Weights, save_weights
from diffuse_fuse.errors import TrainingError, UsageError
from diffuse_fuse.files import write_atomically
from diffuse_fuse.images import write_image
from diffuse_fuse.training import folder, guard, ranks
from diffuse_fuse.training.compiler import compiled
from diffuse_fuse.training.optimizer import OPTIMIZERS, make_optimizer
from diffuse_fuse.training.progress import Progress
from diffuse_fuse.training.state import load_state, save_state


class Task(Protocol):
    """Something to train: a network, its loss, how it is judged and how it is saved."""

    @property
    def model(self) -> nn.Module:
        """What learns."""

    def loss(self, model: nn.Module, step: int) -> torch.Tensor:
        """The loss of step ``step`` (a scalar); everything random in it is a function of the step. Of several ranks,
        that of this one's share of the batch: the mean over the ranks is the loss."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Figures on held-out pairs; "val_loss" is among them and decides which weights are best."""

    def preview(self, model: nn.Module) -> np.ndarray:
        """A picture of what the network does, uint8 (H, W, 3) RGB."""

    def weights(self, tensors: dict[str, torch.Tensor], card: dict[str, Any]) -> Weights:
        """What is saved for users."""

    def identity(self) -> dict[str, Any]:
        """What must not change between a run and its resumption."""


@dataclass(frozen=True)
class Settings:
    """How to train. Exactly one of ``minutes`` and ``steps`` is the budget.

    resume: go on with the run in ``out``. overwrite: replace what is in ``out``. checkpoint_steps: instead of by
    minutes, so that what is logged and which weights are best depends on no clock.
    """

    out: Path
    minutes: float | None = None
    steps: int | None = None
    resume: bool = False
    lr: float = 3e-4
    warmup: int = 200
    cooldown: float = 0.7
    ema: float = 0.999
    clip: float = 1.0
    checkpoint_minutes: float = 3.0
    checkpoint_steps: int | None = None
    precision: str = "auto"
    optimizer: str = "adamw"
    compile: bool = False
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.resume and self.overwrite:
            raise UsageError("--resume goes on with a run and --overwrite replaces it: give one of them.")
        if (self.minutes is None) == (self.steps is None):
            raise UsageError("Give the length of the training: either --minutes or --steps.")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise UsageError(f"Unknown precision '{self.precision}': use auto, fp32 or bf16.")
        if self.optimizer not in OPTIMIZERS:
            raise UsageError(f"Unknown optimizer '{self.optimizer}': use {' or '.join(OPTIMIZERS)}.")


def train(task: Task, settings: Settings) -> Path:
    """Trains ``task`` for the budget of ``settings``; returns the path of the best weights.

    The folder ``settings.out`` gets state.pt (everything, for --resume), weights.safetensors (moving average at
    the last checkpoint), best.safetensors (the same where the validation loss was lowest), log.jsonl and
    preview.png.
    """
    return _Run(task, settings).go()


class _Run:
    """One training run's state."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self.task, self.settings = task, settings
        self.out = settings.out
        self.device = next(task.model.parameters()).device
        self.model = task.model
        self.ema = copy.deepcopy(self.model).eval().requires_grad_(False) if ranks.is_first() else None
        self.params = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(settings.optimizer, self.params, settings.lr)
        self.step, self.seconds, self.best = 0, 0.0, float("inf")
        self.saved: int | None = None  # the step of the last checkpoint
        self.recent: list[float] = []  # losses since the last line of the log
        self.unsaved: int | None = None  # the length of the log before a checkpoint that was begun and not ended
        fast = ranks.of_first(_has_bf16(self.device.type))
        self.bf16 = settings.precision == "bf16" or (settings.precision == "auto" and fast)
        self._take_over(ranks.by_first(self._open))
        self.forward = compiled(self.model, self._gradients) if settings.compile else self.model
        self.forward = ranks.parallel(self.forward)

    def _gradients(self, forward: nn.Module) -> list[torch.Tensor]:
        """Those of the first step's loss, of all parameters that learn."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            loss = self.task.loss(forward, 0)
        loss.backward()
        found = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in self.params]
        self.optimizer.zero_grad()
        return found

    def _open(self) -> dict[str, Any] | None:
        """The state that the run goes on from; None where it begins, in a folder that is cleared for it."""
        state_file = self.out / "state.pt"
        if state_file.exists() and not self.settings.resume and not self.settings.overwrite:
            raise TrainingError(
                f"{self.out} holds a training run already: add --resume to go on with it, or give another --out."
            )
        if self.settings.overwrite or not state_file.exists():
            if not self.settings.overwrite:
                folder.require_new(self.out)
            folder.clear(self.out)
            return None
        state = load_state(state_file)
        ours = self._identity()
        if state["identity"] != ours:
            changed = sorted(k for k in ours if state["identity"].get(k) != ours[k])
            raise TrainingError(
                f"{self.out} was trained with other settings ({', '.join(changed)}): give the same to resume it."
            )
        self.step = state["step"]
        self._cut_log(state.get("log"))
        return state

    def _take_over(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
        self.saved, self.recent = self.step, state.get("recent", [])

    def _cut_log(self, length: int | None) -> None:
        """Drops what was written after the checkpoint: those steps are about to be done again.

        length: of the log at the checkpoint, in bytes; None for states that do not say, of older versions.
        """
        log = self.out / "log.jsonl"
        written = log.read_bytes() if log.exists() else b""
        lines = [line for line in written[:length].splitlines(keepends=True) if line.endswith(b"\n")]
        kept = b"".join(line for line in lines if json.loads(line)["step"] <= self.step)
        if kept != written:
            write_atomically(log, kept)

    def go(self) -> Path:
        started, saved = time.monotonic() - self.seconds, time.monotonic()
        if self.progress_fraction() >= 1:
            return self._end()
        self._require_gradients()
        s = self.settings
        with Progress(s.steps, s.minutes, self.step, self.seconds, s.quiet or not ranks.is_first()) as bar:
            try:
                while self.progress_fraction() < 1:
                    self.recent.append(self._one_step())
                    self.seconds = ranks.number_of_first(time.monotonic() - started, self.device)
                    bar.update(self.step, self.recent[-1], self.seconds)
                    if self.step % 20 == 0:
                        self._log(loss=float(np.mean(self.recent)), lr=self._rate())
                        self.recent.clear()
                    if self._is_due(time.monotonic() - saved):
                        self._checkpoint(bar)
                        saved = time.monotonic()
                        started = saved - self.seconds  # validation is not training time
            except KeyboardInterrupt:
                self._checkpoint()
                error = TrainingError(f"Stopped at step {self.step}; go on with --resume.")
                raise ranks.failed(error) from None
            if self.step != self.saved:
                self._checkpoint(bar)
        return self._end()

    def _require_gradients(self) -> None:
        """Raises TrainingError where the network, as it is about to be trained, would not learn as a whole."""
        named = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        optimizer = make_optimizer(self.settings.optimizer, self.params, self.settings.lr)

        def loss(number: int) -> torch.Tensor:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                return self.task.loss(self.forward, self.step + number)

        if deaf := guard.without_gradient(named, loss, optimizer, self.settings.lr):
            raise ranks.failed(TrainingError(f"{guard.told(deaf, len(named))} get no gradient: the run would not train "
                                             "them. Try it without --compile, or with --precision fp32."))  # fmt: skip

    def _end(self) -> Path:
        """The best weights. Raises TrainingError where the last ones are not those of a network that has learnt."""
        if self.ema is not None and self.step >= guard.LEARNT:
            learn = {name for name, p in self.model.named_parameters() if p.requires_grad}
            found = {name: p for name, p in self.ema.named_parameters() if name in learn}
            if silent := guard.silent(found):
                raise TrainingError(
                    f"{guard.told(silent, len(found))} are 0 after {self.step} steps: the network has not learnt as a "
                    f"whole. The weights in {self.out} are not to be used."
                )
        return self.out / "best.safetensors"

    def _is_due(self, seconds: float) -> bool:
        """Whether a checkpoint is to be made so long after the last one."""
        if self.settings.checkpoint_steps is not None:
            return self.step % self.settings.checkpoint_steps == 0
        return seconds > 60 * self.settings.checkpoint_minutes

    def _identity(self) -> dict[str, Any]:
        """What must not change between a run and its resumption, as JSON gives it back."""
        return json.loads(json.dumps({**self.task.identity(), "optimizer": self.settings.optimizer}))

    def progress_fraction(self) -> float:
        """The part of the budget that is used, from 0 to 1."""
        if self.settings.steps is not None:
            return self.step / self.settings.steps
        assert self.settings.minutes is not None  # one of both is given
        return self.seconds / (60 * self.settings.minutes)

    def _rate(self) -> float:
        """Learning rate: warm-up, constant, then a linear fall to a fiftieth over the last ``cooldown``."""
        s = self.settings
        fall = min(1.0, (1 - self.progress_fraction()) / s.cooldown) if s.cooldown else 1.0
        return s.lr * min(1.0, (self.step + 1) / max(1, s.warmup)) * max(0.02, fall)

    def _one_step(self) -> float:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            loss = self.task.loss(self.forward, self.step)
        value = float(ranks.mean(loss.detach()))
        if not np.isfinite(value):
            raise ranks.failed(
                TrainingError(
                    f"The loss became {value} at step {self.step}: resume from the last checkpoint with a lower --lr."
                )
            )
        loss.backward()
        nn.utils.clip_grad_norm_(self.params, self.settings.clip)
        self.optimizer.step(self._rate())
        self.optimizer.zero_grad()
        self.step += 1
        if self.ema is None:
            return value
        # The average starts short, so that it does not remember the initial weights for long.
        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1 - decay)
        return value

    def _checkpoint(self, bar: Progress | None = None) -> None:
        """Validates, saves everything, and says in one line how it stands; on the first rank."""
        if self.ema is None:
            return
        with torch.inference_mode():
            figures = self.task.validate(self.ema)
            preview = self.task.preview(self.ema)
        used = {"optimizer": self.settings.optimizer, "steps": self.step, "minutes": round(self.seconds / 60, 1)}
        weights = self.task.weights(self.ema.state_dict(), {**used, **figures})
        save_weights(self.out / "weights.safetensors", weights)
        if figures["val_loss"] < self.best:
            self.best = figures["val_loss"]
            save_weights(self.out / "best.safetensors", weights)
        log = self.out / "log.jsonl"
        if self.unsaved is not None:  # Ctrl-C came in the middle of one
            os.truncate(log, self.unsaved)
        self.unsaved = log.stat().st_size
        self._log(**figures)
        write_image(self.out / "preview.png", preview)
        save_state(
            self.out / "state.pt",
            {
                "identity": self._identity(),
                "model": self.model.state_dict(),
                "ema": self.ema.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "best": self.best,
                "recent": self.recent,
                "log": log.stat().st_size,
            },
        )
        self.saved, self.unsaved = self.step, None
        if bar:
            bar.note(f"step {self.step}: " + ", ".join(f"{k} {v:.4f}" for k, v in figures.items()))

    def _log(self, **figures: float) -> None:
        if not ranks.is_first():
            return
        line = {"step": self.step, "seconds": round(self.seconds, 1), **figures}
        with open(self.out / "log.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")


def _has_bf16(device: str) -> bool:
    """Does this processor, or the GPU, multiply bfloat16 numbers itself?"""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512") and bool(torch.cpu._is_avx512_bf16_supported())
