"""Training of a student: the distance to what a fusion model makes of random crops, and the fusion losses on some.

The teacher is frozen and looks at the same augmented crops. Its luma alone would do as a target, but then the student
would only ever come close to it; the losses that the teacher was trained with tell it which deviations matter. A step
of the student itself takes a tenth of what its teacher and the losses take on the same crops. So a batch that the
teacher has seen is a lesson that comes up several times, turned and mirrored, and the losses judge few of its crops.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from diffuse_fuse import models
from diffuse_fuse.checkpoint import Weights, load_weights
from diffuse_fuse.errors import UsageError
from diffuse_fuse.fusion.losses import LossWeights, blur, fusion_loss, sobel
from diffuse_fuse.fusion.model import AnyModel
from diffuse_fuse.fusion.student_colour import tint
from diffuse_fuse.networks.device import placed
from diffuse_fuse.networks.student import SIZES, StudentModel
from diffuse_fuse.networks.student_growth import grown
from diffuse_fuse.training import ranks
from diffuse_fuse.training.augment import Augment, as_sources, centre_crops, draw_batch, largest_crop, step_generator
from diffuse_fuse.training.fusion import FUSION_AUGMENT, VAL_CROPS, VAL_SIZE, level_gradient
from diffuse_fuse.training.grid import grid
from diffuse_fuse.training.pairs import PairSet

TEACHER_WEIGHT = 100.0  # the distance's gradient is then as large as that of the fusion losses
JUDGED = 1  # crops of a batch that the fusion losses see
REUSE = 8  # steps for each lesson, on average
# Less than what its teacher saw: a student has no room for all of that, and spends it on what cameras send.
STUDENT_AUGMENT = replace(FUSION_AUGMENT, photometric=0.2, blur=0.6, recombine=0.05, polarity=0.03, grey=0.1, relit=0.5)
# What the crops are judged by: the distance to the teacher sees to the rest.
STUDENT_LOSSES = LossWeights(
    **dict.fromkeys(asdict(LossWeights()), 0.0) | {"vif": 2.0, "qabf": 7.0, "artefact": 6.0, "drift": 6.0}
)
_OCTAVES = 3  # in which structure is compared
_LESSONS = 64  # the last so many are kept in memory: 1.6 MB each, with 6 crops of 160 pixels


def start_student(size: str, seed: int, init: str | None = None) -> tuple[StudentModel, str]:
    """The student of one of the ``SIZES`` that a training begins with, and where its weights are from: at random from
    ``seed``, or those that ``init`` names, grown to that size. Raises UsageError for another size, or where ``init``
    has a larger one.
    """
    if size not in SIZES:
        raise UsageError(f"There is no size '{size}' of a student: use one of {', '.join(SIZES)}.")
    if init is None:
        torch.manual_seed(seed)
        return StudentModel(SIZES[size]), "random"
    path = models.locate(init)
    weights = load_weights(path, "student")
    found = StudentModel.from_weights(weights, str(path))
    torch.manual_seed(seed)
    return grown(found, SIZES[size]), f"student {weights.sha256}"


class StudentTask:
    """A student's loss on random crops; validated on fixed crops without augmentation.

    ``teacher_weight`` is that of the distance to the teacher's luma beside the fusion losses, which see the first
    ``judged`` crops of a batch; a batch comes up in about ``reuse`` steps. ``source`` and ``start`` say in the card
    which weights the teacher has and which the student began with. Raises UsageError for crops that the networks
    cannot be shown.
    """

    def __init__(
        self,
        model: StudentModel,
        teacher: AnyModel,
        train: PairSet,
        val: PairSet,
        teacher_weight: float = TEACHER_WEIGHT,
        judged: int = JUDGED,
        reuse: int = REUSE,
        losses: LossWeights | None = None,
        augment: Augment | None = None,
        batch: int = 6,
        seed: int = 0,
        source: str = "",
        start: str = "random",
        device: str = "cpu",
    ) -> None:
        self.losses, self.augment = losses or STUDENT_LOSSES, augment or STUDENT_AUGMENT
        self.teacher_weight, self.batch, self.seed = teacher_weight, batch, seed
        self.source, self.start = source, start
        self.train, self.judged, self.reuse, self.device = train, min(judged, batch), reuse, device
        self._lessons: dict[int, tuple[torch.Tensor, ...]] = {}
        self.model = placed(model, device)
        self.teacher = placed(teacher, device).eval().requires_grad_(False)
        cell = int(np.lcm(model.multiple, teacher.multiple))
        self.augment.require_multiple(cell)
        self.augment.require_room(train)
        ranks.require_shares(batch)
        size = largest_crop(val, VAL_SIZE, cell)
        self.val_pairs = as_sources(centre_crops(val, size, VAL_CROPS), self.device)
        with torch.no_grad():
            pairs = zip(*(source.split(1) for source in self.val_pairs), strict=True)
            self.val_taught = torch.cat([self.teacher(ir, vis) for ir, vis in pairs])

    def identity(self) -> dict[str, Any]:
        """What must not change between a run and its resumption."""
        return {
            "task": "student",
            "config": self.model.config(),
            "teacher": self.source,
            "start": self.start,
            "teacher_weight": self.teacher_weight,
            "judged": self.judged,
            "reuse": self.reuse,
            "losses": asdict(self.losses),
            "augment": asdict(self.augment),
            "batch": self.batch,
            "seed": self.seed,
            "pairs": len(self.train),
        }

    def loss(self, model: nn.Module, step: int) -> torch.Tensor:
        """The distance to the teacher on this rank's share of a lesson, and the fusion loss of its first crops."""
        rng = step_generator(self.seed, step)
        newest = step // self.reuse
        lesson = self._lesson(int(rng.integers(max(0, newest - _LESSONS + 1), newest + 1)))
        ir, vis, taught = _turned(lesson, int(rng.integers(8)))
        raw = model(ir, vis)
        with torch.autocast(self.device, enabled=False):
            total = self.teacher_weight * distance(raw, taught)
            first = ranks.common(ranks.share(self.batch), 0, self.judged)
            if first.stop:
                judged = raw[first].view_as(raw[first])  # the distance's gradient is level already
                judged.register_hook(level_gradient)
                colours = tint(judged.clamp(0, 1), vis[first])
                found = fusion_loss(colours, judged, ir[first], vis[first], self.losses)[0]
                total = total + found * (ranks.count() * first.stop / self.judged)
        return total

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The loss on fixed crops, the distance to the teacher and each term of the fusion loss."""
        rows: list[dict[str, float]] = []
        for ir, vis, taught in zip(*(x.split(1) for x in (*self.val_pairs, self.val_taught)), strict=True):
            raw = model(ir, vis)
            total, terms = fusion_loss(tint(raw.clamp(0, 1), vis), raw, ir, vis, self.losses)
            far = distance(raw, taught)
            rows.append({"loss": (total + self.teacher_weight * far).item(), "teacher": far.item(), **terms})
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
            "start": self.start,
            "teacher_weight": self.teacher_weight,
            "judged": self.judged,
            "reuse": self.reuse,
            "batch": self.batch,
            "crop": self.augment.size,
            "seed": self.seed,
            "losses": asdict(self.losses),
        }
        return Weights("student", self.model.config(), {**origin, **card}, tensors)

    def _lesson(self, number: int) -> tuple[torch.Tensor, ...]:
        """This rank's share of a batch and the teacher's luma of it: a function of the number, so that a resumed run
        finds the same."""
        if number not in self._lessons:
            rng = step_generator(self.seed, number, stream=1)
            share = ranks.share(self.batch)
            ir, vis = as_sources(draw_batch(self.train, self.augment, self.batch, rng, share), self.device)
            origin = tuple(int(v) for v in rng.integers(1024, size=2))
            with torch.no_grad():
                taught = self.teacher(ir, vis, origin)
            self._lessons[number] = tuple(x.half() for x in (ir, vis, taught))
            for old in [kept for kept in self._lessons if kept <= number - _LESSONS]:
                del self._lessons[old]
        return tuple(x.float() for x in self._lessons[number])


def _turned(pictures: tuple[torch.Tensor, ...], turn: int) -> tuple[torch.Tensor, ...]:
    """One of the eight ways to turn and mirror a square."""
    if turn & 1:
        pictures = tuple(x.flip(3) for x in pictures)
    if turn & 2:
        pictures = tuple(x.flip(2) for x in pictures)
    return tuple(x.transpose(2, 3).contiguous() for x in pictures) if turn & 4 else pictures


def distance(raw: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
    """How far a luma (N, 1, H, W) in [0, 1] is from the teacher's: mean absolute difference of values, that of
    gradients, and how unlike the structure is."""
    difference = raw.float() - taught.float()
    # Sobel's weights add up to 8
    return difference.abs().mean() + sobel(difference).abs().mean() / 8 + unlikeness(raw.float(), taught.float())


def unlikeness(raw: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
    """1 - the contrast and structure part of SSIM (Wang et al. 2004), mean of three octaves; 0 for the same picture.

    The constant is the variance of two grey levels, not SSIM's 58: weak detail counts as much as strong, as in VIF and
    Qabf. An absolute difference is made by strong edges, and a student that has to choose lets weak detail fade.
    """
    total = raw.new_zeros(())
    raw, taught = raw * 255, taught * 255
    for octave in range(_OCTAVES):
        if octave:
            raw, taught = F.avg_pool2d(raw, 2), F.avg_pool2d(taught, 2)
        maps = torch.cat([raw, taught, raw * raw, taught * taught, raw * taught], dim=1)
        mean, mean_t, square, square_t, cross = blur(maps, 11, 1.5, "replicate").unbind(dim=1)
        variances = square - mean * mean + square_t - mean_t * mean_t
        total = total + 1 - ((2 * (cross - mean * mean_t) + 4) / (variances + 4)).mean()
    return total / _OCTAVES
