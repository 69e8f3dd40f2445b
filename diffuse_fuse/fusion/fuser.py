"""``Fuser``: what users call. A pair in, a colour picture out, the same bytes every time."""

from __future__ import annotations

import os
import warnings

import numpy as np
import torch
import torch.nn.functional as F

from diffuse_fuse import models
from diffuse_fuse.errors import ImageError, UsageError
from diffuse_fuse.fusion.model import load_model
from diffuse_fuse.images.arrays import as_infrared, as_visible
from diffuse_fuse.images.load import match_sizes
from diffuse_fuse.images.read import read_infrared, read_visible

MINIMUM_SIZE = 16  # pixels; smaller pictures have no features at the coarsest level

Source = np.ndarray | str | os.PathLike[str]


class Fuser:
    """A fusion model, loaded once, for any number of pairs.

    ``model`` is the name of shipped weights ("default") or the path of a weights file; ``device`` is "auto"
    (a GPU where there is one), "cpu", "cuda" or "mps"; ``threads`` limits the CPU threads of PyTorch for the
    whole process. Raises WeightsError for weights that cannot be used, UsageError for a device that is not there.
    """

    def __init__(
        self, model: str | os.PathLike[str] = "default", device: str = "auto", threads: int | None = None
    ) -> None:
        if threads is not None:
            if threads < 1:
                raise UsageError(f"The number of threads must be at least 1, not {threads}.")
            torch.set_num_threads(threads)
        path = models.locate(os.fspath(model))
        self.model_name: str = models.name_of(path)
        self.device: str = choose_device(device)
        self._model = load_model(path).to(self.device, memory_format=torch.channels_last)

    def fuse(self, ir: Source, vis: Source) -> np.ndarray:
        """Fuses one registered pair.

        ``ir`` H×W (or H×W×3, of which the luma is taken) and ``vis`` H×W×3 RGB or H×W, as arrays (uint8, uint16,
        or float in [0, 1]) or as paths; at least 16×16. Returns uint8 H×W×3 RGB of the visible picture's size.
        An infrared picture of another resolution but the same field of view is resized, with a warning.
        Raises ImageError (or one of its kinds) for what is no picture, PairError for sizes that do not belong
        together.
        """
        ir_array = ir if isinstance(ir, np.ndarray) else read_infrared(ir)
        vis_array = vis if isinstance(vis, np.ndarray) else read_visible(vis)
        ir_array, resized = match_sizes(ir_array, vis_array)
        if resized:
            warnings.warn(resized, stacklevel=2)
        a, b = as_infrared(ir_array), as_visible(vis_array)
        if min(a.shape) < MINIMUM_SIZE:
            raise ImageError(
                f"the pictures have {a.shape[1]}×{a.shape[0]} pixels: at least {MINIMUM_SIZE}×{MINIMUM_SIZE} are needed"
            )
        with torch.inference_mode():
            fused = self._forward(torch.from_numpy(a)[None, None], torch.from_numpy(b).permute(2, 0, 1)[None])
            return (fused[0] * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()

    def _forward(self, ir: torch.Tensor, vis: torch.Tensor) -> torch.Tensor:
        """(1, 1, H, W) and (1, 3, H, W) of any size -> (1, 3, H, W): padded to whole cells, and cut again."""
        h, w = ir.shape[2:]
        multiple = self._model.multiple
        pad = (0, -w % multiple, 0, -h % multiple)
        both = F.pad(torch.cat([ir, vis], dim=1), pad, mode="reflect")
        both = both.to(self.device).contiguous(memory_format=torch.channels_last)
        fused, _ = self._model(both[:, :1], both[:, 1:])
        return fused[..., :h, :w]


def fuse(ir: Source, vis: Source, model: str | os.PathLike[str] = "default") -> np.ndarray:
    """Fuses one pair with the weights ``model``; see ``Fuser`` for several. Returns uint8 H×W×3 RGB."""
    return Fuser(model).fuse(ir, vis)


def choose_device(name: str) -> str:
    """The torch device for "auto", "cpu", "cuda" or "mps". Raises UsageError for one that is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if name not in there:
        raise UsageError(f"Unknown device '{name}': use auto, cpu, cuda or mps.")
    if not there[name]:
        raise UsageError(f"This machine has no device '{name}' that PyTorch can use: use auto or cpu.")
    return name
