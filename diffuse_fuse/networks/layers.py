"""Layers in a row whose class is known, which ``nn.ModuleList`` does not tell, and layers that give nothing yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar, cast

import torch
from torch import nn

Layer = TypeVar("Layer")  # an ``nn.Module``, or such layers again
Row = TypeVar("Row", covariant=True)


class Layers(Protocol[Row]):
    """What is asked of an ``nn.ModuleList``, or of an ``nn.Sequential`` that is walked through."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Row: ...

    def __iter__(self) -> Iterator[Row]: ...


def in_list(layers: Iterable[Layer]) -> Layers[Layer]:
    """The layers as an ``nn.ModuleList``."""
    return cast(Layers[Layer], nn.ModuleList(cast(Iterable[nn.Module], layers)))


def in_sequence(layers: Iterable[Layer]) -> Layers[Layer]:
    """The layers as an ``nn.Sequential``."""
    return cast(Layers[Layer], nn.Sequential(*cast(Iterable[nn.Module], layers)))


def silence(layer: nn.Conv2d | nn.Linear) -> None:
    """Makes a layer give nothing until it is trained."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def bias_of(layer: nn.Conv2d) -> torch.Tensor:
    """The bias of a layer that has one."""
    assert layer.bias is not None
    return layer.bias
