"""OpenCV's arithmetic of an array and a number, which its own types know for two arrays only."""

from __future__ import annotations

from typing import Protocol, cast

import cv2

from diffuse_fuse.arrays import Array

_Result = Array | None


class _OfTwo(Protocol):
    def __call__(self, src1: Array, src2: Array | float, dst: _Result = None) -> Array: ...


class _Sum(Protocol):
    def __call__(
        self,
        src1: Array,
        src2: Array | float,
        dst: _Result = None,
        mask: Array | None = None,
        dtype: int = -1,
    ) -> Array: ...


class _Product(Protocol):
    def __call__(
        self, src1: Array, src2: Array | float, dst: _Result = None, scale: float = 1, dtype: int = -1
    ) -> Array: ...


add = cast(_Sum, cv2.add)
multiply = cast(_Product, cv2.multiply)
smaller = cast(_OfTwo, cv2.min)
larger = cast(_OfTwo, cv2.max)
