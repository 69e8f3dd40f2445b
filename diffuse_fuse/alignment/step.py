"""The step between reading a pair and fusing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffuse_fuse.alignment.estimate import estimate
from diffuse_fuse.alignment.series import Calibration
from diffuse_fuse.alignment.transform import Kind, Transform
from diffuse_fuse.alignment.warp import warp_holes, warp_infrared


@dataclass(frozen=True)
class Aligned:
    """The infrared picture on the visible one, what was done as ``--json`` prints it, and warnings as sentences.

    holes: bool H×W, where the infrared camera measured nothing inside its frame, moved along; None without any.
    """

    ir: np.ndarray
    report: dict[str, Any]
    warnings: tuple[str, ...] = ()
    holes: np.ndarray | None = None


@dataclass(frozen=True)
class Aligner:
    """Aligns pairs by a rig's calibration or, without one, each by an estimate of its own."""

    kind: Kind = Kind.similarity
    calibration: Calibration | None = None

    def align(self, ir: np.ndarray, vis: np.ndarray, holes: np.ndarray | None = None) -> Aligned:
        """ir H×W (uint8, or float in [0, 1]) and vis uint8 H×W×3 of one size.

        ``holes``: bool H×W, where the infrared camera measured nothing, if anywhere.
        Raises AlignmentError when the calibration was made for pictures of another shape.
        """
        if self.calibration is None:
            found = estimate(ir, vis, self.kind, holes)
            warnings = (found.reason,) if found.reason and found.is_warning else ()
            return self._result(ir, vis, holes, found.transform, {"source": "estimate", **found.as_dict()}, warnings)
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
        }
        return self._result(ir, vis, holes, transform, report, ())

    @staticmethod
    def _result(
        ir: np.ndarray,
        vis: np.ndarray,
        holes: np.ndarray | None,
        transform: Transform,
        report: dict[str, Any],
        warnings: tuple[str, ...],
    ) -> Aligned:
        if not report["applied"]:
            return Aligned(ir, report, warnings, holes)
        holes = None if holes is None else warp_holes(holes, transform)
        return Aligned(warp_infrared(ir, vis, transform), report, warnings, holes)
