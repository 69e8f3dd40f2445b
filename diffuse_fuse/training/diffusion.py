"""Training of the diffusion model: DDPM's algorithm 1 on four-channel crops."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from diffuse_fuse import models
from diffuse_fuse.checkpoint import Weights, load_weights
from diffuse_fuse.diffusion.linear import CHANNELS, KNOTS, LinearPath, to_frequencies
from diffuse_fuse.diffusion.model import DiffusionModel, diffusion_of, pack_diffusion
from diffuse_fuse.diffusion.objective import simple_loss
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError
from diffuse_fuse.networks.device import placed
from diffuse_fuse.networks.unet import UNet, UNetConfig
from diffuse_fuse.training import ranks
from diffuse_fuse.training.augment import Augment, centre_crops, draw_batch, draw_evenly, step_generator
from diffuse_fuse.training.grid import grid
from diffuse_fuse.training.pairs import PairSet

LINEAR_CROPS = 2400  # that the Wiener filter is fitted on
SHARE_CROPS = 96  # of these, that the network's share is fitted on
FIRST_SHARE = 0.25  # at least, of a network that has just been given hints
LINEAR_WAYS = ("keep", "fit", "none")
VAL_CROPS = 24
PREVIEW_STEPS = (100, 300, 600)


def start_model(
    config: UNetConfig, schedule: Schedule, prediction: str, init: str | None, seed: int
) -> tuple[DiffusionModel, str]:
    """The model that a training begins with, and where its weights are from.

    ``init`` names diffusion weights to go on with, whose UNet, schedule and linear path are taken instead of
    ``config`` and ``schedule``; their output may have stood for something else than ``prediction``, which it then
    has to learn. Without it everything is initialised at random from ``seed``.
    """
    if init is not None:
        path = models.locate(init)
        weights = load_weights(path, "diffusion")
        found = diffusion_of(weights, path).requires_grad_(True).train()
        linear = found.linear if prediction == "v" else None
        return DiffusionModel(found.unet, found.schedule, prediction, linear), f"diffusion {weights.sha256}"
    torch.manual_seed(seed)
    return DiffusionModel(UNet(config), schedule, prediction), "random"


def choose_linear_path(model: DiffusionModel, way: str, pairs: PairSet, size: int, trained: bool) -> DiffusionModel:
    """``model`` with the linear path that the ``way`` (one of ``LINEAR_WAYS``) asks for; a model of eps has none.

    "keep": its own, or a new one, and hints from it for the UNet; "fit": a new one; "none". The shares of a new one
    are fitted to a network that is ``trained``. Raises UsageError for another way.
    """
    if way not in LINEAR_WAYS:
        raise UsageError(f"Unknown way '{way}' of a linear path: use one of {', '.join(LINEAR_WAYS)}.")
    if model.prediction != "v":
        return model
    if way == "none":
        return DiffusionModel(model.unet.with_hints(0), model.schedule, model.prediction)
    if way == "fit" or model.linear is None:
        model = with_linear_path(model, pairs, size, shares=trained)
    return model if way == "fit" or model.unet.config.hint_channels else _with_hints(model)


def _with_hints(model: DiffusionModel) -> DiffusionModel:
    """``model`` with a UNet that sees what the linear path makes of the picture, and has everywhere a share from
    which it can learn what to do with it."""
    with torch.no_grad():
        model.path.share.clamp_(min=FIRST_SHARE)
    return DiffusionModel(model.unet.with_hints(CHANNELS), model.schedule, model.prediction, model.linear)


def with_linear_path(model: DiffusionModel, pairs: PairSet, size: int, shares: bool) -> DiffusionModel:
    """``model`` with a linear path fitted on crops of ``pairs``, ``size`` pixels a side, as they are: the widened
    colours of augmentation are not what is to be denoised.

    With ``shares`` the network's share is fitted too, which pays where it has learnt something already; otherwise it
    stays that of the path there was, or is a half. Both are least squares in closed form.
    """
    plain = Augment(crop=size, photometric=0.0, grey=0.0)
    crops = draw_evenly(pairs, plain, LINEAR_CROPS, step_generator(0, 0, stream=3)) * 2 - 1
    path = LinearPath.fit(crops)
    if model.linear is not None:
        path.share.data.copy_(model.linear.share)
    full = DiffusionModel(model.unet, model.schedule, model.prediction, path)
    if shares:
        _fit_shares(full, torch.from_numpy(crops[:: LINEAR_CROPS // SHARE_CROPS]))
    return full


@torch.no_grad()
def _fit_shares(model: DiffusionModel, x_0: torch.Tensor) -> None:
    """Sets the shares of the linear path to those with the least error of v on ``x_0`` (N, 4, H, W), in bands where
    what half of the crops suggest serves the other half best; elsewhere to what there was, or none, by the same."""
    path, schedule = model.path, model.schedule
    eps = torch.from_numpy(step_generator(0, 0, stream=4).standard_normal(x_0.shape, dtype=np.float32))
    alpha_bar = torch.from_numpy(schedule.alpha_bar)
    bands = path.bands(x_0.shape[2:])  # (bands, H, W)
    for k, knot in enumerate(KNOTS):
        t = (torch.log(alpha_bar / (1 - alpha_bar)) - knot).abs().argmin().expand(len(x_0))
        signal, noise = schedule.signal(t), schedule.noise(t)
        x_t = signal * x_0 + noise * eps
        both = [model.both(x, s) for x, s in zip(x_t.split(8), t.split(8), strict=True)]
        linear, network = (torch.cat(part) for part in zip(*both, strict=True))
        ahead = to_frequencies(network) - linear
        missing = to_frequencies(signal * eps - noise * x_0) - linear
        products = (ahead * ahead, ahead * missing)
        energy, gained = (torch.stack([x[::2], x[1::2]]).sum(dim=(1, 2)) for x in products)
        normal = torch.einsum("ahw,bhw,ihw->iab", bands, bands, energy)  # of every other crop, and of the rest
        right = torch.einsum("ahw,ihw->ia", bands, gained)
        half = _solve(normal[0], right[0])
        choices = torch.stack([half, path.share[k], torch.zeros_like(half)])
        best = (choices.square() * normal[1].diagonal() - 2 * choices * right[1]).argmin(dim=0)
        choices[0] = _solve(normal.sum(dim=0), right.sum(dim=0))
        path.share[k] = choices.gather(0, best[None])[0]


def _solve(normal: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Shares in [0, 1] from the normal equations (bands, bands) and (bands,)."""
    ridge = 1e-3 * normal.diagonal().mean() * torch.eye(len(normal))
    return torch.linalg.solve(normal + ridge, right).clamp(0, 1)


