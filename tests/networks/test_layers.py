"""Layers whose class is known to a type checker are PyTorch's own containers when they run."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diffuse_fuse.networks.layers import bias_of, in_list, in_sequence, silence


def test_containers_are_those_of_pytorch_with_their_names():
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.levels = in_list(in_list(nn.Conv2d(1, 1, 1) for _ in range(count)) for count in (1, 2))
            self.steps = in_sequence(nn.Linear(1, 1, bias=False) for _ in range(2))

    network = Network()
    assert type(network.levels) is nn.ModuleList and type(network.steps) is nn.Sequential
    assert list(network.state_dict()) == [
        *(f"levels.{place}.{name}" for place in ("0.0", "1.0", "1.1") for name in ("weight", "bias")),
        "steps.0.weight",
        "steps.1.weight",
    ]


@pytest.mark.parametrize("bias", [True, False])
def test_a_silent_layer_gives_nothing(bias):
    layer = nn.Conv2d(2, 3, 3, bias=bias)
    silence(layer)
    assert not layer(torch.ones(1, 2, 5, 5)).any()
    if bias:
        assert bias_of(layer) is layer.bias
