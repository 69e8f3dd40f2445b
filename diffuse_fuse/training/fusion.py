"""Training of the fusion model: head and, by choice, the UNet below it.

Three ways to use the diffusion UNet, compared by ``training.ablation``: "frozen" (only the head learns),
"finetune" (everything learns) and "distill" (everything learns, and the features of the one noise-free pass are
also pulled towards the mean of what the frozen UNet sees in noisy versions of the pair).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from diffuse_fuse import models
from diffuse_fuse.checkpoint import Weights, load_weights
from diffuse_fuse.diffusion.model import diffusion_of
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError
from diffuse_fuse.fusion.losses import LossWeights, fusion_loss
from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
from diffuse_fuse.networks.colour import recolour
from diffuse_fuse.networks.device import placed
from diffuse_fuse.networks.head import HeadConfig
from diffuse_fuse.networks.unet import UNetConfig
from diffuse_fuse.training import ranks
from diffuse_fuse.training.augment import Augment, as_sources, centre_crops, draw_batch, largest_crop, step_generator
from diffuse_fuse.training.grid import grid
from diffuse_fuse.training.pairs import PairSet

UNET_MODES = ("frozen", "finetune", "distill")
VAL_CROPS = 20
VAL_SIZE = (256, 384)
_VAL_BALANCE = 0.0  # of the re-lit ones
DISTILL_TIMES = (0.005, 0.05, 0.15)  # parts of T at which the teacher looks at the noisy pair

# Gain and gamma reach far: a thermal picture may be nearly black (MSRS) or fill the range (RoadScene).
FUSION_AUGMENT = Augment(
    vis_gain=(0.12, 1.1),
    vis_gamma=(0.5, 2.0),
    ir_gain=(0.12, 1.1),
    ir_gamma=(0.5, 2.0),
    photometric=0.5,
    lift=0.35,
    blur=1.2,
    recombine=0.15,
    polarity=0.05,
    grey=0.25,
    transpose=True,
)
# A pair in one light is to stay in it: what raises contrast beyond both pictures is left out or costs more, and tones
# are not drawn apart again.
RELIT_AUGMENT = replace(FUSION_AUGMENT, photometric=0.1, lift=0.1, recombine=0.0, polarity=0.0, grey=0.1, relit=1.0)
RELIT_LOSSES = replace(LossWeights(), scd=0.0, contrast=0.0, artefact=10.0, drift=12.0, intensity=1.5, light=6.0)


def start_model(
    diffusion: Path | str | None,
    init: str | None,
    feature_steps: Sequence[int],
    noise: str,
    seed: int,
    head: HeadConfig | None = None,
) -> tuple[FusionModel, str]:
    """The model that a training begins with, and where its weights are from.

    ``init`` names a whole fusion model to go on with; ``diffusion`` is the name or file of diffusion weights, whose
    UNet is taken over below a new ``head``; with neither, everything is initialised at random from ``seed``.
    """
    if init is not None and diffusion is not None:
        raise UsageError("--init and --diffusion exclude each other: a fusion model has its UNet inside.")
    if init is not None:
        path = models.locate(init)
        weights = load_weights(path, "fusion")
        return FusionModel.from_weights(weights, str(path)), f"fusion {weights.sha256}"
    torch.manual_seed(seed)
    features = FeatureConfig(tuple(feature_steps), noise)
    if diffusion is None:
        return FusionModel(UNetConfig(), Schedule(), features, head), "random"
    diffusion = models.locate(diffusion)
    weights = load_weights(diffusion, "diffusion")
    source = diffusion_of(weights, diffusion)
    unet = source.unet.with_hints(0)
    model = FusionModel(unet.config, source.schedule, features, head)
    model.load_unet(unet)
    return model, f"diffusion {weights.sha256}"


class FusionTask:
    """Fusion losses on random crops; validated on fixed crops without augmentation.

    ``relit`` crops of a batch are of re-lit pairs, with losses and augmentation of their own; see ``fusion.relight``.
    """

    def __init__(
        self,
        model: FusionModel,
        train: PairSet,
        val: PairSet,
        unet: str = "finetune",
        losses: LossWeights | None = None,
        augment: Augment | None = None,
        batch: int = 6,
        seed: int = 0,
        source: str = "random",
        device: str = "cpu",
        relit: int = 0,
        relit_augment: Augment | None = None,
        relit_losses: LossWeights | None = None,
    ) -> None:
        if not 0 <= relit <= batch:
            raise UsageError(f"Of {batch} crops a step, {relit} cannot be re-lit: take 0 to {batch}.")
        if unet not in UNET_MODES:
            raise UsageError(f"Unknown way '{unet}' to use the UNet: use one of {', '.join(UNET_MODES)}.")
        self.losses, self.augment = losses or LossWeights(), augment or FUSION_AUGMENT
        self.mode, self.batch, self.seed, self.source, self.device = unet, batch, seed, source, device
        self.train, self.relit = train, relit
        self.relit_losses = relit_losses or RELIT_LOSSES
        self.relit_augment = replace(relit_augment or RELIT_AUGMENT, crop=self.augment.crop, width=self.augment.width)
        self.model = placed(model, device)
        self.model.unet.requires_grad_(unet != "frozen")
        self.teacher = copy.deepcopy(self.model).requires_grad_(False) if unet == "distill" else None
        self.augment.require_multiple(model.multiple)
        self.augment.require_room(train)
        ranks.require_shares(batch)
        size = largest_crop(val, VAL_SIZE, model.multiple)
        self.val_pairs = as_sources(centre_crops(val, size, VAL_CROPS), self.device)
        self.val_relit = as_sources(centre_crops(val, size, VAL_CROPS, _VAL_BALANCE), self.device) if relit else None

    def identity(self) -> dict[str, Any]:
        """What must not change between a run and its resumption."""
        return {
            "task": "fusion",
            "config": self.model.config(),
            "unet": self.mode,
            "source": self.source,
            "losses": asdict(self.losses),
            "augment": asdict(self.augment),
            "batch": self.batch,
            "relit": self.relit,
            "seed": self.seed,
            "pairs": len(self.train),
        }

    def loss(self, model: nn.Module, step: int) -> torch.Tensor:
        """The fusion loss of this rank's share of a batch, and the distance to the teacher's features where there is
        one."""
        rng, share = step_generator(self.seed, step), ranks.share(self.batch)
        plain = self.batch - self.relit
        kinds = [(self.augment, 0, plain, self.losses), (self.relit_augment, plain, self.relit, self.relit_losses)]
        drawn, parts = [], []
        for augment, first, count, losses in kinds:
            if count:
                some = ranks.common(share, first, count)  # of the share
                own = slice(some.start + share.start - first, some.stop + share.start - first)  # of this kind
                drawn.append(draw_batch(self.train, augment, count, rng, own))
                parts.append((some, losses))
        ir, vis = as_sources(np.concatenate(drawn), self.device)
        origin = tuple(int(v) for v in rng.integers(1024, size=2))
        raw = model(ir, vis, origin)
        raw.register_hook(level_gradient)
        with torch.autocast(self.device, enabled=False):
            total = torch.zeros((), device=self.device)
            for some, losses in parts:
                if some.start == some.stop:
                    continue
                pictures = raw[some], ir[some], vis[some]
                found, _ = fusion_loss(recolour(pictures[0].clamp(0, 1), pictures[2]), *pictures, losses)
                total = total + found * ((some.stop - some.start) / len(raw))
        if self.teacher is not None:
            total = total + self._distance_to(self.teacher, ir, vis, rng, share)
        return total

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The loss on fixed crops and each term of it."""
        found = self._validated(model, self.val_pairs, self.losses, "val")
        if self.val_relit is not None:
            found |= self._validated(model, self.val_relit, self.relit_losses, "val_relit")
            share = self.relit / self.batch
            found["val_plain_loss"] = found["val_loss"]
            found["val_loss"] = (1 - share) * found["val_loss"] + share * found["val_relit_loss"]
        return found

    def _validated(
        self, model: nn.Module, pairs: tuple[torch.Tensor, torch.Tensor], losses: LossWeights, name: str
    ) -> dict[str, float]:
        terms: list[dict[str, float]] = []
        for ir, vis in zip(*(x.split(1) for x in pairs), strict=True):
            raw = model(ir, vis)
            total, parts = fusion_loss(recolour(raw.clamp(0, 1), vis), raw, ir, vis, losses)
            terms.append({"loss": total.item(), **parts})
        return {f"{name}_{term}": float(np.mean([t[term] for t in terms])) for term in terms[0]}

    def preview(self, model: nn.Module) -> np.ndarray:
        """Six crops: visible, infrared, fused."""
        ir, vis = (x[:6] for x in self.val_pairs)
        fused = recolour(model(ir, vis).clamp(0, 1), vis)
        rows = []
        for v, i, f in zip(vis, ir.expand(-1, 3, -1, -1), fused, strict=True):
            rows.append([x.cpu().numpy().transpose(1, 2, 0) for x in (v, i, f)])
        return grid(rows)

    def weights(self, tensors: dict[str, torch.Tensor], card: dict[str, Any]) -> Weights:
        """The whole model: UNet, feature rule and head."""
        origin = {
            "data": list(self.train.names),
            "pairs": len(self.train),
            "unet": f"{self.mode} from {self.source}",
            "batch": self.batch,
            "relit": self.relit,
            "crop": self.augment.size,
            "seed": self.seed,
            "losses": asdict(self.losses),
        }
        return Weights("fusion", self.model.config(), {**origin, **card}, tensors)

    def _distance_to(
        self, teacher: FusionModel, ir: torch.Tensor, vis: torch.Tensor, rng: np.random.Generator, share: slice
    ) -> torch.Tensor:
        """How far the noise-free features are from the teacher's mean over noise levels, relative to its size."""
        student = self.model.extract(ir, vis)
        x_0 = torch.cat([vis, ir], dim=1) * 2 - 1
        schedule = teacher.schedule
        with torch.no_grad():
            seen: list[list[torch.Tensor]] = []
            for step in (int(part * schedule.steps) for part in DISTILL_TIMES):
                noise = rng.standard_normal((self.batch, *x_0.shape[1:]), dtype=np.float32)[share]
                eps = torch.from_numpy(noise).to(x_0.device)
                t = torch.full((len(x_0),), step, device=x_0.device)
                seen.append(teacher.unet.decode(schedule.diffuse(x_0, t, eps), t))
            targets = [torch.stack([s[level].float() for s in seen]).mean(dim=0) for level in range(len(student))]
            sizes = [ranks.mean(t.square().mean()) for t in targets]  # of the whole batch
        pairs = zip(student, targets, sizes, strict=True)
        distances = [F.mse_loss(s.float(), t) / size for s, t, size in pairs]
        return reduce(torch.add, distances) / len(student)


def level_gradient(grad: torch.Tensor) -> torch.Tensor:
    """Makes every pixel's part of the gradient (N, 1, H, W) about equally large; its mean size stays as it is.

    The metric-shaped terms are flat far from their optimum (Qabf is made of sigmoids) and steep at a few pixels.
    Like Adam on the pixels themselves, this lets the many that have far to go be heard too.
    """
    size = grad.abs()
    mean = size.mean(dim=(1, 2, 3), keepdim=True)
    return grad * (mean / (size + 0.1 * mean + 1e-20))
