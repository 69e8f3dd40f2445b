"""The two files of a pair → two arrays of one size, and what is odd about them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import cv2
import numpy as np

from diffuse_fuse.errors import PairError
from diffuse_fuse.images import read

ASPECT_TOLERANCE = 0.02  # sensors of one device differ by rounding, not by more

# Mean spread of R, G, B on the 8-bit scale. The least coloured of 170 visible pictures (a road at night) has 3.1; a
# grey scene stays at 0 through JPEG, and next to it through a camera's own conversions.
_COLOURED = 2.0
_COLOURLESS = 0.5


@dataclass(frozen=True)
class LoadedPair:
    """ir: uint8 H×W, or float32 H×W in [0, 1]. vis: uint8 H×W×3 RGB, of the same H×W. warnings: sentences."""

    ir: np.ndarray
    vis: np.ndarray
    warnings: tuple[str, ...] = ()


def load_pair(ir_path: str | os.PathLike[str], vis_path: str | os.PathLike[str]) -> LoadedPair:
    """Read both files, bring the infrared picture to the visible one's size, notice a swapped pair.

    Raises ImageReadError for a file, PairError when the sizes do not belong together.
    """
    ir_file, vis_file = read.read_image(ir_path), read.read_image(vis_path)
    warnings = []
    if looks_swapped(ir_file, vis_file):
        warnings.append(
            "The infrared picture is in colour and the visible one is grey: if they are swapped, "
            "give them the other way round (infrared first)."
        )
    vis = read.visible_from_file_array(vis_file, vis_path)
    ir, resized = match_sizes(read.infrared_from_file_array(ir_file, ir_path), vis)
    if resized:
        warnings.append(resized)
    return LoadedPair(ir, vis, tuple(warnings))


def match_sizes(ir: np.ndarray, vis: np.ndarray) -> tuple[np.ndarray, str | None]:
    """The infrared array H×W at the visible one's size, and a warning if it had to be resized.

    Only done when the aspect ratios agree within 2 %: then both cameras saw the same field, at different
    resolutions. Raises PairError otherwise.
    """
    (ir_h, ir_w), (vis_h, vis_w) = ir.shape[:2], vis.shape[:2]
    if (ir_h, ir_w) == (vis_h, vis_w):
        return ir, None
    sizes = f"The infrared picture is {ir_w}×{ir_h}, the visible one {vis_w}×{vis_h}"
    aspect_ratio = (ir_w * vis_h) / (ir_h * vis_w)
    if not 1 / (1 + ASPECT_TOLERANCE) <= aspect_ratio <= 1 + ASPECT_TOLERANCE:
        turned = (ir_h, ir_w) == (vis_w, vis_h)
        advice = "turn one by 90°" if turned else "crop and resize one so that both show the same field"
        raise PairError(f"{sizes}: {advice}.")
    shrinks = ir_h * ir_w > vis_h * vis_w
    resized = cv2.resize(ir, (vis_w, vis_h), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized, f"{sizes}: the infrared one was resized."


def looks_swapped(ir: np.ndarray, vis: np.ndarray) -> bool:
    """True when the picture given as infrared is in colour and the one given as visible has none.

    Takes pictures as the files hold them, H×W or H×W×3 of any dtype.
    """
    return _colour_spread(vis) < _COLOURLESS and _colour_spread(ir) > _COLOURED


def _colour_spread(image: np.ndarray) -> float:
    """Mean over the pixels of max(R, G, B) - min(R, G, B), with the brightest value as 255."""
    if image.ndim == 2:
        return 0.0
    values = image.astype(np.float32)
    brightest = 255.0 if image.dtype == np.uint8 else max(float(values.max()), 1e-6)
    return float((values.max(axis=2) - values.min(axis=2)).mean()) * 255.0 / brightest
