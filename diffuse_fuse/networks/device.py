"""Where a network runs."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from diffuse_fuse.arguments import text
from diffuse_fuse.errors import UsageError

Network = TypeVar("Network", bound=nn.Module)


def placed(network: Network, device: str, dtype: torch.dtype | None = None) -> Network:
    """The network itself, moved to a device and a type, its convolutions' weights channels last."""
    # PyTorch's own types of ``to`` lack this argument, which its documentation names
    return network.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


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
