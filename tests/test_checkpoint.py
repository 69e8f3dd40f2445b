"""Weights files: what goes in comes out, and everything else is refused in one sentence."""

import pytest
import torch
from safetensors.torch import save_file

from diffuse_fuse.checkpoint import Weights, fill, load_weights, read_header, save_weights
from diffuse_fuse.errors import WeightsError

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4)}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, Weights("diffusion", {"steps": 10}, {"data": "none"}, TENSORS))
    return path


def test_round_trip(file):
    weights = load_weights(file, "diffusion")
    assert (weights.kind, weights.config, weights.card) == ("diffusion", {"steps": 10}, {"data": "none"})
    assert all(
        torch.equal(weights.tensors[k], TENSORS[k]) and weights.tensors[k].dtype == torch.float32 for k in TENSORS
    )


def test_same_weights_give_the_same_bytes(file, tmp_path):
    again = tmp_path / "again.safetensors"
    save_weights(again, load_weights(file))
    assert again.read_bytes() == file.read_bytes()


def test_other_kind_is_refused(file):
    with pytest.raises(WeightsError, match="holds diffusion weights, but fusion weights are needed"):
        load_weights(file, "fusion")
    with pytest.raises(WeightsError, match="unknown kind 'painter'"):
        save_weights(file, Weights("painter", {}, {}, {}))


def test_missing_damaged_and_foreign_files_are_refused(tmp_path, file):
    with pytest.raises(WeightsError, match="There is no weights file"):
        load_weights(tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-7])
    with pytest.raises(WeightsError, match="no safetensors file, or is damaged"):
        load_weights(tmp_path / "cut.safetensors")
    (tmp_path / "text.safetensors").write_text("weights")
    with pytest.raises(WeightsError, match="no safetensors file, or is damaged"):
        load_weights(tmp_path / "text.safetensors")
    save_file(TENSORS, tmp_path / "foreign.safetensors")
    with pytest.raises(WeightsError, match="not one that dfuse wrote"):
        load_weights(tmp_path / "foreign.safetensors")


def test_newer_version_is_refused(tmp_path):
    save_file(TENSORS, tmp_path / "new", {"dfuse": '{"version": 99, "kind": "fusion", "config": {}, "card": {}}'})
    with pytest.raises(WeightsError, match="version 99.*update dfuse"):
        read_header(tmp_path / "new")


def test_tensors_must_fit_the_model():
    model = torch.nn.Linear(3, 2)
    fill(model, {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}, "it")
    assert torch.equal(model.weight, torch.ones(2, 3))
    with pytest.raises(WeightsError, match=r"1 tensors missing \(bias\), 1 unknown \(c\)"):
        fill(model, {"weight": torch.ones(2, 3), "c": torch.zeros(2)}, "it")
    with pytest.raises(WeightsError, match=r"weight has shape \(3, 2\).*asks for \(2, 3\)"):
        fill(model, {"weight": torch.ones(3, 2), "bias": torch.zeros(2)}, "it")
