"""Several processes that train one network, as ``torchrun`` starts them: a rank has its share of each batch.

What a step draws is a function of seed and step for the whole batch, and a rank makes only its own crops of it. So the
steps are those of a single process, up to the order in which gradients are added, and a run may be resumed by another
number of ranks. Without torchrun there is one rank, and nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from diffuse_fuse.errors import DfuseError, UsageError

T = TypeVar("T")

_PATIENCE = timedelta(hours=1)  # the others wait while the first rank validates


def join(device: str) -> None:
    """Makes this process one of those that torchrun started, if it did; gradients of a GPU go by NCCL, others by Gloo.
    Raises UsageError where there are fewer GPUs than ranks."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized():
        return
    if device == "cuda":
        local, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
        if local >= there:
            raise UsageError(f"There are {there} GPUs here for more ranks: give --nproc-per-node {there}.")
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if device == "cuda" else "gloo", timeout=_PATIENCE)


def leave() -> None:
    """The opposite of ``join``."""
    if dist.is_initialized():
        dist.destroy_process_group()


def count() -> int:
    """How many ranks there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def number() -> int:
    """Which of them this is, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    """Whether this is the rank that keeps the average, writes and speaks; also where it is the only one."""
    return number() == 0


def require_shares(batch: int) -> None:
    """Raises UsageError for a batch that the ranks cannot share evenly."""
    if batch % count():
        raise UsageError(f"A batch of {batch} crops cannot be shared by {count()} ranks: make --batch a multiple.")


def share(batch: int) -> slice:
    """This rank's crops of a batch."""
    each = batch // count()
    return slice(number() * each, (number() + 1) * each)


def common(part: slice, first: int, count: int) -> slice:
    """Which of ``part``, counted from its start, are among the ``count`` from ``first`` on."""
    start = max(part.start, first)
    return slice(start - part.start, max(start, min(part.stop, first + count)) - part.start)


def parallel(model: nn.Module) -> nn.Module:
    """``model`` so that after ``backward`` its gradients are the mean over all ranks'; first it gets rank 0's weights.

    Only the gradients of parameters that learn are exchanged; with none, the model comes back as it is.
    """
    if count() == 1:
        return model
    device = next(model.parameters()).device
    return nn.parallel.DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)


def mean(values: torch.Tensor) -> torch.Tensor:
    """The mean over all ranks of what each has; no gradient goes through it."""
    if count() == 1:
        return values
    total = values.detach().clone()
    dist.all_reduce(total)
    return total / count()


def of_first(values: Any) -> Any:
    """What rank 0 has, on all of them: anything that can be pickled."""
    if count() == 1:
        return values
    held = [values if is_first() else None]
    dist.broadcast_object_list(held, src=0)
    return held[0]


def number_of_first(value: float, device: torch.device) -> float:
    """A number that rank 0 has, on all of them; for every step."""
    if count() == 1:
        return value
    held = torch.tensor(value, dtype=torch.float64 if device.type != "mps" else torch.float32, device=device)
    dist.broadcast(held, src=0)
    return float(held)


def by_first(call: Callable[[], T]) -> T:
    """What ``call`` gives on rank 0, the only one where it is called, on all of them.

    A DfuseError there is raised there; the other ranks end without a word.
    """
    if count() == 1:
        return call()
    made, error = None, None
    if is_first():
        try:
            made = call()
        except DfuseError as caught:
            error = caught
    made, code = of_first((made, error.exit_code if error else 0))
    if error:
        raise error
    if code:
        raise SystemExit(code)
    return made


def failed(error: DfuseError) -> BaseException:
    """What to raise for an error that all ranks find: the first one says it, the others end."""
    return error if is_first() else SystemExit(error.exit_code)
