"""Raw frames of two sources → pairs as the fusion takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.alignment import Aligner
from diffuse_fuse.errors import DfuseError, ImageError
from diffuse_fuse.fusion.relight import SceneLight
from diffuse_fuse.images.load import match_sizes
from diffuse_fuse.video.flicker import luma
from diffuse_fuse.video.light import SteadyLight
from diffuse_fuse.video.source import Frames
from diffuse_fuse.video.thermal import SteadyRange, looked_ahead


@dataclass(frozen=True)
class FramePair:
    """ir H×W, vis H×W×3 and its luma H×W, all uint8 of one size; light: that of the scene, for the fuser."""

    name: str
    ir: np.ndarray
    vis: np.ndarray
    luma: np.ndarray
    light: SceneLight


def prepared(
    frames: Frames,
    scale: SteadyRange,
    light: SteadyLight,
    aligner: Aligner | None,
    stretch: bool,
    warn: Callable[[str], None],
) -> Iterator[FramePair]:
    """The pairs in order; ``warn`` is told what is odd, maybe more than once.

    Raises ImageError, PairError or AlignmentError with the frame's name in it.
    """
    for name, values, vis, span in looked_ahead(frames.pairs, scale):
        try:
            ir, resized = match_sizes(scale(values, span), vis, stretch)
            if resized:
                warn(resized)
            if aligner is not None:
                aligned = aligner.align(ir, vis)
                ir = aligned.ir
                for text in aligned.warnings:
                    warn(text)
        except DfuseError as error:
            raise ImageError(f"{name}: {error}") from error
        yield FramePair(name, ir, vis, luma(vis), light(ir, vis))
