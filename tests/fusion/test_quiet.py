"""No more noise than the sources have, in flat areas, and nothing else changed."""

import pytest
import torch

from diffuse_fuse.fusion.quiet import CELL, REACH, quieted


def noise(height=128, width=160, seed=0, levels=3.0):
    return torch.randn(1, 1, height, width, generator=torch.Generator().manual_seed(seed)) * levels / 255


def deviation(picture):
    return float(picture[:, :, 16:-16, 16:-16].std())


@pytest.mark.parametrize("limit", [0.8, 1.0, 1.5])
def test_noise_is_limited_to_that_of_the_noisier_source(limit):
    rough, calm = 0.4 + noise(levels=3.0), 0.4 + noise(seed=1, levels=0.7)
    loud = 0.5 + 3 * noise()
    for ir, y in ((rough, calm), (calm, rough)):
        out = quieted(loud, ir, y, limit)
        assert deviation(out) == pytest.approx(limit * deviation(rough), rel=0.1)
        assert float(out.mean()) == pytest.approx(float(loud.mean()), abs=1e-3)


def test_rounding_that_is_to_come_counts():
    """With sources as quiet as rounding alone, what is rounded afterwards is as quiet."""
    source = (0.4 + noise(levels=0.5)).mul(255).round() / 255
    out = quieted(0.4 + 3 * noise(levels=0.5), source, source, 1.0)
    assert deviation(out.mul(255).round() / 255) < 1.15 * deviation(source)


def test_what_is_quiet_stays_to_the_bit():
    ir, y = 0.4 + noise(), 0.3 + noise(seed=1)
    raw = 0.5 + 0.8 * noise()
    assert torch.equal(quieted(raw, ir, y, 1.0), raw)


def test_structure_of_either_source_stays():
    """Stripes in one source, three times as strong in the fused picture, and loud noise on them."""
    stripes = 40 / 255 * (torch.arange(160) // 8 % 2).float().expand(1, 1, 128, 160)
    ir, y = 0.4 + stripes + noise(levels=1.0), 0.4 + noise(seed=1, levels=1.0)
    raw = 0.3 + 3 * stripes + noise(seed=2, levels=4.0)
    changed = (quieted(raw, ir, y, 1.0) - raw)[..., 12:-12].abs()  # at the border half a stripe is an even area
    assert float(changed.max()) < 0.5 / 255


def test_a_distant_lamp_is_no_noise():
    """A few bright pixels in an even area, brighter still in a fused picture that is noisy."""
    ir, y = 0.4 + noise(levels=1.0), 0.4 + noise(seed=1, levels=1.0)
    raw = 0.4 + noise(seed=2, levels=2.0)
    lamp = (slice(None), slice(None), slice(64, 66), slice(80, 82))
    for picture, height in ((ir, 60), (raw, 90)):
        picture[lamp] += height / 255
    out = quieted(raw, ir, y, 1.0)
    assert float((out[lamp] - raw[lamp]).abs().max()) < 3 / 255
    assert deviation(out[..., :70]) < 0.7 * deviation(raw[..., :70])


def test_a_cell_sees_no_farther_than_the_reach():
    far = REACH
    size = 2 * far + 3 * CELL
    ir, y, raw = (0.4 + noise(CELL * 4, size, seed, levels) for seed, levels in ((0, 2.0), (1, 1.0), (2, 4.0)))
    changed = ir.clone()
    at = far // CELL * CELL + CELL
    changed[..., at : at + CELL] += 0.3
    differs = (quieted(raw, ir, y) != quieted(raw, changed, y))[0, 0].any(dim=0).nonzero()
    assert differs.min() >= at - far and differs.max() < at + CELL + far
    assert differs.min() < at and differs.max() >= at + CELL


def test_slopes_are_finite():
    for levels in (0.0, 2.0):
        raw = (0.4 + 3 * noise(levels=levels)).requires_grad_()
        quieted(raw, 0.4 + noise(levels=levels), torch.full_like(raw, 0.4)).square().sum().backward()
        assert torch.isfinite(raw.grad).all()
