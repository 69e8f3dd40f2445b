"""The steps between reading a pair and fusing it: where the infrared field lies, and how it is moved in there."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffuse_fuse.alignment.estimate import CONFIDENT, estimate
from diffuse_fuse.alignment.field import find_field
from diffuse_fuse.alignment.series import Calibration
from diffuse_fuse.alignment.transform import Kind, Transform
from diffuse_fuse.alignment.warp import warp_holes, warp_infrared
from diffuse_fuse.images.arrays import to_uint8_rgb
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.field import Field, Located, cut_to, field_sentence
from diffuse_fuse.images.load import LoadedPair, ReadBytes, load_pair
from diffuse_fuse.images.options import DEFAULT, LoadOptions


@dataclass(frozen=True)
class Aligned:
    """The infrared picture on the visible one, what was done as ``--json`` prints it, and warnings as sentences.

    holes: bool H×W, where the infrared camera measured nothing inside its frame, moved along; None without any.
    field: the part of the visible picture to which the infrared one was cut, where it was; the visible one follows.
    """

    ir: np.ndarray
    report: dict[str, Any]
    warnings: tuple[str, ...] = ()
    holes: np.ndarray | None = None
    field: Field | None = None


@dataclass(frozen=True)
class Aligner:
    """Aligns pairs by a rig's calibration or, without one, each by an estimate of its own.

    search: look for the infrared picture's field in the visible one, always; without, where their proportions differ,
    or where no alignment of the whole pictures can be trusted. move: move the infrared picture at all; without, only
    the field is looked for.
    """

    kind: Kind = Kind.similarity
    calibration: Calibration | None = None
    search: bool = False
    move: bool = True

    def locate(
        self, ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None, zoom: tuple[float, float], whole: bool
    ) -> Located:
        """The infrared field in the visible picture; see ``images.field.Locate``.

        None where the pair is taken as it is. Raises AlignmentError when the calibration was made for pictures of
        another shape.
        """
        if self.calibration is not None:
            field = self.calibration.field_for((vis.shape[1], vis.shape[0]), zoom)
            if field is None:
                return Located(None)
            return Located(field, {"source": "file", "applied": True, "field": field.as_list()})
        if whole and not self.search:
            return Located(None)
        found = find_field(ir, vis, holes)
        used = found.field if found.reason is None else None
        warnings = (found.reason,) if found.reason else ()
        return Located(used, found.as_dict(), warnings)

    def load(
        self,
        ir_path: str | os.PathLike[str],
        vis_path: str | os.PathLike[str],
        options: LoadOptions = DEFAULT,
        read_file: ReadBytes = read_bytes,
    ) -> tuple[LoadedPair, dict[str, Any]]:
        """A pair of files, read by ``images.load.load_pair``, cut and aligned, and the report of that.

        Raises what that raises, and AlignmentError when the calibration was made for pictures of another shape.
        """
        pair = load_pair(ir_path, vis_path, options, read_file, self.locate)
        aligned = self.align(pair.ir, to_uint8_rgb(pair.vis), pair.holes, pair.located)
        vis, warnings = pair.vis, pair.warnings + aligned.warnings
        if aligned.field:
            x0, y0, x1, y1 = aligned.field.inside()
            vis = np.ascontiguousarray(vis[y0:y1, x0:x1])
            warnings += (field_sentence(aligned.field),)
        return replace(pair, ir=aligned.ir, vis=vis, holes=aligned.holes, warnings=warnings), aligned.report

    def align(
        self, ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None = None, located: Located | None = None
    ) -> Aligned:
        """ir H×W (uint8, or float in [0, 1]) and vis uint8 H×W×3 of one size.

        ``holes``: bool H×W, where the infrared camera measured nothing, if anywhere. ``located``: what ``locate`` said.
        Raises AlignmentError when the calibration was made for pictures of another shape.
        """
        place = located.report if located else None
        if not self.move:
            return Aligned(ir, {"kind": "field", **(place or {})}, (), holes)
        more = {"located": place} if place else {}
        if self.calibration is None:
            return self._estimated(ir, vis, holes, more)
        rig = self.calibration
        transform = rig.transform.at_size((vis.shape[1], vis.shape[0]))
        report = {
            "source": "file",
            "kind": rig.kind.value,
            "applied": True,
            "matrix": transform.rounded(),
            "displacement_px": round(transform.displacement(), 3),
            "confidence": round(rig.confidence, 4),
            "residual_px": round(rig.residual * transform.size[0] / rig.transform.size[0], 3),
            **more,
        }
        return self._result(ir, vis, holes, transform, report, ())

    def _estimated(self, ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None, more: dict[str, Any]) -> Aligned:
        """By an estimate; where that is not to be trusted and no field was looked for, by a field that is."""
        found = estimate(ir, vis, self.kind, holes)
        cut = None
        if found.confidence < CONFIDENT and not more:
            seen = find_field(ir, vis, holes)
            if seen.reason is None and seen.field:
                cut, more = seen.field, {"located": seen.as_dict()}
                holes = None if holes is None else cut_to(holes.astype(np.float32), vis, cut)[0] > 0.5
                ir, vis = cut_to(ir, vis, cut)
                found = estimate(ir, vis, self.kind, holes)
        warnings = (found.reason,) if found.reason and found.is_warning and not more else ()
        report = {"source": "estimate", **found.as_dict(), **more}
        return self._result(ir, vis, holes, found.transform, report, warnings, cut)

    @staticmethod
    def _result(
        ir: np.ndarray,
        vis: np.ndarray,
        holes: np.ndarray | None,
        transform: Transform,
        report: dict[str, Any],
        warnings: tuple[str, ...],
        field: Field | None = None,
    ) -> Aligned:
        if not report["applied"]:
            return Aligned(ir, report, warnings, holes, field)
        holes = None if holes is None else warp_holes(holes, transform)
        return Aligned(warp_infrared(ir, vis, transform), report, warnings, holes, field)
