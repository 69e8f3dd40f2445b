"""How the pictures of a pair are read: what the options of ``dfuse fuse`` set, with their defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from diffuse_fuse.arguments import kind, whole
from diffuse_fuse.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Polarity = Literal["white-hot", "black-hot", "auto"]
Size = Literal["vis", "ir"]
CAMERA: Final = "camera"
ThermalRange = tuple[float, float] | Literal["camera"]

# The largest picture of a camera or drone today has about 100 million pixels; a header may claim 4 billion.
MAX_PIXELS = 100_000_000


@dataclass(frozen=True)
class LoadOptions:
    """How a pair is read.

    page: of a multi-page infrared file, from 1. thermal_range: the values (°C where the file is radiometric, else those
    of the file) that become black and white, or "camera" for those of the camera's screen, which radiometric files may
    say; by default robust percentiles of each picture, and 8-bit pictures as they are. polarity: "black-hot" inverts,
    "auto" looks at the picture. size: whose size the pair gets. stretch: pictures of other proportions show the same
    field all the same. gps: keep where the visible picture was taken. max_pixels: larger pictures are refused before
    decoding. nodata: a value of the infrared file that means no measurement, besides those that are found.
    """

    page: int = 1
    thermal_range: ThermalRange | None = None
    polarity: Polarity = "white-hot"
    size: Size = "vis"
    stretch: bool = False
    gps: bool = True
    max_pixels: int = MAX_PIXELS
    nodata: float | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for values that none of these can have."""
        whole(self.page, "The page", least=1)
        whole(self.max_pixels, "The largest number of pixels", least=1)
        for name, allowed in (("polarity", get_args(Polarity)), ("size", get_args(Size))):
            if getattr(self, name) not in allowed:
                raise UsageError(f"The {name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}.")
        if self.thermal_range is not None and not is_camera(self.thermal_range):
            checked_range(self.thermal_range)
        if self.nodata is not None and not isinstance(self.nodata, Real):
            raise UsageError(f"The value that means no measurement must be a number, not {kind(self.nodata)}.")


def is_camera(given: Any) -> TypeIs[Literal["camera"]]:
    """True for the thermal range that the file itself says."""
    return isinstance(given, str) and given == CAMERA


def checked_range(given: Any) -> tuple[float, float]:
    """Two numbers, the lower one first. Raises UsageError for anything else."""
    try:
        low, high = map(float, given)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(
            f"A thermal range is two numbers, the lower one first, such as (10, 40), or '{CAMERA}'; not {given!r}."
        )
    return low, high


DEFAULT = LoadOptions()
