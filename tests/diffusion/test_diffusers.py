"""Schedules and samplers against those of diffusers, where both have the same conventions: to 1e-5.

diffusers' DDIM counts time steps from 0 in equal strides ("leading", with alpha_bar 1 before the first step), which is
one of the sub-sequences that ``ddim_sample`` takes. It is not needed by dfuse: without it these tests are skipped.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffuse_fuse.diffusion.samplers import ddim_sample, ddpm_sample
from diffuse_fuse.diffusion.schedule import Schedule

diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed: pip install diffusers")

KINDS = {"linear": "linear", "cosine": "squaredcos_cap_v2"}
SHAPE = (2, 3, 4, 5)


def options(kind: str, steps: int = 1000) -> dict:
    betas = {"beta_start": 1e-4 * 1000 / steps, "beta_end": 0.02 * 1000 / steps}
    return {"num_train_timesteps": steps, "beta_schedule": KINDS[kind], **betas}


def eps_theta(x_t: torch.Tensor, t: int) -> torch.Tensor:
    """No trained network, but a function of both that is not linear."""
    return torch.tanh(x_t * (0.5 + t / 1000)) + 0.1 * torch.sin(3 * x_t)


def noise() -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("steps", [50, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_schedules(kind, steps):
    own, other = Schedule(kind, steps), diffusers.DDPMScheduler(**options(kind, steps))
    assert np.allclose(own.beta, other.betas.double().numpy(), rtol=1e-5, atol=1e-7)
    assert np.allclose(own.alpha_bar, other.alphas_cumprod.double().numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_forward_process(kind):
    own, other = Schedule(kind), diffusers.DDPMScheduler(**options(kind))
    x_0, eps = noise().clamp(-1, 1), noise().flip(0)
    for t in (0, 1, 250, 999):
        at = torch.full((SHAPE[0],), t)
        assert torch.allclose(own.diffuse(x_0, at, eps), other.add_noise(x_0, eps, at), rtol=0, atol=1e-5)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize(("variance", "other_variance"), [("posterior", "fixed_small"), ("beta", "fixed_large")])
def test_ddpm(variance, other_variance, clip):
    """The same network, the same draws of noise: the same samples after all steps."""
    steps = 50
    other = diffusers.DDPMScheduler(**options("linear", steps), variance_type=other_variance, clip_sample=clip)
    x_t, generator = noise(), torch.Generator().manual_seed(1)
    for t in other.timesteps:
        x_t = other.step(eps_theta(x_t, int(t)), int(t), x_t, generator=generator).prev_sample
    own = ddpm_sample(
        eps_theta, Schedule("linear", steps), noise(), torch.Generator().manual_seed(1), variance=variance, clip=clip
    )
    assert (own - x_t).abs().max() <= 1e-5 * max(1.0, float(x_t.abs().max()))


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_ddim(kind, eta, clip):
    count = 20
    other = diffusers.DDIMScheduler(
        **options(kind), clip_sample=clip, set_alpha_to_one=True, timestep_spacing="leading", steps_offset=0
    )
    other.set_timesteps(count)
    x_t, generator = noise(), torch.Generator().manual_seed(1)
    for t in other.timesteps:
        found = other.step(
            eps_theta(x_t, int(t)), int(t), x_t, eta=eta, generator=generator, use_clipped_model_output=clip
        )
        x_t = found.prev_sample
    taus = sorted(int(t) for t in other.timesteps)
    assert taus == list(range(0, 1000, 1000 // count))
    own = ddim_sample(
        eps_theta, Schedule(kind), noise(), taus, eta=eta, generator=torch.Generator().manual_seed(1), clip=clip
    )
    assert (own - x_t).abs().max() <= 1e-5 * max(1.0, float(x_t.abs().max()))
