"""AdamW, and Muon for the matrices."""

import pytest
import torch
from torch import nn

from diffuse_fuse.errors import UsageError
from diffuse_fuse.training.optimizer import make_optimizer


def network(memory_format=torch.channels_last):
    torch.manual_seed(0)
    layers = nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 2, 1)
    return nn.Sequential(*layers).to(memory_format=memory_format)


def learn(model, name, steps, optimizer=None):
    optimizer = optimizer or make_optimizer(name, model.parameters(), 1e-2)
    x = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        loss = (model(x) - x[:, :2]).square().mean()
        loss.backward()
        optimizer.step(1e-2)
        optimizer.zero_grad()
    return float(loss.detach()), optimizer


def test_adamw_is_that_of_pytorch():
    ours, theirs = network(), network()
    learn(ours, "adamw", 5)
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=1e-2, betas=(0.9, 0.99), weight_decay=1e-3)
    x = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(1))
    for _ in range(5):
        optimizer.zero_grad()
        (theirs(x) - x[:, :2]).square().mean().backward()
        optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_muon_moves_a_matrix_in_all_directions_and_the_rest_as_adamw():
    """A step changes the matrix of a convolution by one whose singular values are nearly equal."""
    model = network()
    before = [p.detach().clone() for p in model.parameters()]
    learn(model, "muon", 1)
    moved = [p.detach() - b for p, b in zip(model.parameters(), before, strict=True)]
    values = torch.linalg.svdvals(moved[0].flatten(1))
    assert values.max() < 3 * values.min()
    assert moved[0].square().mean().sqrt() == pytest.approx(0.2e-2, rel=0.3)  # the size of a step of AdamW
    assert moved[3].abs().max() == pytest.approx(1e-2, rel=0.1)  # a bias: AdamW's first step


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_muon_learns_and_goes_on_from_its_state(memory_format):
    whole, parts = network(memory_format), network(memory_format)
    first, _ = learn(whole, "muon", 1)
    last, _ = learn(whole, "muon", 1, learn(whole, "muon", 29, None)[1])
    assert last < 0.5 * first
    whole = network(memory_format)
    learn(whole, "muon", 20)
    _, half = learn(parts, "muon", 10)
    again = make_optimizer("muon", parts.parameters(), 1e-2)
    again.load_state_dict(half.state_dict())
    learn(parts, "muon", 10, again)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))


def test_an_unknown_one_is_refused():
    with pytest.raises(UsageError, match="Unknown optimizer 'sgd': use adamw or muon"):
        make_optimizer("sgd", network().parameters(), 1e-3)
