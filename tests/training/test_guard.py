"""The guard of a run: no tensor without gradient before it, none that is still 0 after it."""

import pytest
import torch
from torch import nn

from diffuse_fuse import models
from diffuse_fuse.checkpoint import load_weights
from diffuse_fuse.errors import TrainingError
from diffuse_fuse.networks.layers import silence
from diffuse_fuse.training import guard
from diffuse_fuse.training.loop import Settings, train
from diffuse_fuse.training.optimizer import make_optimizer


class Chain(nn.Module):
    """Three layers, of which two begin at zero, so that gradients come through one after the other."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = (nn.Linear(4, 4) for _ in range(3))
        silence(self.second)
        silence(self.last)
        self.cut = False

    def forward(self, x):
        h = self.first(x)
        h = h.detach() if self.cut else h
        return self.last(x + self.second(h))


def deaf(model, lr=1e-3):
    named = dict(model.named_parameters())

    def loss(step):
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        return (model(x) - x.flip(1)).square().mean()

    return guard.without_gradient(named, loss, make_optimizer("adamw", named.values(), lr), lr)


def test_layers_that_begin_at_zero_are_waited_for_and_nothing_is_changed():
    model = Chain()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    assert deaf(model) == []
    assert all(torch.equal(p, before[name]) and p.grad is None for name, p in model.named_parameters())


def test_a_layer_without_gradient_is_named():
    model = Chain()
    model.cut = True
    assert deaf(model) == ["first.weight", "first.bias"]
    assert deaf(model, lr=0.0) == []  # nothing is to learn


@pytest.mark.parametrize("kind", ["diffusion", "fusion", "student"])
def test_a_run_whose_network_loses_gradients_does_not_begin(tmp_path, make_task, kind):
    task = make_task(kind)
    layer = [module for module in task.model.modules() if isinstance(module, nn.Conv2d)][1]
    layer.register_forward_hook(lambda _, __, output: output.detach())
    with pytest.raises(TrainingError, match=r"of \d+ tensors .* get no gradient"):
        train(task, Settings(tmp_path, steps=5, quiet=True))
    assert not (tmp_path / "weights.safetensors").exists()


def test_weights_that_are_still_nothing_are_not_to_be_used(tmp_path, make_task, monkeypatch):
    monkeypatch.setattr(guard, "LEARNT", 10)
    monkeypatch.setattr(guard, "without_gradient", lambda *_: [])
    task = make_task("fusion")
    block = task.model.unet.middle
    block.register_forward_hook(lambda module, inputs, _: inputs[0])  # what is in it plays no part
    with pytest.raises(TrainingError, match=r"^2 of \d+ tensors \(unet.middle.conv2.weight, .*time.weight\) are 0"):
        train(task, Settings(tmp_path, steps=12, quiet=True))


@pytest.mark.parametrize("name", ["base", "fast", "tiny", "diffusion", "layout"])
def test_no_block_of_shipped_weights_is_the_identity(name):
    path = models.folder() / f"{name}.safetensors"
    if not path.is_file():
        pytest.skip("the weights are not there")
    assert guard.silent(load_weights(path).tensors) == []
