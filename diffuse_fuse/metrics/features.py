"""The feature images that feature mutual information is computed on: edges, DCT, wavelet."""

from __future__ import annotations

import numpy as np

from diffuse_fuse.metrics.context import Array

# The discrete Meyer low-pass filter of MATLAB's wavelet toolbox ('dmey', 62 taps): centre and right half, the left
# half mirrors it, and one more zero stands before. No closed form gives these digits.
_MEYER_HALF = np.array(
    (
        0.7445855923188063, 0.44459300275757724, -0.035087555656258346, -0.13284520043622938,
        0.030655091960824263, 0.0637390243228016, -0.024348745906078023, -0.03213079399021176,
        0.017423434103729693, 0.015270015130934803, -0.011061496392513451, -0.006387718318497156,
        0.006045814097323304, 0.002202534100911002, -0.002704672124643725, -0.0006011502343516092,
        6.554305930575149e-05, -1.6312699734552807e-05, 3.20544191334478e-06, 7.367572885903746e-07,
        -1.489549216497156e-06, 1.1307947017916706e-06, -5.506340565252278e-07, 1.1783004497663934e-07,
        8.200680650386481e-08, -1.0866516536735883e-07, 6.066975741351135e-08, -1.0798819539621958e-08,
        -1.111944952595278e-08, 8.519459636796214e-09, -1.009999956941423e-12,
    )
)  # fmt: skip


def sobel_edges(image: Array) -> Array:
    """MATLAB's edge(image) with its defaults: Sobel, threshold 2 √mean(|∇|²), thinned. H×W float64 of 0 and 1.

    A pixel is an edge when its squared gradient exceeds four times the mean, and it is a maximum across the
    stronger of both directions. The outermost pixels are compared with themselves repeated.
    """
    import cv2

    across = cv2.Sobel(image, cv2.CV_64F, 1, 0, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(image, cv2.CV_64F, 0, 1, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    across2, down2 = across * across, down * down
    strength = across2 + down2
    # outside the picture there is no stronger neighbour
    padded = np.pad(strength, 1, constant_values=0)
    centre = padded[1:-1, 1:-1]
    peak_across = (padded[1:-1, :-2] <= centre) & (centre > padded[1:-1, 2:])
    peak_down = (padded[:-2, 1:-1] <= centre) & (centre > padded[2:, 1:-1])
    tolerance = 100 * np.finfo(np.float64).eps
    thin = ((across2 >= down2 - tolerance) & peak_across) | ((down2 >= across2 - tolerance) & peak_down)
    edges: Array = ((strength > 4 * strength.mean()) & thin).astype(np.float64)
    return edges


def dct(image: Array) -> Array:
    """Orthonormal two-dimensional DCT-II of the whole image, H×W."""
    from scipy.fft import dctn

    coefficients: Array = dctn(image, norm="ortho")
    return coefficients


def meyer_mosaic(image: Array) -> Array:
    """One level of the discrete Meyer transform, [approximation, horizontal; vertical, diagonal], scaled to 0…1."""
    low = np.concatenate(([0.0], _MEYER_HALF[:0:-1], _MEYER_HALF))
    high = low[::-1] * np.where(np.arange(low.size) % 2, 1.0, -1.0)
    low_rows, high_rows = _decimate(image, low), _decimate(image, high)
    mosaic = np.block(
        [
            [_decimate(low_rows.T, low).T, _decimate(low_rows.T, high).T],
            [_decimate(high_rows.T, low).T, _decimate(high_rows.T, high).T],
        ]
    )
    span = np.ptp(mosaic)
    return (mosaic - mosaic.min()) / span if span > 0 else np.ones_like(mosaic)


def _decimate(rows: Array, taps: Array) -> Array:
    """Each row mirrored at its ends, convolved, every second sample kept."""
    extended = np.pad(rows, ((0, 0), (taps.size - 1, taps.size - 1)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(extended, taps.size, axis=1)[:, 1::2]
    return windows @ taps[::-1]
