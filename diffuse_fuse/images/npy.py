"""Arrays in NumPy's .npy files, by code that neither believes nor copies what they hold."""

from __future__ import annotations

import ast
import io
import math

import numpy as np

_MOST_BANDS = 16  # of an array whose last side counts them; cameras have ten


def has_bands(shape: tuple[int, ...]) -> bool:
    """Whether an array H×W×C holds more bands than colours and alpha: no stack has pictures as narrow as that."""
    return len(shape) == 3 and 5 <= shape[2] <= _MOST_BANDS < min(shape[:2])


def shape_of(data: bytes) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype that a file claims. Raises ValueError when the header is broken or not one of plain numbers."""
    shape, dtype, _, _ = _header(data)
    return shape, dtype


def view(data: bytes) -> np.ndarray:
    """The array in the bytes of a .npy file, which are not copied.

    Raises ValueError when the header is broken or not one of plain numbers, or the file does not hold all of it.
    """
    shape, dtype, is_fortran, start = _header(data)
    count = math.prod(shape)
    if count * dtype.itemsize > len(data) - start:
        raise ValueError("the file ends before the array does")
    array = np.frombuffer(data, dtype, count, start)
    return array.reshape(shape[::-1]).transpose() if is_fortran else array.reshape(shape)


def _header(data: bytes) -> tuple[tuple[int, ...], np.dtype, bool, int]:
    """Shape, dtype, whether the first index runs fastest, and where the numbers begin."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the format is unknown")
    length = int.from_bytes(stream.read(2 if version == (1, 0) else 4), "little")
    if length > 10_000:
        raise ValueError("the header is too long")
    try:
        fields = ast.literal_eval(stream.read(length).decode("latin1").strip())
        shape, dtype, is_fortran = tuple(fields["shape"]), np.dtype(fields["descr"]), fields["fortran_order"]
    except (SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise ValueError("the header is broken") from error
    if dtype.kind not in "buif" or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError("not an array of numbers")
    return shape, dtype, bool(is_fortran), stream.tell()
