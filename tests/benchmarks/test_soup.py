"""Means of weights."""

import pytest
import soup
import torch

from diffuse_fuse.checkpoint import Weights, load_weights, save_weights
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.fusion.model import load_model
from diffuse_fuse.networks.student import StudentConfig, StudentModel


def written(path, seed, channels=(8, 8)):
    torch.manual_seed(seed)
    model = StudentModel(StudentConfig(channels, (1, 1)))
    save_weights(path, Weights("student", model.config(), {"seed": seed}, model.state_dict()))
    return path


def test_a_soup_is_the_weighted_mean_and_a_model(tmp_path):
    one, two = (written(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2))
    out = tmp_path / "soup.safetensors"
    soup.main(one, two, 0.25, out)
    parts = [load_weights(path).tensors["stem.weight"].float() for path in (one, two)]
    mixed = load_weights(out)
    expected = 0.75 * parts[0] + 0.25 * parts[1]
    assert torch.allclose(mixed.tensors["stem.weight"].float(), expected, atol=1e-3)
    assert mixed.card["seed"] == 2 and mixed.card["soup"].startswith("0.75 of ")
    load_model(out)


def test_other_networks_do_not_mix(tmp_path):
    one, two = written(tmp_path / "a.safetensors", 1), written(tmp_path / "b.safetensors", 1, (8, 16))
    with pytest.raises(WeightsError, match="not of the same network"):
        soup.mixed(one, two, 0.5)
