"""A frame of a pair as the sources give it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from diffuse_fuse.images.thermal import Thermal

Range = tuple[float, float]


class Heat(NamedTuple):
    """values: H×W, uint8 or counts or temperatures; masked where there are holes. span: the camera's, see ``Frame``."""

    values: np.ndarray
    span: Range | None = None

    @staticmethod
    def of(thermal: Thermal, span: Range | None = None) -> Heat:
        """A thermal picture as a frame."""
        holes = thermal.holes
        return Heat(thermal.values if holes is None else np.ma.array(thermal.values, mask=holes), span)


class Frame(NamedTuple):
    """A pair before anything is done to it: infrared values H×W, visible uint8 H×W×3.

    ir: uint8 grey levels, or a deeper type where they are counts or temperatures; a masked array where there are holes,
    which continue what is around them. span: the values that are to become black and white where the file's camera
    decides, see ``cut_to_span``.
    """

    name: str
    ir: np.ndarray
    vis: np.ndarray
    span: Range | None = None
