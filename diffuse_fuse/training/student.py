"""Training of a student: the fusion losses on random crops, and the distance to what a fusion model makes of them.

The teacher looks at the same augmented crops and is frozen. Its luma alone would do as a target, but then the student
would only ever come close to it; the losses that the teacher was trained with tell it which deviations matter.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from diffuse_fuse.checkpoint import Weights
from diffuse_fuse.errors import UsageError
from diffuse_fuse.fusion.losses import LossWeights, fusion_loss, sobel
from diffuse_fuse.fusion.model import AnyModel
from diffuse_fuse.fusion.student import SIZES, StudentModel
from diffuse_fuse.fusion.student_colour import tint
from diffuse_fuse.training.augment import Augment, centre_crops, draw_batch, step_generator
from diffuse_fuse.training.fusion import FUSION_AUGMENT, VAL_CROPS, VAL_SIZE, _level
from diffuse_fuse.training.grid import grid
from diffuse_fuse.training.pairs import PairSet

TEACHER_WEIGHT = 50.0  # the distance's gradient is then about half of that of the fusion losses
TAUGHT = 2  # crops of a batch of 6 that the teacher is shown: for all of them it would take half of the time


def start_student(size: str, seed: int) -> StudentModel:
    """An untrained student of one of the ``SIZES``. Raises UsageError for another size."""
    if size not in SIZES:
        raise UsageError(f"There is no size '{size}' of a student: use one of {', '.join(SIZES)}.")
    torch.manual_seed(seed)
    return StudentModel(SIZES[size])


class StudentTask:
    """A student's loss on random crops; validated on fixed crops without augmentation.

    ``teacher_weight`` is that of the distance to the teacher's luma beside the fusion losses, over the first
    ``taught`` crops of a batch, which the teacher is shown; ``source`` says in the card which weights it has.
    Raises UsageError for crops that the networks cannot be shown.
    """

    def __init__(
        self,
        model: StudentModel,
        teacher: AnyModel,
        train: PairSet,
        val: PairSet,
        teacher_weight: float = TEACHER_WEIGHT,
        taught: int = TAUGHT,
        losses: LossWeights | None = None,
        augment: Augment | None = None,
        batch: int = 6,
        seed: int = 0,
        source: str = "",
        device: str = "cpu",
    ) -> None:
        self.losses, self.augment = losses or LossWeights(), augment or FUSION_AUGMENT
        self.teacher_weight, self.batch, self.seed, self.source = teacher_weight, batch, seed, source
        self.train, self.taught, self.device = train, min(taught, batch), device
        self.model = model.to(device, memory_format=torch.channels_last)
        self.teacher = teacher.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
        cell = int(np.lcm(model.multiple, teacher.multiple))
        if self.augment.crop % cell:
            raise UsageError(
                f"A crop of {self.augment.crop} pixels does not fit the networks: use a multiple of {cell}."
            )
        size = min(VAL_SIZE, min(min(val[i].shape[:2]) for i in range(len(val)))) // cell * cell
        self.val_pairs = self._to_model(centre_crops(val, size, VAL_CROPS))
        with torch.no_grad():
            pairs = zip(*(source.split(1) for source in self.val_pairs), strict=True)
            self.val_taught = torch.cat([self.teacher(ir, vis) for ir, vis in pairs])

    def identity(self) -> dict[str, Any]:
        """What must not change between a run and its resumption."""
        return {
            "task": "student",
            "config": self.model.config(),
            "teacher": self.source,
            "teacher_weight": self.teacher_weight,
            "taught": self.taught,
            "losses": asdict(self.losses),
            "augment": asdict(self.augment),
            "batch": self.batch,
            "seed": self.seed,
            "pairs": len(self.train),
        }

    def loss(self, model: nn.Module, step: int) -> torch.Tensor:
        """The fusion loss of one batch and the distance to the teacher."""
        rng = step_generator(self.seed, step)
        ir, vis = self._to_model(draw_batch(self.train, self.augment, self.batch, rng))
        origin = tuple(int(v) for v in rng.integers(1024, size=2))
        raw = model(ir, vis, origin)
        judged = raw.view_as(raw)  # the distance's gradient is level already
        judged.register_hook(_level)
        with torch.autocast(self.device, enabled=False):
            total, _ = fusion_loss(tint(judged.clamp(0, 1), vis), judged, ir, vis, self.losses)
        if not self.taught:
            return total
        with torch.no_grad():
            taught = self.teacher(ir[: self.taught], vis[: self.taught], origin)
        return total + self.teacher_weight * distance(raw[: self.taught], taught)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The loss on fixed crops, the distance to the teacher and each term of the fusion loss."""
        rows: list[dict[str, float]] = []
        for ir, vis, taught in zip(*(x.split(1) for x in (*self.val_pairs, self.val_taught)), strict=True):
            raw = model(ir, vis)
            total, terms = fusion_loss(tint(raw.clamp(0, 1), vis), raw, ir, vis, self.losses)
            far = distance(raw, taught)
            rows.append({"loss": float(total + self.teacher_weight * far), "teacher": float(far), **terms})
        return {f"val_{name}": float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def preview(self, model: nn.Module) -> np.ndarray:
        """Six crops: visible, infrared, the teacher's fusion and the student's."""
        ir, vis, taught = (x[:6] for x in (*self.val_pairs, self.val_taught))
        pictures = (vis, ir.expand(-1, 3, -1, -1), *(tint(y.clamp(0, 1), vis) for y in (taught, model(ir, vis))))
        return grid([[x.cpu().numpy().transpose(1, 2, 0) for x in row] for row in zip(*pictures, strict=True)])

    def weights(self, tensors: dict[str, torch.Tensor], card: dict[str, Any]) -> Weights:
        """The student."""
        origin = {
            "data": list(self.train.names),
            "pairs": len(self.train),
            "teacher": self.source,
            "teacher_weight": self.teacher_weight,
            "taught": self.taught,
            "batch": self.batch,
            "crop": self.augment.crop,
            "seed": self.seed,
            "losses": asdict(self.losses),
        }
        return Weights("student", self.model.config(), {**origin, **card}, tensors)

    def _to_model(self, crops: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 4, H, W) in [0, 1] -> infrared (N, 1, H, W), visible (N, 3, H, W)."""
        x = torch.from_numpy(crops).to(self.device)
        return x[:, 3:].contiguous(), x[:, :3].contiguous()


def distance(raw: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of two lumas (N, 1, H, W), and that of their gradients, both in levels of [0, 1]."""
    difference = raw.float() - taught.float()
    return difference.abs().mean() + sobel(difference).abs().mean() / 8  # Sobel's weights add up to 8
