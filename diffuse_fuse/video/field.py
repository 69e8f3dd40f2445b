"""Where the infrared frames of a video lie in the visible ones: one place for all frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from diffuse_fuse.alignment import Aligner, find_field
from diffuse_fuse.errors import PairError
from diffuse_fuse.images import seam
from diffuse_fuse.images.arrays import to_bytes
from diffuse_fuse.images.enlarging import Enlarger
from diffuse_fuse.images.field import Field, GivenField, cut_to, field_sentence
from diffuse_fuse.images.load import match_sizes

if TYPE_CHECKING:
    from diffuse_fuse.video.source import Frame

FIRST = 8  # frames in which the field is looked for


class Place:
    """Brings frames to one size: whole, or cut to the field that is given, found, or in a rig's file.

    ``warn`` is told what is odd, maybe more than once.
    """

    def __init__(
        self,
        field: GivenField | None,
        aligner: Aligner | None,
        stretch: bool,
        warn: Callable[[str], None],
        enlarge: str | Enlarger = "auto",
    ) -> None:
        self._enlarge = enlarge
        self._given, self._aligner, self._stretch, self._warn = field, aligner, stretch, warn
        self._found: Field | None = None
        self._unsure: str | None = None  # why the field that was looked for is not used

    def looked(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The same frames; the field is looked for in the first ones, where that was asked for."""
        if self._given is None and self._aligner is not None and self._aligner.search:
            first = list(islice(frames, FIRST))
            self._found = self._search(first)
            while first:  # given away one by one, so that they are not held longer than needed
                yield first.pop(0)
        yield from frames

    def cut(
        self, ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """ir h×w, vis H×W×3, uint8, and holes, bool h×w → all of one size. Raises PairError where that cannot be."""
        size = (vis.shape[1], vis.shape[0])
        field = self._found and self._found.at_size(size)
        if self._given is not None:
            field = self._given.within((ir.shape[1], ir.shape[0]), size)
        elif self._aligner is not None and self._aligner.calibration is not None:
            field = self._aligner.calibration.field_for(size)
        if field is None:
            ir, resized = self._whole(ir, vis)
            if resized:
                self._warn(resized)
            return ir, vis, seam.at_size(holes, vis.shape[:2])
        self._warn(field_sentence(field))
        if holes is not None:
            laid = cut_to(holes.astype(np.float32), vis, field)[0] > 0.5
            holes = laid if laid.any() else None
        return (*cut_to(ir, vis, field, how=self._enlarge), holes)

    def _whole(self, ir: np.ndarray, vis: np.ndarray) -> tuple[np.ndarray, str | None]:
        """The infrared frame at the visible one's size, and a sentence where that is another.

        Raises PairError for other proportions; where a field was looked for, it says why none is used.
        """
        try:
            return match_sizes(ir, vis, self._stretch, self._enlarge)
        except PairError:
            if self._unsure is None:
                raise
            sizes = f"An infrared frame is {ir.shape[1]}×{ir.shape[0]}, a visible one {vis.shape[1]}×{vis.shape[0]}"
            raise PairError(f"{sizes}. {self._unsure}") from None

    def _search(self, frames: list[Frame]) -> Field | None:
        """The field in the first frame in which it is found for sure; None, with a warning, where it is in none."""
        reason = None
        for frame in frames:
            values = np.ma.getdata(frame.ir)
            found = find_field(values if values.dtype == np.uint8 else _levels(frame.ir), frame.vis)
            if found.reason is None:
                return found.field
            reason = found.reason
        self._unsure = reason
        if reason:
            self._warn(reason)
        return None


def _levels(values: np.ndarray) -> np.ndarray:
    """Deep values as uint8, for edges only: between two robust percentiles of what was measured."""
    measured = values.compressed() if isinstance(values, np.ma.MaskedArray) else values
    low, high = np.nanpercentile(measured, (1, 99))
    unit = (np.ma.getdata(values).astype(np.float32) - low) / max(float(high - low), 1e-9)
    return to_bytes(np.clip(np.nan_to_num(unit), 0, 1))
