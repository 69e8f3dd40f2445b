"""What turns gradients into steps: AdamW, or Muon for the matrices of a network and AdamW for the rest.

Muon (Jordan et al. 2024) gives all directions of a matrix the same step, the rare ones too. A student learns more from
the same minutes by it; its steps are scaled to the size of AdamW's, so that learning rates mean the same for both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from diffuse_fuse.errors import UsageError

OPTIMIZERS = ("adamw", "muon")
_BETAS = (0.9, 0.99)
_WEIGHT_DECAY = 1e-3
_LEAST_SIDE = 16  # of a matrix that is worth it: a narrower one has hardly any directions


def make_optimizer(name: str, params: Iterable[nn.Parameter], lr: float) -> MixedOptimizer:
    """The optimizer of one of the ``OPTIMIZERS`` for ``params``. Raises UsageError for another name."""
    if name not in OPTIMIZERS:
        raise UsageError(f"Unknown optimizer '{name}': use {' or '.join(OPTIMIZERS)}.")
    params = list(params)
    matrices = [p for p in params if name == "muon" and _is_matrix(p)]
    taken = {id(p) for p in matrices}
    return MixedOptimizer(matrices, [p for p in params if id(p) not in taken], lr)


class MixedOptimizer:
    """Muon for ``matrices``, the weights of convolutions among them, and AdamW for ``others``; either may be empty."""

    def __init__(self, matrices: list[nn.Parameter], others: list[nn.Parameter], lr: float) -> None:
        self._matrices = matrices
        self._flat = [nn.Parameter(_flat(p.detach())) for p in matrices]
        self._parts: dict[str, torch.optim.Optimizer] = {}
        if matrices:
            # 1e-3 of decay is next to none with either
            self._parts["muon"] = torch.optim.Muon(
                self._flat, lr=lr, weight_decay=_WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"
            )
        if others:
            self._parts["adamw"] = torch.optim.AdamW(others, lr=lr, betas=_BETAS, weight_decay=_WEIGHT_DECAY)

    def step(self, lr: float) -> None:
        """One step with this learning rate."""
        for matrix, flat in zip(self._matrices, self._flat, strict=True):
            flat.grad = None if matrix.grad is None else _like(flat, matrix)
        for part in self._parts.values():
            for group in part.param_groups:
                group["lr"] = lr
            part.step()

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for matrix in self._matrices:
            matrix.grad = None
        for part in self._parts.values():
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to go on."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with what another one of the same network and name left."""
        for name, part in self._parts.items():
            part.load_state_dict(state[name])


def _is_matrix(p: nn.Parameter) -> bool:
    return p.ndim in (2, 4) and min(len(p), p[0].numel()) >= _LEAST_SIDE


def _flat(x: torch.Tensor) -> torch.Tensor:
    """A matrix of the same memory: a row for each output of a convolution, contiguous or channels last."""
    return x.view(len(x), -1) if x.is_contiguous() else x.permute(0, 2, 3, 1).view(len(x), -1)


def _like(flat: nn.Parameter, matrix: nn.Parameter) -> torch.Tensor:
    """The gradient of a matrix, in the order of the memory that it and ``flat`` share."""
    assert matrix.grad is not None
    grad = matrix.grad if matrix.is_contiguous() else matrix.grad.permute(0, 2, 3, 1)
    return grad.reshape(flat.shape)
