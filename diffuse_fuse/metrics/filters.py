"""Separable float64 filters. OpenCV is imported at the first use: it costs more than this whole package."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from diffuse_fuse.metrics.context import Array


@lru_cache(maxsize=32)
def gaussian_kernel(size: int, sigma: float) -> Array:
    """1-D Gaussian of odd length ``size`` that sums to 1; its outer product is MATLAB's fspecial('gaussian')."""
    offsets = np.arange(size) - (size - 1) / 2
    kernel: Array = np.exp(-(offsets**2) / (2 * sigma * sigma))
    normalised: Array = kernel / kernel.sum()
    return normalised


def separable(image: Array, kernel: Array, border: str = "replicate") -> Array:
    """``image`` filtered with ``kernel`` along both axes, same size. border: replicate, zero or mirror."""
    import cv2

    borders = {"replicate": cv2.BORDER_REPLICATE, "zero": cv2.BORDER_CONSTANT, "mirror": cv2.BORDER_REFLECT_101}
    return cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel, borderType=borders[border])


def gaussian(image: Array, size: int, sigma: float, border: str = "replicate") -> Array:
    """Gaussian-weighted local mean, same size."""
    return separable(image, gaussian_kernel(size, sigma), border)


def gaussian_valid(image: Array, size: int, sigma: float) -> Array:
    """Gaussian-weighted local mean where the window lies inside the image; may have no element."""
    half = size // 2
    if min(image.shape) < size:
        return np.zeros((max(0, image.shape[0] - 2 * half), max(0, image.shape[1] - 2 * half)))
    return gaussian(image, size, sigma)[half:-half, half:-half]


def box_sum(image: Array, size: int) -> Array:
    """Sum over size×size windows that lie inside the image; exact for integers and small binary fractions."""
    import cv2

    half = size // 2
    if min(image.shape) < size:
        return np.zeros((max(0, image.shape[0] - 2 * half), max(0, image.shape[1] - 2 * half)))
    return cv2.boxFilter(image, cv2.CV_64F, (size, size), normalize=False)[half:-half, half:-half]


def sobel(image: Array, border: str) -> tuple[Array, Array]:
    """Horizontal and vertical Sobel differences (right − left, below − above), unscaled. border: zero or mirror."""
    import cv2

    borders = {"zero": cv2.BORDER_CONSTANT, "mirror": cv2.BORDER_REFLECT_101}
    mode = borders[border]
    return (
        cv2.Sobel(image, cv2.CV_64F, 1, 0, ksize=3, borderType=mode),
        cv2.Sobel(image, cv2.CV_64F, 0, 1, ksize=3, borderType=mode),
    )


def half_size(image: Array) -> Array:
    """2×2 block means; a last odd row or column is repeated."""
    height, width = image.shape
    padded = np.pad(image, ((0, height % 2), (0, width % 2)), mode="edge")
    means: Array = (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]) / 4
    return means
