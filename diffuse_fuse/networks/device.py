"""Where a network runs."""

from __future__ import annotations

import torch

from diffuse_fuse.arguments import text
from diffuse_fuse.errors import UsageError


def choose_device(name: str) -> str:
    """The torch device for "auto", "cpu", "cuda" or "mps". Raises UsageError for one that is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if text(name, "The device") not in there:
        raise UsageError(f"Unknown device '{name}': use auto, cpu, cuda or mps.")
    if not there[name]:
        raise UsageError(f"This machine has no device '{name}' that PyTorch can use: use auto or cpu.")
    return name


def free_memory(device: str) -> int | None:
    """Bytes that are free on a GPU, PyTorch's own reserve included; None where it is not known, and for the CPU."""
    if device == "cuda":
        reserve = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return torch.cuda.mem_get_info()[0] + reserve
    if device == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return None
