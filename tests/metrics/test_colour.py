"""Colour differences against published data and known answers."""

from __future__ import annotations

import numpy as np
import pytest

from diffuse_fuse import metrics
from diffuse_fuse.metrics.colour import _ciede2000, lab
from diffuse_fuse.metrics.context import luma

# Pairs of the table in Sharma, Wu, Dalal (2005): those that test hue wrap-around, greys and the blue rotation term.
SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "two", "expected"), SHARMA)
def test_ciede2000_of_the_paper(one, two, expected):
    pair = [np.array(colour).reshape(3, 1, 1) for colour in (one, two)]
    assert float(_ciede2000(*pair)[0, 0]) == pytest.approx(expected, abs=5e-5)
    assert float(_ciede2000(*pair[::-1])[0, 0]) == pytest.approx(expected, abs=5e-5)


def test_lab_is_scikit_images():
    from skimage.color import deltaE_ciede2000, rgb2lab

    y, x = np.mgrid[:64, :64]
    one = np.stack([x * 4, y * 4, (x * y) % 256], axis=-1).astype(np.uint8)
    two = one[::-1, :, ::-1].copy()
    assert np.moveaxis(lab(one), 0, -1) == pytest.approx(rgb2lab(one), abs=1e-9)
    expected = deltaE_ciede2000(rgb2lab(two), rgb2lab(one)).mean()
    assert metrics.delta_e(one[..., 0], one, two) == pytest.approx(expected, rel=1e-9)


def test_parts_tell_what_changed():
    y, x = np.mgrid[:40, :40]
    vis = np.stack([150 + x, 60 + y, 40 + 0 * x], axis=-1).astype(np.uint8)
    grey = np.repeat(luma(vis)[..., None], 3, axis=2)
    bleached = metrics.compute(vis[..., 0], vis, grey, ["dC", "dC_signed", "dHue", "dL"])
    assert bleached["dC_signed"] == pytest.approx(-bleached["dC"])
    assert bleached["dHue"] == pytest.approx(90)
    turned = metrics.compute(vis[..., 0], vis, vis[..., ::-1].copy(), ["dHue", "dC"])
    assert 90 < turned["dHue"] <= 180
    brighter = metrics.compute(vis[..., 0], vis, vis + 20, ["dL", "dHue", "dC"])
    assert brighter["dL"] > brighter["dC"]
    assert brighter["dHue"] < 10
