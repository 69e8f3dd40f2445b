"""Small models in which every weight matters, and their graphs; exported once, which takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("onnxscript", reason="the extra onnx is not installed")


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student with random weights: its pictures are deliberate nonsense."""
    import torch

    from diffuse_fuse.checkpoint import Weights, save_weights
    from diffuse_fuse.networks.student import StudentConfig, StudentModel

    torch.manual_seed(0)
    model = StudentModel(StudentConfig((8, 8), (1, 1)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(path, Weights("student", model.config(), {"data": "none"}, model.state_dict()))
    return path


@pytest.fixture(scope="session")
def dynamic_graph(weights: Path) -> Path:
    """Its graph for any size."""
    from diffuse_fuse.onnx.export import export

    path = weights.with_name("any.onnx")
    export(weights, path, None)
    return path


@pytest.fixture(scope="session")
def large_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fusion model of the large kind with random weights, and with noise that depends on the place."""
    from diffuse_fuse.checkpoint import Weights, save_weights
    from tests.fusion.conftest import random_model

    model = random_model(noise="fixed")
    path = tmp_path_factory.mktemp("weights") / "large.safetensors"
    save_weights(path, Weights("fusion", model.config(), {"data": "none"}, model.state_dict()))
    return path


@pytest.fixture(scope="session")
def fixed_graph(weights: Path) -> Path:
    """The student's graph for pictures of 45×37 pixels."""
    from diffuse_fuse.onnx.export import export

    path = weights.with_name("fixed.onnx")
    export(weights, path, (37, 45))
    return path


@pytest.fixture
def expected():
    """What PyTorch makes of a pair in float32, whatever type a processor is given otherwise."""
    from diffuse_fuse.fusion.model import load_model
    from diffuse_fuse.fusion.tiles import fuse_in_bands

    return lambda model, ir, vis: fuse_in_bands(load_model(model), ir, vis).astype(int)
