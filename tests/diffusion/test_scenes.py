"""Scenes coarse to fine: what the layout says stays, what is known stays, and the way back is the way there."""

import pytest
import torch
import torch.nn.functional as F

from diffuse_fuse.checkpoint import save_weights
from diffuse_fuse.diffusion.model import DiffusionModel, pack_diffusion
from diffuse_fuse.diffusion.pictures import COLOUR, PairModel, seeded
from diffuse_fuse.diffusion.scenes import Alone, Cascade, Way, layout_size
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import UsageError
from diffuse_fuse.networks.unet import UNet, UNetConfig

WIDTH, HEIGHT = 128, 96
WAY = Way(steps=4, clip=True)


def saved(path, attention, std):
    torch.manual_seed(attention)
    model = DiffusionModel(UNet(UNetConfig(channels=(32, 32), blocks=(1, 1), time_dim=16, attention=attention)),
                           Schedule("cosine" if attention else "linear", 100), "v")  # fmt: skip
    with torch.no_grad():
        model.unet.out.weight.normal_(std=std)
    save_weights(path, pack_diffusion(model, model.state_dict(), {}), torch.float32)
    return PairModel(path)


@pytest.fixture(scope="module", params=[0.05, 0.0], ids=["random", "no noise predicted"])
def models(request, tmp_path_factory):
    """A model of layouts and a pair model, untrained."""
    folder = tmp_path_factory.mktemp("scenes")
    return saved(folder / "layout.safetensors", 1, request.param), saved(folder / "pairs.safetensors", 0, request.param)


def reduced(x):
    return F.avg_pool2d(x, 2)


def test_a_scene_has_the_means_of_its_layout(models):
    scene = Cascade(*models, WIDTH, HEIGHT).sample(WAY, seeded(7))
    layout = Alone(models[0], 64, 48).sample(WAY, seeded(7)).clamp(-1, 1)
    assert scene.shape == (1, 4, HEIGHT, WIDTH)
    assert torch.allclose(reduced(scene), layout, atol=1e-4)
    assert (scene - F.interpolate(layout, scale_factor=2.0)).abs().mean() > 0.01  # and details on top


def test_the_same_seed_gives_the_same_bits(models):
    first, again, other = (Cascade(*models, WIDTH, HEIGHT).sample(WAY, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_what_is_known_stays_and_what_is_missing_has_the_means_of_its_layout(models):
    given = torch.rand(1, 4, HEIGHT, WIDTH, generator=seeded(3)) * 2 - 1
    filled = Cascade(*models, WIDTH, HEIGHT).fill(given, COLOUR, WAY, seeded(5), repeats=2)
    layout = Alone(models[0], 64, 48).fill(reduced(given), COLOUR, WAY, seeded(5), repeats=2).clamp(-1, 1)
    assert torch.equal(filled[:, COLOUR], given[:, COLOUR])
    assert torch.allclose(reduced(filled[:, ~COLOUR]), layout[:, ~COLOUR], atol=1e-4)


def test_decoding_leads_back_to_both_ends(models):
    scenes, way = Cascade(*models, WIDTH, HEIGHT), Way(steps=50)
    pairs = [torch.rand(1, 4, HEIGHT, WIDTH, generator=seeded(seed)) * 2 - 1 for seed in (1, 2)]
    ends = [scenes.encode(pair, way) for pair in pairs]
    for part, pair in zip((0.0, 1.0), pairs, strict=True):
        assert (scenes.decode(*ends, part, way) - pair).square().mean() < 0.02 * pair.square().mean()
    middle = scenes.decode(*ends, 0.5, way)
    assert min((middle - pair).square().mean() for pair in pairs) > 0.1


def test_evaluations_are_those_that_are_counted(models):
    count = 0

    def advance():
        nonlocal count
        count += 1

    scenes = Cascade(*models, WIDTH, HEIGHT)
    shown = []
    scenes.sample(Way(steps=4, advance=advance), seeded(0), lambda t, x_0: shown.append(x_0.shape))
    assert count == scenes.evaluations(4) == len(shown) and set(shown) == {(1, 4, HEIGHT, WIDTH)}


def test_a_layout_has_the_scenes_shape_in_cells_of_8():
    assert layout_size(256, 192) == (64, 48) and layout_size(640, 480) == (64, 48)
    assert layout_size(128, 128) == (56, 56) and layout_size(192, 256) == (48, 64)
    assert layout_size(2000, 100) == (248, 16)


def test_a_scene_smaller_than_its_layout_is_refused(models):
    with pytest.raises(UsageError, match="smaller than its layout of 64×48"):
        Cascade(*models, 40, 30)
