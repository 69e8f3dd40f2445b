"""The shipped weights and their cards."""

from pathlib import Path

import pytest
import typer
from safetensors.numpy import load_file
from typer.testing import CliRunner

from diffuse_fuse import models
from diffuse_fuse.checkpoint import load_weights, sha256
from diffuse_fuse.cli import models as cli
from diffuse_fuse.diffusion.model import load_diffusion
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.fusion.model import load_model


def test_a_fusion_and_a_diffusion_model_are_shipped():
    cards = models.available()
    assert cards[0].is_default and cards[0].kind == "fusion"
    assert {"fusion", "diffusion"} <= {card.kind for card in cards}
    order = ["fusion", "student", "diffusion"]
    assert [card.kind for card in cards] == sorted((card.kind for card in cards), key=order.index)
    assert sum(card.bytes for card in cards) < 60e6
    assert all(5e6 < card.parameters < 15e6 for card in cards if card.kind != "student")
    assert all(card.parameters < 1e6 for card in cards if card.kind == "student")
    assert all(card.sha256 == sha256(card.path) for card in cards)


def test_the_model_card_has_the_hash_of_each_file():
    text = (Path(__file__).parents[1] / "weights" / "README.md").read_text()
    assert all(f"| `{card.path.name}` | `{card.sha256}` |" in text for card in models.available())


def test_cards_say_data_and_training():
    for card in models.available():
        assert {"data", "steps"} <= card.card.keys() and {"minutes", "recipe"} & card.card.keys(), card.name


def test_every_shipped_file_loads():
    for card in models.available():
        model = load_diffusion(card.path) if card.kind == "diffusion" else load_model(card.path)
        assert model is not None


def test_default_is_found_by_both_names_and_by_path():
    default = models.find("default")
    assert default == models.find(default.name) == models.find(default.path)
    assert models.name_of(default.path) == default.name


def test_own_file_is_found_by_path(tiny_model):
    card = models.find(tiny_model)
    assert (card.name, card.is_default) == ("tiny", False)
    assert models.name_of(tiny_model) == str(tiny_model)
    assert card.parameters == sum(t.numel() for t in load_weights(tiny_model).tensors.values())


@pytest.mark.parametrize("name", ["nosuch", "../weights/base", "missing.safetensors"])
def test_unknown_names_name_the_shipped_ones(name):
    with pytest.raises(WeightsError, match=r"no model.*base"):
        models.locate(name)


def test_the_terms_of_the_training_data_are_said():
    app = typer.Typer()
    app.command()(cli.models)
    said = CliRunner().invoke(app, [])
    assert said.exit_code == 0
    assert "commercial use" in said.output and "MSRS state no terms" in said.output
    assert "commercial use" in cli.as_dict(models.find("base"))["data_terms"]


@pytest.mark.parametrize("name", ["base", "diffusion", "fast", "layout", "tiny"])
def test_every_layer_of_the_shipped_weights_has_learnt(name):
    """A residual block whose last layer is exactly 0 is the identity: a training that lost its gradients left it so."""
    tensors = load_file(models.locate(name))
    dead = [key for key, tensor in tensors.items() if key.endswith("weight") and not tensor.any()]
    assert tensors and not dead
