"""The denoising UNet: shapes, size, and what it can see."""

from dataclasses import replace

import pytest
import torch

from diffuse_fuse.diffusion.objective import simple_loss
from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.networks.run import Rows
from diffuse_fuse.networks.unet import Attention, UNet, UNetConfig

SMALL = UNetConfig(channels=(8, 8, 16), blocks=(1, 1, 1), time_dim=16)


def random_unet(config: UNetConfig = SMALL) -> UNet:
    """A network in which every weight matters (fresh ones begin as zero maps)."""
    torch.manual_seed(0)
    unet = UNet(config).eval()
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return unet


def test_shipped_configuration_has_6_to_15_million_parameters():
    count = sum(p.numel() for p in UNet().parameters())
    assert 6e6 < count < 15e6


def test_untrained_network_predicts_no_noise():
    x = torch.randn(2, 4, 32, 16)
    assert torch.equal(UNet(SMALL)(x, torch.tensor([0, 999])), torch.zeros_like(x))


def test_decoder_features_have_one_tensor_a_level():
    shapes = [tuple(f.shape) for f in random_unet().decode(torch.zeros(2, 4, 32, 48), torch.zeros(2))]
    assert shapes == [(2, 8, 16, 24), (2, 8, 8, 12), (2, 16, 4, 6)]


def test_output_depends_on_the_time_step():
    unet, x = random_unet(), torch.randn(1, 4, 16, 16)
    assert not torch.allclose(unet(x, torch.tensor([1])), unet(x, torch.tensor([500])))


def test_a_pixel_sees_a_bounded_neighbourhood():
    """No attention and no normalisation over the picture: far away nothing changes, to the last bit."""
    unet = random_unet()
    left = torch.randn(1, 4, 16, 640, generator=torch.Generator().manual_seed(3))
    right = left.clone()
    right[..., :8] += 1.0
    t = torch.tensor([50])
    with torch.inference_mode():
        difference = (unet(left, t) - unet(right, t)).abs().amax(dim=(0, 1, 2))
    assert difference[:8].min() > 0
    assert difference[256:].max() == 0


def test_new_hints_change_nothing_until_they_are_learnt():
    unet, x, t = random_unet(), torch.randn(2, 4, 16, 16), torch.tensor([7, 300])
    hinted = unet.with_hints(4).eval()
    assert hinted.config.hint_channels == 4
    assert torch.equal(hinted(torch.cat([x, torch.randn_like(x)], dim=1), t), hinted(torch.cat([x, x], dim=1), t))
    torch.testing.assert_close(hinted(torch.cat([x, x], dim=1), t), unet(x, t))
    again = hinted.with_hints(0)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), unet.parameters(), strict=True))


def test_without_hints_the_input_stands_for_them():
    hinted, x, t = random_unet(replace(SMALL, hint_channels=4)), torch.randn(2, 4, 16, 16), torch.tensor([7, 300])
    folded = hinted.with_hints(0)
    torch.testing.assert_close(folded(x, t), hinted(torch.cat([x, x], dim=1), t))


def test_levels_without_block_counts_are_an_error():
    with pytest.raises(WeightsError, match="one of each a level"):
        UNetConfig(channels=(32, 64), blocks=(1,))


class Oracle(torch.nn.Module):
    """A model that knows the noise."""

    def __init__(self, eps):
        super().__init__()
        self.eps = eps

    def forward(self, x_t, t):
        return self.eps


def test_objective_is_zero_for_the_true_noise_and_its_power_for_none():
    schedule, x_0, eps = Schedule(), torch.rand(3, 4, 8, 8), torch.randn(3, 4, 8, 8)
    t = torch.tensor([0, 500, 999])
    assert torch.equal(simple_loss(Oracle(eps), schedule, x_0, t, eps), torch.zeros(3))
    power = eps.square().mean(dim=(1, 2, 3))
    torch.testing.assert_close(simple_loss(Oracle(torch.zeros_like(eps)), schedule, x_0, t, eps), power)


ATTENTIVE = UNetConfig(channels=(32, 32), blocks=(1, 1), time_dim=16, attention=1)


def test_attention_sees_the_whole_picture_where_convolutions_do_not():
    x = torch.zeros(1, 4, 8, 256, requires_grad=True)
    seen = []
    for config in (ATTENTIVE, replace(ATTENTIVE, attention=0)):
        random_unet(config)(x, torch.tensor([5]))[..., 0].sum().backward()
        seen.append(bool(x.grad[..., -1].abs().max() > 0))
        x.grad = None
    assert seen == [True, False]


def test_attention_begins_as_the_identity_and_is_softmax_over_pixels():
    attention = Attention(64)
    x = torch.randn(2, 64, 3, 5)
    assert torch.equal(UNet(ATTENTIVE).middle.attention.proj.weight, torch.zeros(32, 32, 1, 1))
    n, c, h, w = x.shape
    q, k, v = attention.qkv(attention.norm(x)).reshape(n, 3, 2, 32, h * w).transpose(-1, -2).unbind(dim=1)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(n, c, h, w)
    assert torch.allclose(attention(x), x + attention.proj(expected), atol=1e-5)


def test_attention_cannot_be_run_in_bands_and_needs_whole_heads():
    run = Rows().band(16, last=True)
    with pytest.raises(WeightsError, match="cannot be run in bands"):
        random_unet(ATTENTIVE).decode(torch.zeros(1, 4, 16, 16), torch.zeros(1), run)
    with pytest.raises(WeightsError, match="multiple of 32"):
        UNet(replace(ATTENTIVE, channels=(32, 48)))
