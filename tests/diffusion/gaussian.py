"""The case that is solved in closed form: data from N(mu, Sigma), whose optimal eps_theta is linear in x_t."""

from __future__ import annotations

import numpy as np
import torch

from diffuse_fuse.diffusion.samplers import EpsTheta
from diffuse_fuse.diffusion.schedule import Schedule

# four "channels" as they are in pictures: correlated, of different spread, not centred
MU = np.array([0.3, -0.2, 0.1, 0.5])
SIGMA = 0.1 * np.array([
    [1.0, 0.8, 0.6, 0.2],
    [0.8, 1.2, 0.7, 0.1],
    [0.6, 0.7, 0.9, -0.3],
    [0.2, 0.1, -0.3, 0.5],
])  # fmt: skip


def gaussian_eps(schedule: Schedule, mu: np.ndarray = MU, sigma: np.ndarray = SIGMA) -> EpsTheta:
    """E[eps | x_t] = sqrt(1 - ab) (ab Sigma + (1 - ab) I)^-1 (x_t - sqrt(ab) mu), for x_t (N, D) in float64."""

    def eps_theta(x_t: torch.Tensor, t: int) -> torch.Tensor:
        alpha_bar = schedule.alpha_bar[t]
        inverse = np.linalg.inv(alpha_bar * sigma + (1 - alpha_bar) * np.eye(len(mu)))
        centred = x_t - torch.from_numpy(np.sqrt(alpha_bar) * mu)
        return np.sqrt(1 - alpha_bar) * centred @ torch.from_numpy(inverse)

    return eps_theta


def gaussian_distance(mu_a: np.ndarray, sigma_a: np.ndarray, mu_b: np.ndarray, sigma_b: np.ndarray) -> float:
    """The 2-Wasserstein distance of two normal distributions (Dowson and Landau 1982)."""
    root = _root(sigma_a)
    cross = np.trace(sigma_a + sigma_b - 2 * _root(root @ sigma_b @ root))
    return float(np.sqrt(((mu_a - mu_b) ** 2).sum() + max(cross, 0)))


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
