"""From colours to bytes."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diffuse_fuse.fusion.colour import lab, luma, recolour
from diffuse_fuse.fusion.rounding import to_bytes

unit = st.floats(0, 1, width=32)
pictures = arrays(np.float32, (1, 3, 4, 5), elements=unit)
maps = arrays(np.float32, (1, 1, 4, 5), elements=unit)


@given(arrays(np.uint8, (1, 3, 4, 5)))
def test_bytes_come_back_as_they_were(array):
    image = torch.from_numpy(array)
    assert torch.equal(to_bytes(image / 255), image)


@given(maps)
def test_grey_is_rounded_to_the_nearest_grey(grey):
    image = torch.from_numpy(grey).expand(-1, 3, -1, -1)
    rounded = to_bytes(image)
    assert torch.equal(rounded[:, 0], rounded[:, 1]) and torch.equal(rounded[:, 1], rounded[:, 2])
    assert (rounded / 255 - image).abs().max() <= 0.5001 / 255


@given(pictures)
def test_no_channel_moves_by_more_than_a_step_or_two_where_hue_comes_first(array):
    image = torch.from_numpy(array)
    moved = (to_bytes(image) / 255 - image).abs().amax(dim=1, keepdim=True) * 255
    assert moved.max() <= 2.0001
    assert (moved * (luma(image) > 120 / 255)).max() <= 1.0001


def test_rounding_keeps_hue_better_than_channels_by_themselves():
    """Dark colours: two thirds of the error in hue are avoided, for a fraction of a level of luma."""
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.3
    plain, ours = (image * 255).round() / 255, to_bytes(image) / 255
    assert turn(ours, image) < 0.35 * turn(plain, image)
    assert (luma(ours) - luma(image)).abs().mean() < 0.4 / 255


def test_rounding_keeps_hue_and_chroma_of_what_is_bright():
    image = 0.4 + 0.3 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    plain, ours = (image * 255).round() / 255, to_bytes(image) / 255
    chroma = [lab(x)[:, 1:].norm(dim=1) for x in (image, plain, ours)]
    assert (chroma[2] - chroma[0]).abs().mean() < (chroma[1] - chroma[0]).abs().mean()
    assert turn(ours, image) < 0.8 * turn(plain, image)


def test_rounding_follows_luma_by_steps():
    """A dark colour that slowly becomes brighter: channels move by a step at a time, hardly ever by two, although
    the best colours lie farther apart."""
    vis = torch.tensor([0.08, 0.11, 0.07]).view(1, 3, 1, 1).expand(-1, -1, 1, 40001)
    rising = recolour(torch.linspace(0.05, 0.25, 40001).view(1, 1, 1, -1), vis)
    steps = to_bytes(rising).int().diff(dim=3).abs()
    assert 50 < (steps > 0).sum() < 1000
    assert (steps > 1).sum() <= 2 and steps.max() <= 2


def test_what_differs_in_the_last_digits_differs_by_a_level_in_few_places():
    """Also where a channel crosses a level, at which the colours that are tried change."""
    generator = torch.Generator().manual_seed(0)
    level = torch.randint(4, 140, (1, 1, 300, 400), generator=generator)
    image = level + torch.randint(-9, 10, (1, 3, 300, 400), generator=generator).float()
    image[:, :2] += torch.rand(1, 2, 300, 400, generator=generator)
    below, above = (to_bytes((image + change).clamp(0, 255) / 255).int() for change in (-1e-4, 1e-4))
    assert (below - above).abs().max() == 1
    assert (below != above).float().mean() < 2e-3


def turn(rounded, image):
    """Mean distance across the hue of ``image``, where it has one."""
    (a, b), (c, d) = (lab(x)[:, 1:].unbind(1) for x in (rounded, image))
    chroma = torch.hypot(c, d)
    return ((a * d - b * c).abs() / chroma)[chroma > 5].mean()
