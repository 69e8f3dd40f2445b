"""Luma, chroma and the way back to colour."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2lab

from diffuse_fuse.networks.colour import lab, luma, recolour

unit = st.floats(0, 1, width=32)
pictures = arrays(np.float32, (1, 3, 4, 5), elements=unit)
maps = arrays(np.float32, (1, 1, 4, 5), elements=unit)


@given(pictures)
def test_luma_of_grey_is_that_grey_to_the_last_bit(array):
    grey = torch.from_numpy(array[:, :1]).expand(-1, 3, -1, -1)
    assert torch.equal(luma(grey), grey[:, :1])


def test_luma_uses_the_weights_of_matlab():
    primaries = torch.eye(3).view(3, 3, 1, 1)
    torch.testing.assert_close(luma(primaries).flatten(), torch.tensor([0.298936, 0.587043, 0.114021]))


@given(maps, maps)
def test_grey_stays_neutral(y, grey):
    out = recolour(torch.from_numpy(y), torch.from_numpy(grey).expand(-1, 3, -1, -1))
    assert torch.equal(out[:, 0], out[:, 1]) and torch.equal(out[:, 1], out[:, 2])


@settings(max_examples=50)
@given(maps, pictures)
def test_luma_is_met_to_twelve_levels(y, vis):
    y, vis = torch.from_numpy(y), torch.from_numpy(vis)
    out = recolour(y, vis)
    assert 0 <= out.min() and out.max() <= 1
    torch.testing.assert_close(luma(out), y, atol=12 / 255 + 1e-4, rtol=0)


@settings(max_examples=50)
@given(maps, pictures)
def test_luma_gives_way_only_where_chroma_has_no_room(y, vis):
    """With half the saturation and luma in the middle of the cube, no luma is given; elsewhere not away from the
    visible picture."""
    y, vis = torch.from_numpy(y), torch.from_numpy(vis)
    pale, middle = 0.5 + 0.1 * (vis - luma(vis)), 0.4 + 0.2 * y
    torch.testing.assert_close(luma(recolour(middle, pale)), middle, atol=1e-5, rtol=0)
    towards = (luma(recolour(y, vis)) - y) * (luma(vis) - y)
    assert (towards >= -1e-5).all()


@pytest.mark.parametrize(("y", "vis"), [(1.0, (0.93, 0.95, 0.97)), (0.0, (0.02, 0.015, 0.012))])
def test_white_and_black_keep_a_hue(y, vis):
    """A highlight on a bluish wall, a shadow on a reddish one: some levels of luma are room for some of the chroma."""
    vis = torch.tensor(vis).view(1, 3, 1, 1)
    before, after = (lab(x)[0, 1:].flatten() for x in (vis, recolour(torch.full((1, 1, 1, 1), y), vis)))
    assert after.norm() > 0.2 * before.norm()
    assert float((after @ before) / (after.norm() * before.norm())) > 0.999


@pytest.mark.parametrize("shift", [-0.2, 0.1, 0.2])
def test_chroma_is_that_of_the_visible_picture(shift):
    generator = torch.Generator().manual_seed(0)
    vis = 0.45 + 0.1 * torch.rand(1, 3, 32, 32, generator=generator)  # has room in the RGB cube for the shift
    out = recolour(luma(vis) + shift, vis)
    error = (lab(out)[:, 1:] - lab(vis)[:, 1:]).abs()
    assert error.max() < 0.5
    naive = (lab(vis + shift)[:, 1:] - lab(vis)[:, 1:]).abs()  # luma moved, Cb and Cr kept
    assert error.mean() < 0.2 * naive.mean()


@pytest.mark.parametrize("colour", [(1.0, 1.0, 0.0), (1.0, 0.6, 0.0), (1.0, 0.2, 0.1), (0.0, 1.0, 1.0)])
@pytest.mark.parametrize("shift", [0.02, 0.05, -0.1])
def test_the_colours_of_the_corners_do_not_turn_grey_at_once(colour, shift):
    vis = torch.tensor(colour).view(1, 3, 1, 1)
    before, after = (lab(x)[0, 1:].norm() for x in (vis, recolour(luma(vis) + shift, vis)))
    assert after > 0.55 * before


def test_without_room_saturation_goes_before_hue():
    vis = torch.tensor([0.9, 0.3, 0.2]).view(1, 3, 1, 1)
    before = lab(vis)[0, 1:].flatten()
    for y in (0.25, 0.8, 0.9):
        after = lab(recolour(torch.full((1, 1, 1, 1), y), vis))[0, 1:].flatten()
        assert after.norm() < 1.005 * before.norm()
        angle = torch.atan2(after[1], after[0]) - torch.atan2(before[1], before[0])
        assert abs(float(angle)) < 0.01


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_recolour_has_finite_slopes_at_the_ends(value):
    y = torch.full((1, 1, 2, 2), value, requires_grad=True)
    recolour(y, torch.rand(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))).sum().backward()
    assert torch.isfinite(y.grad).all()


def test_same_luma_gives_the_visible_picture_back():
    vis = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(recolour(luma(vis), vis), vis, atol=1e-5, rtol=0)


def test_lab_is_that_of_scikit_image():
    rgb = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = rgb2lab(rgb[0].permute(1, 2, 0).double().numpy()).transpose(2, 0, 1)
    np.testing.assert_allclose(lab(rgb)[0].numpy(), expected, atol=2e-2)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_lab_has_finite_slopes_at_the_ends(value):
    rgb = torch.full((1, 3, 2, 2), value, requires_grad=True)
    lab(rgb).sum().backward()
    assert torch.isfinite(rgb.grad).all()
