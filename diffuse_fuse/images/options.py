"""How the pictures of a pair are read: what the options of ``dfuse fuse`` set, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Polarity = Literal["white-hot", "black-hot", "auto"]
Size = Literal["vis", "ir"]

# The largest picture of a camera or drone today has about 100 million pixels; a header may claim 4 billion.
MAX_PIXELS = 100_000_000


@dataclass(frozen=True)
class LoadOptions:
    """How a pair is read.

    page: of a multi-page infrared file, from 1. thermal_range: the values (°C where the file is radiometric, else those
    of the file) that become black and white; by default robust percentiles of each picture, and 8-bit pictures as they
    are. polarity: "black-hot" inverts, "auto" looks at the picture. size: whose size the pair gets. stretch: pictures
    of other proportions show the same field all the same. gps: keep where the visible picture was taken.
    nodata: a value of the infrared file that means no measurement, besides those that are found.
    max_pixels: larger pictures are refused before decoding.
    """

    page: int = 1
    thermal_range: tuple[float, float] | None = None
    polarity: Polarity = "white-hot"
    size: Size = "vis"
    stretch: bool = False
    gps: bool = True
    max_pixels: int = MAX_PIXELS
    nodata: float | None = None


DEFAULT = LoadOptions()
