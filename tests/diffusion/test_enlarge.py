"""Enlarging by the diffusion model: what was measured stays, the seed decides the rest."""

import pickle

import numpy as np
import pytest
import torch

from diffuse_fuse import models
from diffuse_fuse.diffusion.enlarge import PriorEnlarger, enlarger
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.enlarging import Lies, enlarge

needs_weights = pytest.mark.skipif(
    not (models.folder() / "diffusion.safetensors").is_file(), reason="the diffusion weights are not there"
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pair():
    rng = np.random.default_rng(0)
    return (0.3 + 0.4 * rng.random((12, 16))).astype(np.float32), rng.random((48, 64, 3), np.float32)


def means(x):
    return x.reshape(12, 4, 16, 4).mean(axis=(1, 3))


@needs_weights
def test_the_prior_keeps_the_means_and_the_seed_decides_the_rest():
    ir, vis = pair()
    lies, way = Lies((12, 16), (48, 64)), PriorEnlarger(seed=1)
    found = way(ir, vis, lies)
    np.testing.assert_allclose(means(found), ir, atol=1e-5)
    assert np.array_equal(found, PriorEnlarger(seed=1)(ir, vis, lies))
    assert not np.array_equal(found, PriorEnlarger(seed=2)(ir, vis, lies))
    assert not np.array_equal(found, lies.enlarge(ir))
    several = PriorEnlarger(seed=1, tau=200, steps=3)(ir, vis, lies)
    np.testing.assert_allclose(means(several), ir, atol=1e-5)
    assert enlarge((ir * 255).astype(np.uint8), vis, lies, way).dtype == np.uint8


@needs_weights
def test_a_picture_that_reaches_over_the_side_keeps_the_means_of_what_is_inside():
    ir, vis = pair()
    found = PriorEnlarger()(ir, vis[:, :60], Lies((12, 16), (48, 60), (0.0, -2.0), (4.0, 4.0)))
    np.testing.assert_allclose(found[:, 2:58].reshape(12, 4, 14, 4).mean(axis=(1, 3)), ir[:, 1:15], atol=1e-5)


@needs_weights
def test_it_travels_to_another_process_without_its_weights():
    way = PriorEnlarger(seed=3)
    name = way.name
    assert "prior" in name and "seed=3" in name and way.model
    other = pickle.loads(pickle.dumps(way))
    assert "model" not in vars(other) and other.name == name


def test_names_and_numbers_are_checked():
    assert enlarger("guided") == "guided" and isinstance(enlarger("prior"), PriorEnlarger)
    with pytest.raises(UsageError, match="'bicubic': use one of auto, cubic, guided, prior"):
        enlarger("bicubic")
    with pytest.raises(UsageError, match="from 1 to 51, not 60"):
        PriorEnlarger(steps=60)
    with pytest.raises(UsageError, match="seed"):
        PriorEnlarger(seed=-1)
