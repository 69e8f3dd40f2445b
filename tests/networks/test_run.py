"""The two executors: row by row every network gives what it gives on the whole picture, and nothing is done twice."""

import inspect
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from diffuse_fuse.networks import head, student, unet
from diffuse_fuse.networks.run import WHOLE, Rows, Whole


def by_rows(step, x, cuts):
    """``step(x, run)`` of a picture (N, C, H, W) in bands that end at ``cuts``."""
    run, parts, edges = Rows(), [], [0, *cuts, x.shape[2]]
    for top, bottom in zip(edges[:-1], edges[1:], strict=True):
        parts.append(step(x[:, :, top:bottom], run.band(bottom - top, bottom == x.shape[2])))
    return torch.cat(parts, dim=2)


def something_of_each(x, run, layers):
    """A network with all that an executor can do."""
    h = run.conv(layers["wide"], x)
    low = run.conv(layers["down"], run.multiples(h, 2))
    x, up = run.align(x, run.repeat(run.conv(layers["one"], low)))
    x, means = run.align(x + up, run.enlarge(run.halve(run.multiples(x, 2))))

    def last(x, means, run):
        h, means = run.align(run.conv(layers["wide"], x), means)
        return h * means

    return run.portions(last, x, means, scale=1)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_rows_are_the_whole_wherever_it_is_cut(data):
    torch.manual_seed(0)
    layers = {"wide": nn.Conv2d(3, 3, 3, padding=1), "down": nn.Conv2d(3, 3, 2, stride=2), "one": nn.Conv2d(3, 3, 1)}
    rows = 2 * data.draw(st.integers(2, 12))
    cuts = sorted(2 * cut for cut in data.draw(st.sets(st.integers(1, rows // 2 - 1))))
    x = torch.rand(1, 3, rows, 8)
    with torch.inference_mode():
        whole = something_of_each(x, WHOLE, layers)
        found = by_rows(lambda x, run: something_of_each(x, run, layers), x, cuts)
    torch.testing.assert_close(found, whole, atol=1e-6, rtol=0)


def test_portions_have_no_more_rows_than_a_band():
    seen = []

    def step(x, run):
        seen.append(x.shape[2])
        return x

    def network(x, run):
        return run.portions(step, run.multiples(x, 8), scale=1)

    x = torch.rand(1, 1, 16, 2)
    assert torch.equal(by_rows(network, x, [3, 6, 9, 12, 15]), x)
    assert sum(seen) == 16 and max(seen) == 3
    assert Whole().portions(step, x, scale=1) is x


@pytest.mark.parametrize("module", [unet, head, student])
def test_no_layer_is_called_past_the_executor(module):
    """Each convolution is named in one forward pass, which hands it to the executor that it gets."""
    source = inspect.getsource(module)
    layers = set(re.findall(r"self\.(\w+) = nn\.(?:Conv2d|ModuleList\(nn\.Conv2d)", source))
    assert len(layers) >= 4
    called = set(re.findall(r"self\.(\w+)(?:\[[^]]*\])?\(", source))
    # the noise output and attention are those of diffusion models, which see whole pictures only
    assert layers & called <= ({"out", "qkv", "proj"} if module is unet else set())
