"""A compiler is trusted with a network whose gradients it keeps."""

import torch

from diffuse_fuse.training.compiler import apart, compiled
from diffuse_fuse.training.loop import Settings, train
from diffuse_fuse.training.state import load_state


class Detached(torch.nn.Module):
    """The forward pass is right, the backward pass loses nearly everything: what torch.compile did."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        with torch.no_grad():
            whole = self.model(*inputs)
        return whole + 0 * next(self.model.parameters()).sum()


class Faithful(torch.nn.Module):
    """The network itself, as another module."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        return self.model(*inputs)


def gradients_of(model):
    def gradients(forward):
        model.zero_grad()
        forward(torch.ones(2, 4)).square().sum().backward()
        return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]

    return gradients


def test_only_a_compiler_that_keeps_gradients_is_used(monkeypatch, capsys):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    monkeypatch.setattr(torch, "compile", Faithful)
    assert isinstance(compiled(model, gradients_of(model)), Faithful) and capsys.readouterr().out == ""
    monkeypatch.setattr(torch, "compile", Detached)
    assert compiled(model, gradients_of(model)) is model
    assert "gradients are off by 100%: training goes on without --compile" in capsys.readouterr().out


def test_a_compiler_that_fails_is_not_used(monkeypatch, capsys):
    class Broken(Faithful):
        def forward(self, *inputs):
            raise UnboundLocalError("buf149")

    model = torch.nn.Linear(4, 1)
    monkeypatch.setattr(torch, "compile", Broken)
    assert compiled(model, gradients_of(model)) is model
    assert "Compiling failed (UnboundLocalError): training goes on without --compile" in capsys.readouterr().out


def test_some_wrong_gradients_are_enough_and_nothings_do_not_count():
    ones, nothing = torch.ones(3), torch.zeros(3)
    assert apart([ones] * 10 + [ones], [ones] * 10 + [nothing]) == 0
    assert apart([ones] * 8 + [nothing] * 2, [ones] * 10) == 1
    assert apart([], []) == 0


def test_a_distrusted_run_is_the_run_without_a_compiler(tmp_path, make_task, monkeypatch):
    monkeypatch.setattr(torch, "compile", Detached)
    for name, compile_ in (("plain", False), ("distrusted", True)):
        train(make_task("fusion"), Settings(tmp_path / name, steps=2, compile=compile_, quiet=True))
    plain, distrusted = (load_state(tmp_path / name / "state.pt")["model"] for name in ("plain", "distrusted"))
    assert all(torch.equal(value, distrusted[key]) for key, value in plain.items())
