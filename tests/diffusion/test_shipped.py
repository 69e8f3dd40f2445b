"""The shipped diffusion model: what the papers promise, with the numbers that it keeps, on rendered and real pairs."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from diffuse_fuse import models
from diffuse_fuse.diffusion.pictures import PairModel, seeded
from diffuse_fuse.diffusion.samplers import ddim_encode, ddim_sample, time_steps
from diffuse_fuse.diffusion.wiener import WienerDenoiser
from diffuse_fuse.training.augment import Augment, centre_crops, draw_evenly, step_generator
from diffuse_fuse.training.pairs import PairSet

SHARED = Path(os.environ.get("DFUSE_SHARED") or Path(__file__).resolve().parents[3] / "shared")
DATA = SHARED / "data" / "roadscene"
CROP = 64  # pixels: quick, and four cells of the network's coarsest level

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (models.folder() / "diffusion.safetensors").is_file(), reason="the diffusion weights are not there"
    ),
]
needs_pairs = pytest.mark.skipif(
    not DATA.is_dir(), reason="RoadScene is not there: set DFUSE_SHARED to the folder over data/"
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model():
    return PairModel()


@pytest.fixture(scope="module")
def x_0():
    """Four crops of validation pairs, (4, 4, CROP, CROP) in [-1, 1]."""
    return torch.from_numpy(centre_crops(PairSet.from_folders([DATA / "val"]), (CROP, CROP), 4) * 2 - 1)


def there_and_back(model, x_0, count):
    """The mean squared error per dimension, on [0, 1], of encoding and decoding in so many steps."""
    taus = time_steps(model.schedule.steps, count)
    x_t = ddim_encode(model.eps_theta, model.schedule, x_0, taus)
    return ((ddim_sample(model.eps_theta, model.schedule, x_t, taus) - x_0) / 2).square().mean().item()


@needs_pairs
def test_encoding_leads_back_ten_times_closer_with_ten_times_the_steps(model, x_0):
    """DDIM table 2, whose error per dimension (on [0, 1]) falls from 0.014 to 0.0009."""
    errors = [there_and_back(model, x_0, count) for count in (10, 100)]
    assert errors[1] < errors[0] / 10, errors


def test_encoding_leads_back_ten_times_closer_on_the_rendered_street(model, street):
    ir, vis = street("night", 320, 240)
    x_0 = model.encode(ir[120 : 120 + CROP, 60 : 60 + CROP], vis[120 : 120 + CROP, 60 : 60 + CROP])
    errors = [there_and_back(model, x_0, count) for count in (10, 100)]
    assert errors[1] < errors[0] / 10 and errors[0] < 0.03, errors


def test_an_even_picture_with_a_little_noise_leads_to_noise_and_back(model):
    grey = torch.full((1, 4, CROP, CROP), 0.3)
    taus = time_steps(model.schedule.steps, 50)
    x_0 = model.with_first_noise(grey, seeded(0))
    assert 0.005 < (x_0 - grey).std() < 0.02
    x_t = ddim_encode(model.eps_theta, model.schedule, x_0, taus)
    back = ddim_sample(model.eps_theta, model.schedule, x_t, taus)
    assert 0.8 < x_t.std() < 1.3
    assert (back - grey).std() / 2 < 0.02


def test_the_noise_decides_the_content_whatever_the_number_of_steps(model):
    """DDIM section 5.2: the same x_T with S = 20 and S = 100."""
    x_t = torch.cat([model.noise(CROP, CROP, seeded(0, i)) for i in range(2)])
    few, many = (
        ddim_sample(model.eps_theta, model.schedule, x_t, time_steps(model.schedule.steps, count), clip=True)
        for count in (20, 100)
    )
    other = many.flip(0)
    correlations = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in ((few[0], many[0]), (few[1], many[1]))]
    assert min(correlations) > 0.6, correlations
    assert np.corrcoef(few.ravel(), other.ravel())[0, 1] < 0.3


@pytest.fixture(scope="module")
def wiener():
    """The best linear denoiser of 600 crops of the training data, as far as it is there."""
    folders = [SHARED / "data" / name / "train" for name in ("roadscene", "m3svd", "msrs")]
    pairs = PairSet.from_folders([folder for folder in folders if folder.is_dir()])
    plain = Augment(crop=128, photometric=0.0, grey=0.0)
    return WienerDenoiser(draw_evenly(pairs, plain, 600, step_generator(seed=0, step=0, stream=2)) * 2 - 1)


@pytest.fixture(scope="module")
def ratio(model, wiener):
    """The network's loss at t over that of the linear denoiser, on the same crops and noise."""
    pairs = PairSet.from_folders([DATA / "val"])

    @cache
    def measure(t: int) -> float:
        # where there is nearly only noise, what a single scene is like decides: all of them are needed
        x_0 = centre_crops(pairs, (128, 128), 4 if t < 500 else len(pairs)) * 2 - 1
        eps = np.random.default_rng(0).standard_normal(x_0.shape, dtype=np.float32)
        alpha_bar = float(model.schedule.alpha_bar[t])
        x_t = (np.sqrt(alpha_bar) * x_0 + np.sqrt(1 - alpha_bar) * eps).astype(np.float32)
        network = ((model.eps_theta(torch.from_numpy(x_t), t).numpy() - eps) ** 2).mean()
        return float(network / ((wiener.eps(x_t, alpha_bar) - eps) ** 2).mean())

    return measure


@needs_pairs
@pytest.mark.parametrize("t", [5, 20, 50, 100, 200, 300, 500, 700, 900])
def test_the_model_beats_the_best_linear_denoiser(ratio, t):
    """benchmarks/linear_denoiser.py prints the whole table, of more crops; docs/sampling.md discusses it."""
    assert ratio(t) < (0.95 if t <= 300 else 1.0)


@needs_pairs
def test_at_the_last_steps_the_filter_s_own_crops_decide(ratio):
    """A hundredth up or down is what the mean of 600 crops is off: the table has 4000 of them."""
    assert ratio(990) < 1.01
