"""Exported graphs compute what PyTorch computes, and say what they are."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest

import diffuse_fuse
from diffuse_fuse import models
from diffuse_fuse.cli.commands import main
from diffuse_fuse.errors import ImageError, ImageWriteError, UsageError, WeightsError
from diffuse_fuse.files import sha256
from diffuse_fuse.images import load_pair
from diffuse_fuse.onnx import export as exporter
from diffuse_fuse.onnx.export import export
from diffuse_fuse.onnx.facts import GraphFacts
from diffuse_fuse.onnx.fuser import OnnxFuser
from tests.schemas import check

SHARED = Path(os.environ.get("DFUSE_SHARED", "shared"))
PAIRS = SHARED / "data" / "msrs" / "test_sample"


def properties(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_the_file_is_valid_and_says_what_it_is(weights, dynamic_graph):
    graph = onnx.load(dynamic_graph)
    onnx.checker.check_model(graph)
    assert [(i.name, [d.dim_value for d in i.type.tensor_type.shape.dim]) for i in graph.graph.input] == [
        ("ir", [1, 1, 0, 0]),
        ("vis", [1, 3, 0, 0]),
    ]
    assert [output.name for output in graph.graph.output] == ["fused"]
    found = properties(dynamic_graph)
    assert found["weights_sha256"] == sha256(weights)
    assert found["multiple_of"] == "8" and found["dfuse_version"] == diffuse_fuse.__version__
    facts = GraphFacts.from_properties(found, "it")
    assert facts.card == {"data": "none"} and facts.size is None and facts.reach > 8


def test_a_graph_for_one_size_takes_that_size_only(weights, fixed_graph, expected, scene):
    check_graph_of_one_size(weights, fixed_graph, expected, scene)


@pytest.mark.long
def test_a_graph_of_the_large_kind_with_noise_takes_one_size_only(large_weights, expected, scene):
    path = large_weights.with_name("fixed.onnx")
    export(large_weights, path, (37, 45))
    check_graph_of_one_size(large_weights, path, expected, scene)


def check_graph_of_one_size(weights, graph, expected, scene):
    fuser = OnnxFuser(graph, threads=1, balance=1)
    assert fuser.facts.size == (40, 48)  # 37×45 in whole cells
    assert np.abs(fuser.fuse(*scene) - expected(weights, *scene)).max() <= 1
    assert [output.name for output in onnx.load(graph).graph.output] == ["fused"]
    with pytest.raises(ImageError, match="30×37 pixels, and the graph is for 48×40: dfuse export --dynamic"):
        fuser.fuse(scene[0][:, :30], scene[1][:, :30])


def test_noise_that_depends_on_the_place_is_refused_for_any_size(large_weights, tmp_path):
    with pytest.raises(WeightsError, match="for one size only"):
        export(large_weights, tmp_path / "out.onnx", None)
    assert not any(tmp_path.iterdir())


def test_a_graph_that_differs_is_not_written(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(exporter, "_graph", lambda picture, facts: b"")
    monkeypatch.setattr(exporter, "largest_difference", lambda *_: 1.5)
    with pytest.raises(WeightsError, match=r"differs from PyTorch by 1\.5 of 255"):
        export(weights, tmp_path / "out.onnx", None)
    assert not any(tmp_path.iterdir())


def test_a_few_pixels_of_many_may_be_undecided_and_no_more():
    apart = np.zeros((3, 480, 640))
    apart[1, 100, 100:103] = 1.2
    assert exporter.largest_but_undecided(apart, exporter.UNDECIDED) == 0
    assert exporter.largest_but_undecided(apart, 0.0) == 1.2
    apart[2, 101, 100] = 1.1
    assert exporter.largest_but_undecided(apart, exporter.UNDECIDED) == 1.1
    assert exporter.largest_but_undecided(apart[:, 100:196, :160], exporter.UNDECIDED) == 1.2  # of a small probe none
    apart[0, 0, 0] = np.nan
    assert np.isnan(exporter.largest_but_undecided(apart, exporter.UNDECIDED))


@pytest.mark.long
def test_base_is_exported_for_the_documented_size(tmp_path, capsys):
    out = tmp_path / "fusion.onnx"
    assert main(["export", "-o", str(out), "--size", "640x480", "--json"]) == 0, capsys.readouterr().err
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == "base" and told["size"] == {"height": 480, "width": 640} and told["difference"] <= 1


def test_diffusion_weights_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="weights are needed here"):
        export("diffusion", tmp_path / "out.onnx", None)


def test_a_missing_extra_gives_the_line_that_installs_it(weights, tmp_path, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr("diffuse_fuse.extras.import_module", missing)
    with pytest.raises(UsageError, match=r"pip install '\.\[onnx\]'"):
        export(weights, tmp_path / "out.onnx", None)
    with pytest.raises(UsageError, match=r"pip install '\.\[onnx\]'"):
        OnnxFuser(tmp_path / "any.onnx")


def test_the_command_writes_once_and_reports(weights, tmp_path, capsys):
    out = tmp_path / "small.onnx"
    assert main(["export", "-o", str(out), "--model", str(weights), "--size", "45x37", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert check(told) == "export"
    assert told["size"] == {"height": 40, "width": 48} and told["weights"] == sha256(weights)
    assert told["difference"] <= 1 and told["bytes"] == out.stat().st_size
    before = out.read_bytes()
    assert main(["export", "-o", str(out), "--model", str(weights)]) == 1
    assert "exists already" in capsys.readouterr().err and out.read_bytes() == before
    link, content = tmp_path / "link.onnx", weights.read_bytes()
    link.symlink_to(weights)
    assert main(["export", "-o", str(link), "--model", str(weights), "--overwrite"]) == 2
    assert "one of the inputs" in capsys.readouterr().err and weights.read_bytes() == content and link.is_symlink()
    assert main(["export", "-o", str(tmp_path / "a.pt"), "--model", str(weights)]) == 2
    assert main(["export", "-o", str(tmp_path / "no" / "a.onnx"), "--model", "nothing"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(exporter, "_graph", lambda picture, facts: b"")
    monkeypatch.setattr(exporter, "largest_difference", lambda *_: 0.0)
    (tmp_path / "file").write_text("")
    with pytest.raises(ImageWriteError, match="cannot be written"):
        export(weights, tmp_path / "file" / "out.onnx", None)


def shipped() -> list:
    """The fusion models; exporting a large one takes two minutes."""
    cards = [card for card in models.available() if card.kind != "diffusion"]
    return [pytest.param(c.name, marks=[pytest.mark.long] if c.parameters > 3_000_000 else []) for c in cards]


@pytest.fixture(scope="module")
def shipped_graph(tmp_path_factory):
    """The graph of shipped weights for any size, exported once."""
    folder = tmp_path_factory.mktemp("shipped")

    @cache
    def made(name):
        _, difference = export(name, folder / f"{name}.onnx", None)
        assert difference <= 1
        return folder / f"{name}.onnx"

    return made


@pytest.mark.parametrize("name", shipped())
def test_shipped_models_agree_with_pytorch_on_rendered_pairs_at_three_sizes(name, expected, shipped_graph, street):
    fuser = OnnxFuser(shipped_graph(name), balance=1)  # the network alone
    for kind, height, width in (("day", 240, 320), ("night", 123, 167), ("night", 96, 128)):
        ir, vis = street(kind, 320, 240)
        ir, vis = ir[:height, :width], vis[:height, :width]
        difference = np.abs(fuser.fuse(ir, vis) - expected(models.locate(name), ir, vis))
        assert difference.max() <= 1, (name, height, width)


@pytest.mark.parametrize("name", shipped())
def test_shipped_models_agree_with_pytorch_on_real_pairs_at_three_sizes(name, expected, shipped_graph):
    if not PAIRS.is_dir():
        pytest.skip("there are no real pairs: set DFUSE_SHARED")
    fuser = OnnxFuser(shipped_graph(name), balance=1)  # the network alone
    files = sorted((PAIRS / "ir").iterdir())
    for file, (height, width) in zip(files, ((480, 640), (251, 333), (96, 128)), strict=False):
        pair = load_pair(file, PAIRS / "vi" / file.name)
        ir, vis = pair.ir[:height, :width], pair.vis[:height, :width]
        difference = np.abs(fuser.fuse(ir, vis) - expected(models.locate(name), ir, vis))
        assert difference.max() <= 1, (name, height, width)
