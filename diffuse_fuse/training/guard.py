"""Whether a network learns as a whole: gradients before the first step of a run, weights after the last one.

A loss that falls does not say so: the last layers learn, and what is below them may stand still, by a compiler that
loses gradients without a word or by a mistake in a network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import nn

from diffuse_fuse.training.optimizer import MixedOptimizer

TRIAL_STEPS = 8  # layers that begin at zero let gradients through one after the other: at most four steps
LEARNT = 100  # steps after which no layer is still as it began


def without_gradient(
    params: Mapping[str, nn.Parameter], loss: Callable[[int], torch.Tensor], optimizer: MixedOptimizer, lr: float
) -> list[str]:
    """The names of the ``params`` whose gradient is 0 in each of the first steps, which are undone afterwards.

    ``loss`` gives that of a step; ``optimizer`` has those parameters, and is of no use afterwards. Where the rate is 0,
    nothing is to learn, and nothing is looked for.
    """
    if not lr:
        return []
    before = [p.detach().clone() for p in params.values()]
    waiting = dict(params)
    try:
        for step in range(TRIAL_STEPS):
            loss(step).backward()
            # what is no number is for the run to complain about
            waiting = {name: p for name, p in waiting.items() if p.grad is None or not bool((p.grad != 0).any())}
            if not waiting:
                break
            nn.utils.clip_grad_norm_(params.values(), 1.0)
            optimizer.step(lr)
            optimizer.zero_grad()
    finally:
        optimizer.zero_grad()
        with torch.no_grad():
            for p, value in zip(params.values(), before, strict=True):
                p.copy_(value)
    return list(waiting)


def silent(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """The names of the matrices and convolutions that are 0 as they are stored, in half precision."""
    return [name for name, value in tensors.items() if value.ndim > 1 and not bool(value.detach().half().any())]


def told(names: Collection[str], of: int) -> str:
    """Some tensors in a message: how many there are, and the first ones' names."""
    first = ", ".join(list(names)[:2])
    return f"{len(names)} of {of} tensors ({first}{', …' if len(names) > 2 else ''})"
