"""What the fusion task does to the gradient of its loss."""

import pytest
import torch

from diffuse_fuse.training.fusion import level_gradient


@pytest.mark.parametrize("decades", [0, 6])
def test_level_makes_quiet_pixels_heard(decades):
    generator = torch.Generator().manual_seed(0)
    sizes = 10 ** (-decades * torch.rand(2, 1, 16, 16, generator=generator))
    signs = torch.randn(2, 1, 16, 16, generator=generator).sign()
    level = level_gradient(sizes * signs)
    assert torch.equal(level.sign(), signs)
    before, after = sizes.mean(dim=(1, 2, 3)), level.abs().mean(dim=(1, 2, 3))
    assert (after < before).all() and (after > 0.2 * before).all()  # keeps its size
    assert level.abs().median() / level.abs().max() >= sizes.median() / sizes.max()


def test_level_of_nothing_is_nothing():
    assert torch.equal(level_gradient(torch.zeros(1, 1, 4, 4)), torch.zeros(1, 1, 4, 4))
