"""The compiled network, where its gradients can be trusted.

On CPUs torch.compile (PyTorch 2.13) was seen to lose gradients in bfloat16, without a word, with some networks and
shapes of batches and not with others: the loss falls, since the last layers learn, and the rest never does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

_APART = 0.3  # relative; bfloat16 itself makes a few hundredths

Gradients = Callable[[nn.Module], list[torch.Tensor]]


def compiled(model: nn.Module, gradients: Gradients) -> nn.Module:
    """The compiled ``model``; or the model itself, and a line that says why, where compiling fails or gives other
    gradients. ``gradients`` gives those of the parameters for one and the same loss."""
    expected = gradients(model)  # first: what is wrong with the data is not the compiler's fault
    forward = cast(nn.Module, torch.compile(model))  # of a module it makes a module
    try:
        wrong = apart(gradients(forward), expected)
    except Exception as error:  # no C++ compiler, or any defect in what it was given: the list has no end
        print(f"Compiling failed ({type(error).__name__}): training goes on without --compile.")
        return model
    if wrong <= _APART:
        return forward
    print(f"The compiled network's gradients are off by {wrong:.0%}: training goes on without --compile.")
    return model


def apart(found: list[torch.Tensor], expected: list[torch.Tensor]) -> float:
    """The relative difference that at least a tenth of the gradients have, of those that are not nothing."""
    differences = [
        float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True) if float(b.norm()) > 0
    ]
    return sorted(differences, reverse=True)[len(differences) // 10] if differences else 0.0
