"""Qy and Qsf against values by other code: scikit-image's SSIM, loops over pixels, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from diffuse_fuse import metrics
from diffuse_fuse.metrics import contrast
from diffuse_fuse.metrics.context import Triple
from tests.metrics.scenes import street


def ssim_map(a, b):
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    _, values = structural_similarity(a, b, full=True, **options)
    return values[5:-5, 5:-5]


def test_qy_is_what_scikit_image_gives():
    triple = Triple(*(picture[:90, :100] for picture in street()))
    ir, vis, fused = triple.ir, triple.vis, triple.fused
    similar, both = [ssim_map(ir, fused), ssim_map(vis, fused)], ssim_map(ir, vis)
    from scipy.ndimage import gaussian_filter

    def variance(plane):
        plane = plane.astype(float)
        mean = gaussian_filter(plane, 1.5, truncate=3.5)
        return (gaussian_filter(plane * plane, 1.5, truncate=3.5) - mean * mean)[5:-5, 5:-5]

    share = variance(ir) / (variance(ir) + variance(vis))
    wanted = np.where(both >= 0.75, share * similar[0] + (1 - share) * similar[1], np.maximum(*similar)).mean()
    assert metrics.qy(ir, vis, fused) == pytest.approx(wanted, abs=1e-6)
    assert metrics.qy(ir, vis, vis) > metrics.qy(ir, vis, fused)  # as the card says of a copy


def by_loops(*planes):
    height, width = planes[0].shape
    total = 0.0
    for dy, dx, weight in ((0, 1, 1), (1, 0, 1), (1, 1, 2**-0.5), (1, -1, 2**-0.5)):
        squares = []
        for y in range(height - dy):
            for x in range(max(0, -dx), width - max(0, dx)):
                squares.append(max(abs(int(plane[y + dy, x + dx]) - int(plane[y, x])) for plane in planes) ** 2)
        total += weight * sum(squares) / len(squares)
    return math.sqrt(total)


def test_qsf_is_the_sum_over_pixels():
    triple = Triple(*(picture[:20, :30] for picture in street()))
    wanted = by_loops(triple.ir, triple.vis)
    got = metrics.qsf(triple.ir, triple.vis, triple.fused)
    assert got == pytest.approx((by_loops(triple.fused) - wanted) / wanted, rel=1e-12)


def test_qsf_by_hand():
    """One step of 10 along the rows: all the detail there is, none of it, and twice as much."""
    ir, vis = np.zeros((2, 2), np.uint8), np.array([[0, 10], [0, 10]], np.uint8)
    assert metrics.qsf(ir, vis, vis) == 0 and metrics.qsf(ir, vis, ir) == -1
    assert metrics.qsf(ir, vis, 2 * vis) == pytest.approx(1)
    assert math.isnan(metrics.qsf(ir, ir, vis))


def test_qsf_does_not_depend_on_the_bands(monkeypatch):
    pictures = street()
    whole = metrics.qsf(*pictures)
    monkeypatch.setattr(contrast, "_PIXELS", 1000)
    assert metrics.qsf(*pictures) == whole
