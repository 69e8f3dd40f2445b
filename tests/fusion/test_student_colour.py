"""The fast colour path: as close to ``recolour`` as eyes and 8 bits can tell."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diffuse_fuse.fusion.student_colour import paint, tint
from diffuse_fuse.networks.colour import lab, luma, recolour

unit = st.floats(0, 1, width=32)
pictures = arrays(np.float32, (1, 3, 4, 5), elements=unit)
maps = arrays(np.float32, (1, 1, 4, 5), elements=unit)


@given(maps, maps)
def test_grey_stays_neutral_to_the_last_bit(y, grey):
    y, grey = torch.from_numpy(y), torch.from_numpy(grey)
    out = tint(y, grey.expand(-1, 3, -1, -1))
    assert torch.equal(out, y.expand(-1, 3, -1, -1))


@settings(max_examples=50)
@given(maps, pictures)
def test_luma_is_met_or_gives_way_towards_the_visible_one(y, vis):
    y, vis = torch.from_numpy(y), torch.from_numpy(vis)
    out = tint(y, vis)
    assert 0 <= out.min() and out.max() <= 1
    given, asked = luma(out) - y, luma(vis) - y
    assert given.abs().max() <= 12 / 255 + 1e-5
    assert (given * asked).min() >= -1e-5 and (given.abs() <= asked.abs() + 1e-5).all()


def test_luma_is_met_where_the_colour_has_room():
    vis = torch.tensor([0.5, 0.45, 0.4]).view(1, 3, 1, 1)
    y = torch.tensor(0.7).view(1, 1, 1, 1)
    torch.testing.assert_close(luma(tint(y, vis)), y, atol=1e-5, rtol=0)


@given(maps, pictures)
def test_paint_is_tint_on_levels(y, vis):
    y, vis = torch.from_numpy(y), torch.from_numpy(vis)
    r, g, b = (255 * vis).split(1, dim=1)
    green, red, blue = paint(255 * y, luma(255 * vis), r - g, b - g)
    painted = torch.cat([green + red, green, green + blue], dim=1)
    # a luma at the border between two entries of the table of slopes may find either
    torch.testing.assert_close(painted, 255 * tint(y, vis), atol=2, rtol=0)


@given(pictures)
def test_the_visible_picture_comes_back_at_its_own_luma(array):
    vis = torch.from_numpy(array)
    torch.testing.assert_close(tint(luma(vis), vis), vis, atol=1e-5, rtol=0)
    assert torch.equal(tint(luma(vis), vis), tint(luma(vis), vis, luma(vis)))


@pytest.mark.parametrize(("level", "shift"), [(0.45, -0.2), (0.45, 0.2), (0.03, 0.04), (0.03, 0.2), (0.15, -0.1)])
def test_chroma_is_nearly_that_of_recolour(level, shift):
    generator = torch.Generator().manual_seed(0)
    spread = 0.2 * min(level, level + shift)  # so much has room in the RGB cube before and after the shift
    vis = level + spread * torch.rand(1, 3, 32, 32, generator=generator)
    y = luma(vis) + shift
    error = (lab(tint(y, vis)) - lab(recolour(y, vis))).abs()
    assert error.max() < 0.5
    without = (lab(vis + shift) - lab(recolour(y, vis))).abs()  # differences that do not grow with luma
    assert error.mean() < 0.3 * without.mean()


def test_without_room_saturation_goes_before_hue():
    vis = torch.tensor([0.9, 0.3, 0.2]).view(1, 3, 1, 1)
    y = torch.tensor(0.95).view(1, 1, 1, 1)
    out = tint(y, vis)
    chroma, before = out - luma(out), vis - luma(vis)
    assert luma(out).item() == pytest.approx(0.95 - 12 / 255, abs=1e-5)
    assert chroma.norm() < 0.5 * before.norm() and out.max() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(chroma / chroma.norm(), before / before.norm(), atol=1e-4, rtol=0)
