"""How the pictures of a pair are read: what the options of ``dfuse fuse`` set, with their defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from diffuse_fuse.arguments import kind, whole
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.enlarging import METHODS, Enlarger
from diffuse_fuse.images.field import GivenField

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Polarity = Literal["white-hot", "black-hot", "auto"]
Size = Literal["vis", "ir"]
CAMERA: Final = "camera"
ThermalRange = tuple[float, float] | Literal["camera"]

ThermalUnit = Literal["C", "K", "cK", "dK", "cC", "dC", "F"]
RawType = Literal["uint8", "uint16", "uint16be", "int16", "int16be", "int32", "float32", "float32be", "float64"]

# The largest picture of a camera or drone today has about 100 million pixels; a header may claim 4 billion.
MAX_PIXELS = 100_000_000


@dataclass(frozen=True)
class RawLayout:
    """The size in pixels and the type of the numbers of a file without a header; "be": the higher byte comes first."""

    width: int
    height: int
    kind: RawType = "uint16"

    def __post_init__(self) -> None:
        """Raises UsageError for what no file can have."""
        whole(self.width, "The width of a raw file", least=1)
        whole(self.height, "The height of a raw file", least=1)
        if self.kind not in get_args(RawType):
            raise UsageError(f"The type of a raw file is one of {', '.join(get_args(RawType))}, not {self.kind!r}.")


@dataclass(frozen=True)
class LoadOptions:
    """How a pair is read.

    page: of a multi-page infrared file, from 1. thermal_range: the values (°C where the file is radiometric, else those
    of the file) that become black and white, or "camera" for those of the camera's screen, which radiometric files may
    say; by default robust percentiles of each picture, and 8-bit pictures as they are. polarity: "black-hot" inverts,
    "auto" looks at the picture. size: whose size the pair gets. stretch: pictures of other proportions show the same
    field all the same. gps: keep where the visible picture was taken. max_pixels: larger pictures are refused before
    decoding. nodata: a value of the infrared file that means no measurement, besides those that are found. field:
    where the infrared picture lies in the visible one, which is cut to it. palette: the name or file of the false
    colours that the infrared picture is painted in ("reversed": hot and cold change places), where they are not to be
    found out. thermal_unit: what the numbers of a file without a unit mean. raw: how headerless infrared files are
    laid out. ir_band, vis_bands, vis_page: from 1, where one file holds both pictures. enlarge: how an infrared picture
    that is smaller than the visible one gets its size, by the name of one of ``images.enlarging``, "auto" included, or
    another way; None: interpolated, as values on any scale can be.
    """

    page: int = 1
    thermal_range: ThermalRange | None = None
    polarity: Polarity = "white-hot"
    size: Size = "vis"
    stretch: bool = False
    gps: bool = True
    max_pixels: int = MAX_PIXELS
    nodata: float | None = None
    field: GivenField | None = None
    palette: str | None = None
    thermal_unit: ThermalUnit | None = None
    raw: RawLayout | None = None
    ir_band: int | None = None
    vis_bands: tuple[int, ...] | None = None
    vis_page: int | None = None
    enlarge: str | Enlarger | None = "auto"

    def __post_init__(self) -> None:
        """Raises UsageError for values that none of these can have."""
        whole(self.page, "The page", least=1)
        whole(self.max_pixels, "The largest number of pixels", least=1)
        for name, allowed in (("polarity", get_args(Polarity)), ("size", get_args(Size))):
            if getattr(self, name) not in allowed:
                raise UsageError(f"The {name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}.")
        if self.thermal_unit is not None and self.thermal_unit not in get_args(ThermalUnit):
            there = ", ".join(get_args(ThermalUnit))
            raise UsageError(f"The thermal unit is one of {there}, not {self.thermal_unit!r}.")
        if isinstance(self.enlarge, str) and self.enlarge not in METHODS:
            known = ", ".join(METHODS)
            raise UsageError(f"The enlarging method is one of {known}, or an Enlarger, not {self.enlarge!r}.")
        for number, name in ((self.ir_band, "The infrared band"), (self.vis_page, "The visible page")):
            if number is not None:
                whole(number, name, least=1)
        if self.vis_bands is not None and (
            len(self.vis_bands) not in (1, 3) or any(whole(band, "A visible band") < 1 for band in self.vis_bands)
        ):
            raise UsageError("The visible bands are one number from 1, or three with red first, such as 3,2,1.")
        if self.thermal_range is not None and not is_camera(self.thermal_range):
            checked_range(self.thermal_range)
        if self.nodata is not None and not isinstance(self.nodata, Real):
            raise UsageError(f"The nodata value must be a number, not {kind(self.nodata)}.")

    def of_the_file(self) -> dict[str, Any]:
        """What is said of files that do not say it themselves, as JSON can hold it; only what is given."""
        given = {name: getattr(self, name) for name in ("palette", "thermal_unit", "ir_band", "vis_bands", "vis_page")}
        given["raw"] = None if self.raw is None else [self.raw.width, self.raw.height, self.raw.kind]
        return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if v is not None}


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
            f"A thermal range is two numbers, the lower one first, such as (10, 40), or '{CAMERA}', not {given!r}."
        )
    return low, high


DEFAULT = LoadOptions()
