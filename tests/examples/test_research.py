"""The programs of examples/ that build on dfuse: each runs, small, and does what it says."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from diffuse_fuse import metrics
from diffuse_fuse.evaluation import layouts

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))


@pytest.fixture
def program(request):
    """A fresh import of an example; what it registers is taken away afterwards."""
    kept, known = dict(metrics.REGISTRY), list(layouts._REGISTERED)
    sys.modules.pop(request.param, None)
    yield importlib.import_module(request.param)
    metrics.REGISTRY.clear()
    metrics.REGISTRY.update(kept)
    layouts._REGISTERED[:] = known


@pytest.mark.parametrize("program", ["features"], indirect=True)
def test_features_are_tensors_of_four_levels(program):
    ir, vis = program.render("night", 48, 32)
    levels = program.features(program.PairModel(), ir, vis)
    assert [tuple(level.shape[2:]) for level in levels] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert all(level.dtype == torch.float32 and level.shape[1] % len(program.TIME_STEPS) == 0 for level in levels)
    everything = program.main(48, 32)
    assert everything.shape == (1, sum(level.shape[1] for level in levels), 16, 24)
    assert torch.equal(everything, program.stacked(levels))


@pytest.mark.parametrize("program", ["own_head"], indirect=True)
def test_a_head_learns_on_frozen_features(program):
    first, last = program.main(steps=40, width=48, height=32)
    assert last < 0.6 * first


@pytest.mark.parametrize("program", ["own_metric"], indirect=True)
def test_a_metric_is_registered_and_used(program, tmp_path):
    scores = program.main(program.rendered(tmp_path))
    assert list(scores) == ["Hot99", "EN"]
    ir, vis = program.render("day", 160, 120)
    fused = np.where(ir >= np.percentile(ir, 99), 255, 0).astype(np.uint8)
    assert metrics.compute(ir, vis, fused, "Hot99") == {"Hot99": 1.0}


@pytest.mark.parametrize("program", ["own_layout"], indirect=True)
def test_a_layout_is_recognised(program, tmp_path):
    program.draw(tmp_path)
    found = program.main(tmp_path)
    assert found.name == "Night walks" and "rendered, and not walked" in found.notes
    pairs = {(pair.ir.name, pair.vis.name, pair.ir.parts[-4], pair.vis.parts[-4]) for pair in found.pairs}
    assert pairs == {(f"T_000{f}.png", f"P_000{f}.png", f"walk_{w}", f"walk_{w}") for f in (0, 1) for w in (0, 1)}


@pytest.mark.parametrize("program", ["own_samplers"], indirect=True)
def test_samplers_take_any_network_and_any_channels(program):
    samples = program.main()
    wanted = torch.linspace(-0.8, 0.8, program.CHANNELS)
    for name, x_0 in samples.items():
        assert x_0.shape == (16, program.CHANNELS, 4, 4)
        assert (x_0.mean(dim=(0, 2, 3)) - wanted).abs().max() < 0.15, name
    there, back = samples["DDIM, 20 steps"], samples["there and back"]
    assert (there - back).abs().mean() < 0.05
