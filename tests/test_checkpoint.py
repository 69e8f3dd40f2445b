"""Weights files: what goes in comes out, and everything else is refused in one sentence."""

import json
import re
import time

import pytest
import torch
from safetensors.torch import save_file

from diffuse_fuse.checkpoint import Weights, fill, load_weights, read_header, save_weights, sha256
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


def test_the_hash_is_of_the_bytes_that_the_tensors_come_from(file, tmp_path, monkeypatch):
    """Whoever replaces the file meanwhile: it is read once."""
    other = tmp_path / "other.safetensors"
    save_weights(other, Weights("diffusion", {"steps": 10}, {}, {"a": torch.zeros(2, 3)}))
    read = type(file).read_bytes

    def read_and_replace(path):
        data = read(path)
        other.replace(path)
        return data

    expected = sha256(file)
    monkeypatch.setattr(type(file), "read_bytes", read_and_replace)
    weights = load_weights(file)
    assert weights.sha256 == expected != sha256(file)
    assert torch.equal(weights.tensors["a"], TENSORS["a"])


def test_other_kind_is_refused(file):
    with pytest.raises(WeightsError, match="holds diffusion weights, but fusion weights are needed"):
        load_weights(file, "fusion")
    with pytest.raises(WeightsError, match="unknown kind 'painter'"):
        save_weights(file, Weights("painter", {}, {}, {}))


def test_missing_damaged_and_foreign_files_are_refused(tmp_path, file):
    with pytest.raises(WeightsError, match="There is no weights file"):
        load_weights(tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-7])
    with pytest.raises(WeightsError, match="not a safetensors file, or is damaged"):
        load_weights(tmp_path / "cut.safetensors")
    (tmp_path / "text.safetensors").write_text("weights")
    with pytest.raises(WeightsError, match="not a safetensors file, or is damaged"):
        load_weights(tmp_path / "text.safetensors")
    save_file(TENSORS, tmp_path / "foreign.safetensors")
    with pytest.raises(WeightsError, match="not one that dfuse wrote"):
        load_weights(tmp_path / "foreign.safetensors")


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(wrong):
    model = torch.nn.Linear(3, 2)
    tensors = {**model.state_dict(), "bias": torch.tensor([1.0, wrong])}
    with pytest.raises(WeightsError, match="tensor bias holds a value that is not a number"):
        fill(model, tensors, "w")


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


def _with_config(path, config, kind="student", tensors=TENSORS, card="{}"):
    text = config if isinstance(config, str) else json.dumps(config)
    save_file(tensors, path, {"dfuse": f'{{"version": 1, "kind": "{kind}", "config": {text}, "card": {card}}}'})
    return path


UNET = {"channels": [8, 8], "blocks": [1, 1]}


@pytest.mark.parametrize(
    "config, words",
    [
        ("[" * 100_000, "not one that dfuse wrote"),
        ("[" * 900 + "]" * 900, "where names should be"),
        ('{"a": ' * 900 + "1" + "}" * 900, "in its configuration, a is {'a'"),
        ('{"channels": ' + "[" * 900 + "]" * 900 + "}", "in its configuration, channels is"),
        ({"channels": [8] * 1000, "blocks": [1] * 1000}, "channels is"),
        ({"channels": [10**12, 8], "blocks": [1, 1]}, "channels is"),
        ({"channels": [8, -8], "blocks": [1, 1]}, "channels is"),
        ({"channels": [8.5, 8], "blocks": [1, 1]}, "channels is"),
        ('{"channels": [NaN, 8], "blocks": [1, 1]}', "channels is"),
        ("5", "where names should be"),
        ("null", "where names should be"),
        ({"channels": "abc", "blocks": "abc"}, "configuration that this dfuse does not know"),
        ({"channels": [0, 0], "blocks": [1, 1]}, "does(| not) (fit|know)"),
        ({"channels": [65536, 65536], "blocks": [1, 1]}, "(asks for a larger model|does not know)"),
        ({"channels": [8, 8], "blocks": [65536, 65536]}, "asks for a larger model"),
        ({"colours": 5}, "does not know"),
        ('{"' + "x" * 100_000 + '": 5}', "the name x.* is too long"),
    ],
)
@pytest.mark.parametrize("kind", ["student", "fusion"])
def test_configurations_that_make_no_sense_are_refused_at_once(tmp_path, kind, config, words):
    from diffuse_fuse.fusion.model import load_model

    if kind == "fusion" and isinstance(config, dict) and "channels" in config:
        config = {"unet": config, "schedule": {}, "features": {}, "head": {}}
    start = time.process_time()
    with pytest.raises(WeightsError) as caught:
        load_model(_with_config(tmp_path / "a.safetensors", config, kind))
    text = str(caught.value)
    assert time.process_time() - start < 5 and len(text) < 400 + len(str(tmp_path)) and "\n" not in text
    if isinstance(config, str):
        assert re.search(words, text), text


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": {"kind": "odd"}},
        {"schedule": {"steps": 1}},
        {"features": {"steps": [5000]}},
        {"features": {"steps": []}},
        {"features": {"noise": "loud"}},
        {"head": {"width": 65536, "blocks": 65536}},
        {"head": {"fine": 0}},
        {"unet": {**UNET, "unshuffle": 0}},
        {"unet": {**UNET, "time_dim": 1}},
        {"unet": []},
        {"noise_limit": "none"},
    ],
)
def test_absurd_parts_of_a_fusion_model(tmp_path, change):
    from diffuse_fuse.fusion.model import load_model

    config = {"unet": UNET, "schedule": {}, "features": {}, "head": {}, **change}
    with pytest.raises(WeightsError):
        load_model(_with_config(tmp_path / "a.safetensors", config, "fusion"))


@pytest.mark.parametrize(
    "config", [{"unet": UNET, "schedule": {"kind": "odd"}}, {"unet": {**UNET, "blocks": [9999, 1]}}]
)
def test_absurd_diffusion_weights(tmp_path, config):
    from diffuse_fuse.diffusion.model import load_diffusion

    with pytest.raises(WeightsError):
        load_diffusion(_with_config(tmp_path / "a.safetensors", config, "diffusion"))


@pytest.mark.parametrize("version", ["Infinity", "1e999", '"one"', "[]", "null"])
def test_a_version_that_is_no_number(tmp_path, version):
    save_file(
        TENSORS, tmp_path / "a", {"dfuse": f'{{"version": {version}, "kind": "fusion", "config": {{}}, "card": 1}}'}
    )
    with pytest.raises(WeightsError, match="not one that dfuse wrote"):
        read_header(tmp_path / "a")


def test_a_card_that_is_none_and_a_kind_without_end(tmp_path):
    with pytest.raises(WeightsError, match="its card is 5"):
        read_header(_with_config(tmp_path / "a", {}, card="5"))
    with pytest.raises(WeightsError, match="unknown kind") as caught:
        read_header(_with_config(tmp_path / "a", {}, kind="k" * 100_000))
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_shipped_weights_are_within_the_bounds():
    from diffuse_fuse import models
    from diffuse_fuse.diffusion.model import load_diffusion
    from diffuse_fuse.fusion.model import load_model

    for name in ("tiny", "base"):
        load_model(models.locate(name))
    load_diffusion(models.folder() / "diffusion.safetensors")
