"""An infrared file's values where a picture shows them: its field found, its picture moved."""

from __future__ import annotations

import os
from dataclasses import replace

import cv2
import numpy as np

from diffuse_fuse.alignment.step import Aligner
from diffuse_fuse.images.field import GivenField
from diffuse_fuse.images.load import load_values
from diffuse_fuse.images.options import DEFAULT, LoadOptions


def aligned_values(
    ir_path: str | os.PathLike[str],
    picture_path: str | os.PathLike[str],
    options: LoadOptions = DEFAULT,
    aligner: Aligner | None = None,
) -> tuple[np.ndarray, np.ndarray, str, tuple[str, ...]]:
    """What ``images.load.load_values`` returns, with the values laid on the picture as ``aligner`` finds.

    values: float32 H×W, NaN in holes and where the infrared camera saw nothing. Raises what ``Aligner.load`` raises.
    """
    if aligner is None:
        return load_values(ir_path, picture_path, options)
    pair, report = aligner.load(ir_path, picture_path, options)
    place = report if report["kind"] == "field" else report.get("located", {})
    if place.get("applied"):
        x, y, w, h = place["field"]
        options = replace(options, field=GivenField(None, x, y, w, h, fractions=False))
    values, picture, unit, _ = load_values(ir_path, picture_path, options)
    if "matrix" in report and report["applied"]:
        height, width = values.shape
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = np.array(report["matrix"])
        values = cv2.warpPerspective(values, matrix, (width, height), flags=flags, borderValue=float("nan"))
    return values, picture, unit, pair.warnings
