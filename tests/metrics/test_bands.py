"""A picture in bands has the values of the whole, and large ones need little memory besides themselves."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from diffuse_fuse import metrics
from diffuse_fuse.metrics import bands
from diffuse_fuse.metrics.counts import joint_counts
from tests.metrics.scenes import street

IN_BANDS = (
    *metrics.FUSE, "NMI", "CC", "MSE", "PSNR", "VIF_ir", "VIF_vis", "VIFF", "Nabf", "Labf", "dE_ab", "dC", "dHue", "dL",
    "Tone", "Darkened", "Bleached",
)  # fmt: skip


@pytest.mark.parametrize("height", [1, 2, 5, 64, 65, 131])
@pytest.mark.parametrize("step", [1, 2])
def test_bands_cover_every_row_once(height, step, monkeypatch):
    monkeypatch.setattr(bands, "_LEAST_ROWS", 3)
    seen = []
    for band in bands.bands(height, 1 << 16, around=2, step=step):
        rows = range(height)[band.rows]
        own = rows[band.inner]
        assert own.start % step == 0
        assert rows == range(max(0, own.start - 2), min(height, own.stop + 2))
        seen += own
    assert seen == list(range(height))


@pytest.mark.parametrize("convention", metrics.CONVENTIONS)
def test_height_of_the_bands_does_not_matter(convention, monkeypatch):
    pictures = [np.ascontiguousarray(picture[:, :90]) for picture in street()]
    monkeypatch.setattr(bands, "_PIXELS", 1 << 30)
    whole = metrics.compute(*pictures, IN_BANDS, convention)
    for rows in (7, 50):
        monkeypatch.setattr(bands, "_PIXELS", 1)
        monkeypatch.setattr(bands, "_LEAST_ROWS", rows)
        assert metrics.compute(*pictures, IN_BANDS, convention) == pytest.approx(whole, rel=1e-12, abs=0)


def test_counts_of_pairs_in_portions(monkeypatch):
    a, b = (np.random.default_rng(seed).integers(0, 256, (40, 30), np.uint8) for seed in (0, 1))
    expected = np.histogram2d(a.ravel(), b.ravel(), bins=256, range=((0, 256), (0, 256)))[0]
    monkeypatch.setattr("diffuse_fuse.metrics.counts._PIXELS", 7)
    assert np.array_equal(joint_counts(a, b), expected)


def test_memory_grows_by_a_few_bytes_a_pixel():
    def needed(height):
        rng = np.random.default_rng(0)
        pictures = [rng.integers(0, 256, (height, 600, *more), np.uint8) for more in ((), (3,), (3,))]
        tracemalloc.start()
        metrics.compute(*pictures, IN_BANDS)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    metrics.compute(*street(), IN_BANDS)  # what is imported at the first call
    # two lumas of a byte, and the three float64 planes of the second scale of VIF, of a quarter of the pixels
    assert (needed(2400) - needed(1200)) / (1200 * 600) < 10