class DiffusionTask:
    """DDPM's algorithm 1 on random crops; validated on fixed crops, noise and time steps.

    A model that predicts v is trained on the squared error of v, which is DDPM's L_simple (eq. 14) with the weight
    1 / alpha_bar_t; with ``min_snr`` gamma times min(SNR, gamma) / (SNR + 1), so that the many steps with little noise
    do not outweigh those that decide on the layout (Hang et al. 2023, eq. 6 for v).
    """

    def __init__(
        self,
        model: DiffusionModel,
        train: PairSet,
        val: PairSet,
        augment: Augment | None = None,
        batch: int = 8,
        seed: int = 0,
        source: str = "random",
        device: str = "cpu",
        min_snr: float | None = None,
    ) -> None:
        if min_snr is not None and model.prediction != "v":
            raise UsageError("min-SNR weights are those of a model that predicts v.")
        self.schedule, self.augment, self.min_snr = model.schedule, augment or Augment(), min_snr
        self.train, self.batch, self.seed, self.source, self.device = train, batch, seed, source, device
        self.model = placed(model, device)
        self.augment.require_multiple(model.unet.config.multiple)
        self.augment.require_room(train)
        ranks.require_shares(batch)
        crops = centre_crops(val, self.augment.size, VAL_CROPS, whole=self.augment.whole > 0)
        self.val_x_0 = self._to_model(crops)
        rng = step_generator(seed=0, step=0, stream=1)  # the same for every run, so that runs compare
        self.val_eps = torch.from_numpy(rng.standard_normal(crops.shape, dtype=np.float32)).to(device)
        # Time steps spread evenly over [0, T), one a crop.
        self.val_t = ((torch.arange(VAL_CROPS) + 0.5) / VAL_CROPS * self.schedule.steps).long().to(device)

    def identity(self) -> dict[str, Any]:
        """What must not change between a run and its resumption."""
        return {
            "task": "diffusion",
            "config": asdict(self.model.unet.config),
            "prediction": self.model.prediction,
            "linear": self.model.linear is not None,
            "source": self.source,
            "schedule": asdict(self.schedule),
            "augment": asdict(self.augment),
            "batch": self.batch,
            "seed": self.seed,
            "pairs": len(self.train),
            **({} if self.min_snr is None else {"min_snr": self.min_snr}),
        }

    def loss(self, model: nn.Module, step: int) -> torch.Tensor:
        """L_simple of this rank's share of a batch (DDPM algorithm 1, line 5), weighted as the prediction asks for."""
        rng, share = step_generator(self.seed, step), ranks.share(self.batch)
        x_0 = self._to_model(draw_batch(self.train, self.augment, self.batch, rng, share))
        # One draw from each of `batch` equal parts of [0, T): uniform, with less variance than free draws.
        u = (np.arange(self.batch) + rng.random(self.batch)) / self.batch
        t = torch.from_numpy((u * self.schedule.steps).astype(np.int64))[share].to(self.device)
        noise = rng.standard_normal((self.batch, *x_0.shape[1:]), dtype=np.float32)[share]
        eps = torch.from_numpy(noise).to(self.device)
        losses = simple_loss(model, self.schedule, x_0, t, eps)
        if self.model.prediction == "v":
            losses = losses / self.schedule.signal(t).flatten().square()
        if self.min_snr is not None:
            losses = losses * self._min_snr(t)
        return losses.mean()

    def _min_snr(self, t: torch.Tensor) -> torch.Tensor:
        """The weights of the squared error of v at the time steps ``t`` (N,)."""
        snr = (self.schedule.signal(t) / self.schedule.noise(t)).flatten().square()
        return snr.clamp(max=self.min_snr) / (snr + 1)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Mean L_simple over the fixed crops, and its mean over the lower and upper half of the time steps."""
        losses = simple_loss(model, self.schedule, self.val_x_0, self.val_t, self.val_eps)
        half = VAL_CROPS // 2
        return {
            "val_loss": losses.mean().item(),
            "val_loss_low_t": losses[:half].mean().item(),
            "val_loss_high_t": losses[half:].mean().item(),
        }

    def preview(self, model: nn.Module) -> np.ndarray:
        """Four crops, each clean, noisy and denoised in one step at three time steps; colour above infrared."""
        x_0, eps = self.val_x_0[:4], self.val_eps[:4]
        columns = [x_0]
        for step in PREVIEW_STEPS:
            t = torch.full((len(x_0),), min(step, self.schedule.steps - 1), device=self.device)
            x_t = self.schedule.diffuse(x_0, t, eps)
            columns += [x_t, self.schedule.predict_x_0(x_t, t, model(x_t, t))]
        rows = []
        for i in range(len(x_0)):
            images = [(c[i].clamp(-1, 1).cpu().numpy() + 1) / 2 for c in columns]
            rows.append([im[:3].transpose(1, 2, 0) for im in images])
            rows.append([np.repeat(im[3:].transpose(1, 2, 0), 3, axis=2) for im in images])
        return grid(rows)

    def weights(self, tensors: dict[str, torch.Tensor], card: dict[str, Any]) -> Weights:
        """The UNet with its configuration and the schedule that it was trained with."""
        origin = {
            "data": list(self.train.names),
            "pairs": len(self.train),
            "source": self.source,
            "batch": self.batch,
            "crop": self.augment.crop,
            "seed": self.seed,
        }
        return pack_diffusion(self.model, tensors, {**origin, **card})

    def _to_model(self, crops: np.ndarray) -> torch.Tensor:
        """[0, 1] to [-1, 1], channels last."""
        x = torch.from_numpy(crops * 2 - 1)
        return x.to(self.device).contiguous(memory_format=torch.channels_last)
