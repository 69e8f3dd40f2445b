"""From colours to whole levels: one rounding for every model and backend, on tensors and on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

    from diffuse_fuse.arrays import Array

Values = TypeVar("Values", "torch.Tensor", "Array")  # this module imports neither


def most(depth: int) -> int:
    """The highest level of ``depth`` bits."""
    return (1 << depth) - 1


def rounded(green: Values, red: Values, blue: Values, depth: int = 8) -> tuple[Values, Values, Values]:
    """G, R - G and B - G in levels of ``depth`` bits -> R, G and B in whole levels, of the type and shape given.

    G is rounded, and with it the differences R - G and B - G. Rounding each channel by itself errs twice as far in the
    differences, which are what hue depends on. Equal channels stay equal.
    """
    g, r, b = (x.round() for x in (green, red, blue))
    r += g
    b += g
    r, g, b = (x.clip(0, most(depth)) for x in (r, g, b))
    return r, g, b


def of_rgb(red: Values, green: Values, blue: Values, depth: int = 8) -> tuple[Values, Values, Values]:
    """R, G and B in [0, 1] -> the same in whole levels of ``depth`` bits, as ``rounded`` makes them."""
    r, g, b = (x * float(most(depth)) for x in (red, green, blue))
    return rounded(g, r - g, b - g, depth)
