"""The type of NumPy's arrays; docstrings say which shapes and dtypes they have."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
