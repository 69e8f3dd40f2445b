"""DDPM and DDIM with a network of one's own, and any number of channels: python examples/own_samplers.py"""

import torch
from torch import nn

from diffuse_fuse.diffusion.objective import simple_loss
from diffuse_fuse.diffusion.samplers import ddim_encode, ddim_sample, ddpm_sample, time_steps
from diffuse_fuse.diffusion.schedule import Schedule

CHANNELS = 7  # such as RGB, infrared, depth and two of polarisation


class Network(nn.Module):
    """eps_theta: x_t (N, C, H, W) and time steps (N,) → the noise in x_t. Here two layers a pixel; use your UNet."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.layers = nn.Sequential(nn.Conv2d(CHANNELS + 1, 64, 1), nn.SiLU(), nn.Conv2d(64, CHANNELS, 1))

    def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        time = (t / self.steps).view(-1, 1, 1, 1).expand(-1, 1, *x_t.shape[2:])
        return self.layers(torch.cat([x_t, time], dim=1))


def main(training: int = 400) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    schedule = Schedule("linear", steps=100)
    network = Network(schedule.steps)
    level = torch.linspace(-0.8, 0.8, CHANNELS).view(1, -1, 1, 1)  # the data: a level of its own in each channel
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(training):
        x_0 = level + 0.05 * torch.randn(64, CHANNELS, 4, 4)
        t = torch.randint(schedule.steps, (len(x_0),))
        loss = simple_loss(network, schedule, x_0, t, torch.randn_like(x_0)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def eps_theta(x_t: torch.Tensor, t: int) -> torch.Tensor:
        return network(x_t, torch.full((len(x_t),), t))

    generator = torch.Generator().manual_seed(1)
    noise, taus = torch.randn(16, CHANNELS, 4, 4, generator=generator), time_steps(schedule.steps, 20)
    samples = {
        "DDPM, 100 steps": ddpm_sample(eps_theta, schedule, noise, generator),
        "DDIM, 20 steps": ddim_sample(eps_theta, schedule, noise, taus),
        "DDIM, eta 1": ddim_sample(eps_theta, schedule, noise, taus, eta=1, generator=generator),
    }
    every = range(schedule.steps)
    encoded = ddim_encode(eps_theta, schedule, samples["DDIM, 20 steps"], every)
    samples["there and back"] = ddim_sample(eps_theta, schedule, encoded, every)
    for name, x_0 in samples.items():
        print(f"{name}: " + " ".join(f"{mean:+.2f}" for mean in x_0.mean(dim=(0, 2, 3))))
    return samples


if __name__ == "__main__":
    main()
