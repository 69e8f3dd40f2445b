"""The best linear denoiser: what a network must beat to have learnt more than second-order statistics."""

from __future__ import annotations

import numpy as np
import scipy.fft

from diffuse_fuse.arrays import Array
from diffuse_fuse.errors import DataError

_AXES = (2, 3)


class WienerDenoiser:
    """The Wiener filter of four-channel crops: mean and covariance of their cosine transform, fitted on data.

    The cosine transform comes close to uncorrelating a picture's frequencies (it does so for a first-order Markov
    process) and, unlike Fourier's, does not tie opposite borders together; what remains is a C×C covariance of the
    channels at each frequency, so colour and infrared help each other. For normal data with such a covariance,
    ``eps`` is optimal among all denoisers.
    """

    def __init__(self, crops: Array) -> None:
        """``crops`` (N, C, H, W) in [-1, 1], training data; raises DataError for fewer than two."""
        if len(crops) < 2:
            raise DataError("A Wiener filter cannot be fitted on fewer than two crops.")
        coefficients = _transform(crops)
        self.mean = coefficients.mean(axis=0)  # (C, H, W)
        centred = coefficients - self.mean
        self.covariance = np.einsum("nchw,ndhw->hwcd", centred, centred) / (len(crops) - 1)

    def eps(self, x_t: Array, alpha_bar: float) -> Array:
        """The linear estimate of the noise in ``x_t`` (N, C, H, W): as E[eps | x_t] of normal data.

        sqrt(1 - ab) (ab Sigma + (1 - ab) I)^-1 (x_t - sqrt(ab) mu), at every frequency.
        """
        centred = _transform(x_t) - np.sqrt(alpha_bar) * self.mean
        spread = alpha_bar * self.covariance + (1 - alpha_bar) * np.eye(self.covariance.shape[-1])
        solved = np.linalg.solve(spread[None], centred.transpose(0, 2, 3, 1)[..., None])[..., 0]
        scaled = np.sqrt(1 - alpha_bar) * solved.transpose(0, 3, 1, 2)
        eps: Array = scipy.fft.idctn(scaled, axes=_AXES, norm="ortho")
        return eps


def _transform(x: Array) -> Array:
    found: Array = scipy.fft.dctn(x.astype(np.float64), axes=_AXES, norm="ortho")
    return found
