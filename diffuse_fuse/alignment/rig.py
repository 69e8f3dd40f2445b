"""Many pairs of one rig whose visible camera sees more → its field, and how the infrared picture lies in there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffuse_fuse.alignment.estimate import Estimate
from diffuse_fuse.alignment.field import SURE, FoundField, matrix_of
from diffuse_fuse.alignment.series import Calibration, combine
from diffuse_fuse.alignment.transform import ASPECT_TOLERANCE, Kind, Transform
from diffuse_fuse.errors import AlignmentError, PairError, counted
from diffuse_fuse.images.field import Field

_FAR = 0.1  # of the field's longer side that a pair's corners may lie off: more is another place, not another distance


@dataclass(frozen=True)
class Sighting:
    """What was found in one pair. ir_size: (width, height); zoom: the digital zoom that both files note."""

    found: FoundField
    ir_size: tuple[int, int]
    zoom: tuple[float, float] = (1.0, 1.0)


def combine_fields(sightings: Sequence[Sighting], kind: Kind = Kind.similarity) -> Calibration:
    """The robust middle of the fields of one rig's pairs, and of how the infrared pictures lie in it.

    The median of the fields that can be trusted, brought to the first one's size and zoom, and once more without those
    that lie far from it; then ``series.combine`` of what is left. Raises AlignmentError where none can be trusted.
    """
    sure = [each for each in sightings if each.found.reason is None and each.found.field]
    if not sure:
        raise AlignmentError(
            f"The infrared field was found with confidence in none of {counted(len(sightings), 'pair')}: "
            "give more pairs, in daylight and with people or poles in both pictures, or the field: --ir-field X,Y,W,H."
        )
    first = sure[0].found.field
    assert first is not None  # or it would not be sure
    fields = [_as_first(each, sure[0]) for each in sure]
    boxes = np.array([(f.x, f.y, f.x + f.w, f.y + f.h) for f in fields])
    near = np.abs(boxes - np.median(boxes, axis=0)).max(axis=1) <= _FAR * max(first.w, first.h)
    if near.sum() * 2 < len(sure):
        raise AlignmentError(
            f"The fields of {len(sure)} pairs disagree: they are not of one rig, or one of its cameras zoomed. Align "
            "the pairs of each rig and zoom separately."
        )
    x0, y0, x1, y1 = map(float, np.median(boxes[near], axis=0))
    middle = Field(x0, y0, x1 - x0, y1 - y0, first.size)
    estimates = [_in_field(each, middle, kind) for each, is_near in zip(sure, near, strict=True) if is_near]
    calibration = combine(estimates, SURE)
    return replace(calibration, pairs=len(sightings), field=middle, zoom=sure[0].zoom)


def _as_first(sighting: Sighting, first: Sighting) -> Field:
    """A pair's field in the first one's visible picture, at its zoom. Raises AlignmentError for another shape."""
    field, wanted = sighting.found.field, first.found.field
    assert field and wanted
    (w0, h0), (w1, h1) = field.size, wanted.size
    if abs(w1 * h0 / (h1 * w0) - 1) > ASPECT_TOLERANCE:
        raise AlignmentError(
            f"The visible pictures are {w1}×{h1} and {w0}×{h0}: align pictures of one camera by themselves."
        )
    ratio = [mine / its for mine, its in zip(first.zoom, sighting.zoom, strict=True)]
    return field.at_size(wanted.size).zoomed(*ratio)


def _in_field(sighting: Sighting, middle: Field, kind: Kind) -> Estimate:
    """How the infrared picture of a pair lies in what is cut to the common field."""
    found = sighting.found
    assert found.field
    own = middle.at_size(found.field.size)
    try:
        x0, y0, x1, y1 = own.inside()
    except PairError as error:
        raise AlignmentError(str(error)) from error
    size = (x1 - x0, y1 - y0)
    cut_to_vis = np.array([[1, 0, x0], [0, 1, y0], [0, 0, 1.0]])
    # the infrared picture as ``cut_to`` lays it there by the common field, its pixels those of the cut
    laid = matrix_of(own, sighting.ir_size)
    matrix = np.linalg.inv(cut_to_vis) @ np.linalg.inv(laid) @ found.matrix @ cut_to_vis
    return Estimate(Transform(matrix / matrix[2, 2], size), kind, found.confidence, found.residual, found.residual)
