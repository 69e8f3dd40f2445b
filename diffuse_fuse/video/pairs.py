"""Raw frames of two sources → pairs as the fusion takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.alignment import Aligner
from diffuse_fuse.errors import DfuseError, ImageError
from diffuse_fuse.fusion.relight import SceneLight
from diffuse_fuse.images.enlarging import Enlarger
from diffuse_fuse.images.field import GivenField
from diffuse_fuse.images.thermal import Thermal, holes
from diffuse_fuse.images.thermal.window import crowded
from diffuse_fuse.video.field import Place
from diffuse_fuse.video.flicker import luma
from diffuse_fuse.video.light import SteadyLight
from diffuse_fuse.video.source import Frames
from diffuse_fuse.video.thermal import SteadyRange, looked_ahead


@dataclass(frozen=True)
class FramePair:
    """ir H×W, vis H×W×3 and its luma H×W, all uint8 of one size; light: that of the scene, for the fuser.

    holes: bool H×W, where the infrared camera measured nothing, if anywhere.
    """

    name: str
    ir: np.ndarray
    vis: np.ndarray
    luma: np.ndarray
    light: SceneLight
    holes: np.ndarray | None = None


def prepared(
    frames: Frames,
    scale: SteadyRange,
    light: SteadyLight,
    aligner: Aligner | None,
    stretch: bool,
    warn: Callable[[str], None],
    field: GivenField | None = None,
    enlarge: str | Enlarger = "auto",
) -> Iterator[FramePair]:
    """The pairs in order; ``warn`` is told what is odd, maybe more than once.

    field: where the infrared frames lie in the visible ones. An aligner that looks for it does so in the first frames,
    and keeps what it found: the camera does, and all frames have one size. enlarge: as in ``LoadOptions``.

    Raises ImageError, PairError or AlignmentError with the frame's name in it.
    """
    odd = _Odd(warn)
    place = Place(field, aligner, stretch, warn, enlarge)
    for name, values, vis, span in place.looked(looked_ahead(frames.pairs, scale)):
        try:
            odd.look(values, scale)
            ir, vis, bare = place.cut(scale(values, span), vis, _wide_holes(values))
            if aligner is not None and aligner.move:
                aligned = aligner.align(ir, vis, bare)
                ir, bare = aligned.ir, aligned.holes
                for text in aligned.warnings:
                    warn(text)
        except DfuseError as error:
            raise ImageError(f"{name}: {error}") from error
        yield FramePair(name, ir, vis, luma(vis), light(ir, vis), bare)


class _Odd:
    """Tells what is odd about the values of a video, once: holes, and a range that shows little."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn, self._holes, self._range = warn, False, False

    def look(self, values: np.ndarray, scale: SteadyRange) -> None:
        """The first frame with holes, and the first frame, tell what there is to tell."""
        mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
        if mask is not None and not self._holes:
            self._holes = True
            self._warn(holes.Holes(mask).sentence)
        if not self._range and scale.range is not None:
            self._range = True
            text = crowded(Thermal(np.ma.getdata(values), "counts", holes=mask), scale.range)
            if text:
                self._warn(text)


def _wide_holes(values: np.ndarray) -> np.ndarray | None:
    """Those holes of a frame that are large enough to be seen, bool H×W; None without any."""
    if not isinstance(values, np.ma.MaskedArray):
        return None
    bare = holes.large(np.ma.getmaskarray(values))
    return bare if bare.any() else None
