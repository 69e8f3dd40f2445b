"""What is done with every pair of a run besides the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.enlarging import name_of
from diffuse_fuse.images.options import DEFAULT as DEFAULT_LOAD
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.write import SUFFIXES

if TYPE_CHECKING:
    from diffuse_fuse.alignment import Aligner  # which brings SciPy: a fifth of a second


@dataclass(frozen=True)
class Recipe:
    """How the pairs of a run become pictures.

    load: how they are read and brought to one size. aligner: moves the infrared picture onto the visible one after
    that; without, they are taken as they are. measure: compute the fidelity metrics ``metrics.FUSE``.
    depth: bits a channel of the output, 8 or 16. side_by_side: the output shows infrared, visible and fused beside
    each other. gif: an animation of the three is written too. world_file: where a map lies is written beside it, too.
    model, weights: name and SHA-256 of the fuser's weights, noted in each picture, so that a later run can tell
    whether it is up to date; without weights nothing is noted. more: whatever else changes the pixels, as JSON values.
    """

    load: LoadOptions = DEFAULT_LOAD
    aligner: Aligner | None = None
    measure: bool = True
    depth: Literal[8, 16] = 8
    side_by_side: bool = False
    gif: bool = False
    world_file: bool = False
    model: str = ""
    weights: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def options(self, out: Path) -> dict[str, Any]:
        """Everything that decides about the bytes of ``out`` besides weights and sources, as JSON can hold it.

        All of it, defaults too: what a picture says about itself must not depend on what the defaults were.
        """
        load = self.load
        return {
            "page": load.page,
            "thermal_range": list(given) if isinstance(given := load.thermal_range, tuple) else given,
            "polarity": load.polarity,
            "size": load.size,
            "stretch": load.stretch,
            "gps": load.gps,
            **({} if load.nodata is None else {"nodata": load.nodata}),
            **({} if load.field is None else {"ir_field": load.field.as_json()}),
            **load.of_the_file(),
            "enlarge": None if load.enlarge is None else name_of(load.enlarge),
            "align": self._alignment(),
            "depth": self.depth,
            "side_by_side": self.side_by_side,
            "format": canonical(out.suffix)[1:],
            **self.more,
        }

    def _alignment(self) -> Any:
        if self.aligner is None:
            return None
        rig = self.aligner.calibration
        if rig is not None:
            return rig.as_dict()
        kind = self.aligner.kind.value
        if not self.aligner.move:
            return "field"
        return f"field, {kind}" if self.aligner.search else kind


def canonical(suffix: str) -> str:
    """One spelling of a suffix: ".JPEG" → ".jpg"."""
    return {".jpeg": ".jpg", ".tiff": ".tif"}.get(suffix.lower(), suffix.lower())


def format_suffix(name: str) -> str:
    """The suffix of a format name: "png" → ".png". Raises UsageError for a format that cannot be written."""
    suffix = "." + name.lower().lstrip(".")
    if suffix not in SUFFIXES:
        known = ", ".join(known[1:] for known in SUFFIXES)
        raise UsageError(f"The format {name} is unknown: use one of {known}.")
    return suffix
