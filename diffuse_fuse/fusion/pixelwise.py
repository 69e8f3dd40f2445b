"""OpenCV's arithmetic of an array and a number, which its own types know for two arrays only."""

from __future__ import annotations

from typing import Protocol, cast

import cv2
import numpy as np

_Result = np.ndarray | None


class _OfTwo(Protocol):
    def __call__(self, src1: np.ndarray, src2: np.ndarray | float, dst: _Result = None) -> np.ndarray: ...


class _Sum(Protocol):
    def __call__(
        self,
        src1: np.ndarray,
        src2: np.ndarray | float,
        dst: _Result = None,
        mask: np.ndarray | None = None,
        dtype: int = -1,
    ) -> np.ndarray: ...


class _Product(Protocol):
    def __call__(
        self, src1: np.ndarray, src2: np.ndarray | float, dst: _Result = None, scale: float = 1, dtype: int = -1
    ) -> np.ndarray: ...


add = cast(_Sum, cv2.add)
multiply = cast(_Product, cv2.multiply)
smaller = cast(_OfTwo, cv2.min)
larger = cast(_OfTwo, cv2.max)
