"""The loss terms against the exact metrics, and where ratios could break."""

import numpy as np
import pytest
import torch

from diffuse_fuse import metrics
from diffuse_fuse.fusion import losses
from diffuse_fuse.networks.colour import luma


def blobs(seed: int, size: int = 128) -> np.ndarray:
    """A smooth random picture with edges and some noise, uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    image = 60 + 60 * np.sin(7 * x + 3 * seed) * np.cos(5 * y)
    for _ in range(6):
        cy, cx, r = rng.random(3)
        image[(y - cy) ** 2 + (x - cx) ** 2 < (0.25 * r) ** 2] += rng.integers(-60, 90)
    return np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).float()[None, None]


@pytest.fixture(scope="module")
def triple():
    ir, vis = blobs(1), blobs(2)
    return ir, vis, ((ir.astype(int) + vis) // 2).astype(np.uint8)


def exact(triple, name):
    ir, vis, fused = triple
    return metrics.compute(ir, np.dstack([vis] * 3), fused, [name])[name]


def test_vif_halves_are_the_metric(triple):
    halves = losses.vif_halves(*map(tensor, triple))
    for half, name in zip(halves, ("VIF_ir", "VIF_vis"), strict=True):
        assert float(half) == pytest.approx(exact(triple, name), rel=0.04)


def test_qabf_is_close_to_the_metric(triple):
    """Away from the border, that is: there the original sees an edge from the picture to the zeros around it."""
    window = np.outer(*[np.hanning(128)] * 2) ** 0.5
    faded = [np.rint(image * window).astype(np.uint8) for image in triple]
    grads = [losses.sobel(tensor(image)) for image in faded]
    value = losses.qabf(*grads, *map(losses.magnitude, grads))
    # The original takes angles of just below and just above the horizontal as opposite; the loss does not.
    assert float(value) == pytest.approx(exact(faded, "Qabf"), rel=0.1)


@pytest.mark.parametrize(("term", "name", "rel"), [(losses.ssim, "SSIM", 1e-3), (losses.scd, "SCD", 1e-3)])
def test_ssim_and_scd_are_the_metrics(triple, term, name, rel):
    assert float(term(*map(tensor, triple))) == pytest.approx(exact(triple, name), rel=rel)


def test_identical_pictures_are_the_best_there_is():
    image = tensor(blobs(3))
    halves = losses.vif_halves(image, image, image)
    assert [float(h) for h in halves] == pytest.approx([1, 1], abs=0.01)
    assert float(losses.ssim(image, image, image)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_crops_give_finite_losses_and_slopes(level):
    ir, vis = torch.full((2, 1, 64, 64), level), torch.full((2, 3, 64, 64), level)
    raw = torch.full((2, 1, 64, 64), level, requires_grad=True)
    fused = raw.clamp(0, 1).expand(-1, 3, -1, -1)
    total, terms = losses.fusion_loss(fused, raw, ir, vis, losses.LossWeights())
    total.backward()
    assert np.isfinite(float(total.detach())) and all(np.isfinite(v) for v in terms.values())
    assert torch.isfinite(raw.grad).all()


def test_total_is_the_weighted_sum(triple):
    ir, vis, fused = (tensor(image) / 255 for image in triple)
    colour = [x.expand(-1, 3, -1, -1) for x in (fused, vis)]
    weights = losses.LossWeights(vif=0.7, scd=0.0)
    total, terms = losses.fusion_loss(colour[0], fused, ir, colour[1], weights)
    assert float(total) == pytest.approx(sum(getattr(weights, k) * v for k, v in terms.items()), rel=1e-5)
    assert terms["chroma"] == pytest.approx(0, abs=0.1)  # grey and grey


def test_chroma_term_sees_lost_colour():
    generator = torch.Generator().manual_seed(0)
    vis = torch.rand(1, 3, 64, 64, generator=generator)
    grey = luma(vis)
    args = (grey, torch.zeros(1, 1, 64, 64), vis, losses.LossWeights())
    lost = losses.fusion_loss(grey.expand(-1, 3, -1, -1), *args)[1]["chroma"]
    kept = losses.fusion_loss(vis, *args)[1]["chroma"]
    assert lost > 20 > 0.1 > kept


def test_contrast_term_sees_a_fused_picture_paler_than_its_sources(triple):
    a, b = (tensor(image) for image in triple[:2])
    richer = a if a.std() > b.std() else b
    pale = (richer - richer.mean()) / 2 + richer.mean()
    assert float(losses.contrast_lost(a, b, richer)) == 0
    assert float(losses.contrast_lost(a, b, pale)) == pytest.approx(float(richer.std()) / 2, rel=0.02)


def test_artefact_term_sees_edges_of_neither_source():
    flat = torch.full((1, 1, 64, 64), 0.5)
    edge = flat.clone()
    edge[..., 32:] = 0.8
    vis = flat.expand(-1, 3, -1, -1)
    assert losses.fusion_loss(edge.expand(-1, 3, -1, -1), edge, flat, vis, losses.LossWeights())[1]["artefact"] > 0.01
    assert losses.fusion_loss(edge.expand(-1, 3, -1, -1), edge, edge, vis, losses.LossWeights())[1]["artefact"] == 0


def test_targets_term_is_about_the_visibility_of_hot_targets():
    """One hot disc on restless ground: the metric's value where the window holds only ground around it."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:128, :128]
    disc = (y - 60) ** 2 + (x - 70) ** 2 < 10**2
    ir = np.clip(60 + 120 * disc + rng.normal(0, 4, disc.shape), 0, 255).astype(np.uint8)
    faint = np.clip(90 + 12 * disc + rng.normal(0, 8, disc.shape), 0, 255).astype(np.uint8)
    for fused in (ir, faint, (ir // 2 + faint // 2), 255 - ir):
        value = float(losses.target_visibility(tensor(ir), tensor(fused)))
        assert value == pytest.approx(exact((ir, faint, fused), "HTV"), abs=0.1)
    cold = tensor(255 - ir)
    assert float(losses.target_visibility(cold, tensor(ir))) == pytest.approx(0, abs=1e-6)  # nothing is hot there


def test_light_term_sees_a_darkened_day_and_no_detail():
    noon = torch.full((1, 1, 64, 64), 200.0)
    detail = noon + 30 * (torch.arange(64) % 2 * 2 - 1).view(1, 1, 1, -1)
    assert float(losses.light_lost(noon, noon, noon - 20)) == pytest.approx(20 / 255)
    assert float(losses.light_lost(noon, noon, detail)) == pytest.approx(0, abs=1e-6)
    assert float(losses.light_lost(noon - 50, noon, noon)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("border", ["valid", "replicate"])
def test_blur_keeps_constants_and_is_gaussian(border):
    assert torch.allclose(losses.blur(torch.full((1, 1, 20, 30), 7.0), 9, 1.8, border), torch.tensor(7.0))
    impulse = torch.zeros(1, 1, 21, 21)
    impulse[..., 10, 10] = 1
    out = losses.blur(impulse, 9, 1.8, border)
    assert out.shape[-1] == (21 if border == "replicate" else 13)
    centre = out[0, 0, out.shape[-2] // 2]
    assert float(centre[out.shape[-1] // 2 + 2] / centre[out.shape[-1] // 2]) == pytest.approx(
        np.exp(-4 / (2 * 1.8**2)), rel=1e-5
    )
