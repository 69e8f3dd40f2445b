"""A rig's alignment as a JSON file.

    {"format": "dfuse-alignment", "version": 1, "kind": "similarity", "size": [640, 480],
     "matrix": [[…], […], […]], "pairs": 40, "used": 38, "confidence": 0.91, "residual_px": 1.2, "spread_px": 0.6}

``matrix`` leads from a pixel (x, y, 1) of the visible picture to the pixel of the infrared picture, itself brought
to the visible one's size, that shows the same; pixel centres have whole coordinates.

Version 2 holds a field besides: "field": [x, y, width, height] in pixels of a visible picture of "vis_size", where the
infrared picture lies, and "zoom", the digital zoom of both files. The matrix is then for what is cut to the field.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from diffuse_fuse.alignment.series import Calibration
from diffuse_fuse.alignment.transform import Kind, Transform
from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import AlignmentError
from diffuse_fuse.files import write_atomically
from diffuse_fuse.images.field import Field

FORMAT = "dfuse-alignment"
VERSION, VERSION_WITH_FIELD = 1, 2
_LARGEST_FILE = 1 << 20  # bytes; a calibration has a few hundred
_LARGEST_SIDE = 1 << 20
_LARGEST_NUMBER = 1e9  # pixels


def save_calibration(path: str | os.PathLike[str], calibration: Calibration) -> None:
    """Write a calibration. Raises AlignmentError when the file cannot be written."""
    text = json.dumps(
        {"format": FORMAT, "version": VERSION_WITH_FIELD if calibration.field else VERSION, **calibration.as_dict()},
        indent=2,
        allow_nan=False,
    )
    try:
        write_atomically(path, (text + "\n").encode())
    except OSError as error:
        raise AlignmentError(f"{path} cannot be written: {error.strerror or error}.") from error


def load_calibration(path: str | os.PathLike[str]) -> Calibration:
    """Read what ``save_calibration`` wrote. Raises AlignmentError for anything else."""
    whole = _read_object(path_of(path))
    if whole.get("format") != FORMAT:
        raise AlignmentError(
            f"{path} is not an alignment file of dfuse: make one with dfuse align IR_DIR VIS_DIR -o FILE."
        )
    if whole.get("version") not in (VERSION, VERSION_WITH_FIELD):
        raise AlignmentError(
            f"{path} has the version {whole.get('version')!r} and this dfuse reads {VERSION} and {VERSION_WITH_FIELD}."
        )
    try:
        transform = Transform(_matrix(whole["matrix"]), _size(whole["size"]))
        calibration = Calibration(
            transform,
            Kind(whole["kind"]),
            pairs=int(whole["pairs"]),
            used=int(whole["used"]),
            confidence=_number(whole["confidence"]),
            residual=_number(whole["residual_px"]),
            spread=_number(whole["spread_px"]),
            field=_field(whole) if whole["version"] == VERSION_WITH_FIELD else None,
            zoom=_zoom(whole.get("zoom", (1, 1))),
        )
    except KeyError as error:
        raise AlignmentError(f"{path} lacks {error}: make it again with dfuse align.") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise AlignmentError(f"{path} is damaged ({error}): make it again with dfuse align.") from error
    if not transform.is_sane():
        raise AlignmentError(f"{path} holds a transform that no pair of cameras has: make it again with dfuse align.")
    return calibration


def _read_object(path: Path) -> dict:
    try:
        if not path.is_file():  # a FIFO would be waited for
            raise AlignmentError(f"There is no alignment file {path}.")
        with open(path, "rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        whole = json.loads(data[:_LARGEST_FILE].decode())
    except OSError as error:
        raise AlignmentError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise AlignmentError(f"{path} is not a JSON file: give one that dfuse align made.") from error
    return whole if isinstance(whole, dict) else {}


def _matrix(value: Any) -> np.ndarray:
    matrix = np.array(value, dtype=float)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or matrix[2, 2] == 0:
        raise ValueError("the matrix must be 3×3 of finite numbers, the last one not 0")
    with np.errstate(over="ignore"):  # infinite corners are no sane transform
        return matrix / matrix[2, 2]


def _size(value: Any) -> tuple[int, int]:
    width, height = value
    if not (isinstance(width, int) and isinstance(height, int) and min(width, height) > 1):
        raise ValueError("the size must be two whole numbers above 1")
    if max(width, height) > _LARGEST_SIDE:
        raise ValueError("the size is too large")
    return width, height


def _field(whole: dict[str, Any]) -> Field:
    x, y, w, h = map(_number, whole["field"])
    field = Field(x, y, w, h, _size(whole["vis_size"]))
    if not (w > 1 and h > 1):
        raise ValueError("the field must have a width and a height")
    return field


def _zoom(value: Any) -> tuple[float, float]:
    ir, vis = map(_number, value)
    if not min(ir, vis) > 0:
        raise ValueError("the zoom must be two numbers above 0")
    return ir, vis


def _number(value: Any) -> float:
    number = float(value)
    if not abs(number) < _LARGEST_NUMBER:  # nor NaN
        raise ValueError("a number is not finite, or too large")
    return number
