"""A radiometric JPEG that holds its own visible picture: taken out, and laid under the infrared one.

The two lenses sit side by side. The file says how the infrared field of view lies in the visible picture (Real2IR and
an offset, set for the distance that was focused), which is a first alignment.
"""

from __future__ import annotations

import os

import cv2
import numpy as np

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import exif, jpeg
from diffuse_fuse.images.decode import decode
from diffuse_fuse.images.intact import damage
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import Size
from diffuse_fuse.images.read import visible_from_picture
from diffuse_fuse.images.thermal.flir import Alignment, Flir, FlirError, read_flir
from diffuse_fuse.images.thermal.source import Thermal

_NO_ALIGNMENT = Alignment(1.0, 0, 0)


def visible_of(thermal: Thermal, data: bytes, path: str | os.PathLike[str], max_pixels: int) -> np.ndarray:
    """The visible picture inside a FLIR file, uint8 H×W×3 RGB, upright. Raises ImageReadError when there is none."""
    found = thermal.flir.visible_bytes() if thermal.flir else None
    if found is None:
        kind = "holds no visible picture" if thermal.flir else "is no radiometric JPEG with a visible picture inside"
        raise ImageReadError(f"{shown(path)} {kind}: give the visible picture as the second file.")
    return photo(found, data, path, max_pixels)


def radiometric(data: bytes) -> Flir | None:
    """The FLIR records of a file with raw thermal data; None of any other file, and of a damaged one."""
    if not data.startswith(jpeg.START) or damage(data):
        return None
    try:
        flir = read_flir(data)
    except FlirError:
        return None
    return flir if flir and any(flir.counts_size()) else None


def photo(found: bytes, data: bytes, path: str | os.PathLike[str], max_pixels: int) -> np.ndarray:
    """The visible picture ``found`` in the bytes ``data`` of a file, uint8 H×W×3, upright. Raises ImageReadError."""
    name = f"The visible picture in {shown(path)}"
    vis = visible_from_picture(decode(found, path, max_pixels=max_pixels, name=name), path)
    if found.startswith(b"\x89PNG") and _is_ycbcr(vis):
        vis = cv2.cvtColor(vis[..., [0, 2, 1]], cv2.COLOR_YCrCb2RGB)
    return exif.upright(vis, exif.orientation(data))


def lay_on(
    ir: np.ndarray, vis: np.ndarray, alignment: Alignment | None, size: Size
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The part that both saw, as infrared and visible arrays of one size, and what is odd.

    ir H×W or H×W×3, uint8, uint16 or float in [0, 1]; vis H×W×3; both whole. The result has the visible picture's
    resolution, or with ``size`` "ir" that of the infrared one. Raises ImageReadError when the offsets leave nothing in
    common.
    """
    (ir_h, ir_w), (vis_h, vis_w) = ir.shape[:2], vis.shape[:2]
    given = alignment or _NO_ALIGNMENT
    warnings: tuple[str, ...] = (
        () if alignment else ("The file does not say how its two pictures lie: their centres were laid together.",)
    )
    pixel = min(vis_w / ir_w, vis_h / ir_h) / given.scale  # visible pixels a thermal pixel covers
    left = vis_w / 2 + given.dx - pixel * ir_w / 2
    top = vis_h / 2 + given.dy - pixel * ir_h / 2
    x0, x1 = max(0, round(left)), min(vis_w, round(left + pixel * ir_w))
    y0, y1 = max(0, round(top)), min(vis_h, round(top + pixel * ir_h))
    if x1 - x0 < 2 or y1 - y0 < 2:
        raise ImageReadError("The alignment in the file leaves nothing in common: give the visible picture by itself.")
    shape = (x1 - x0, y1 - y0)
    if size == "ir":
        shape = (max(1, round((x1 - x0) / pixel)), max(1, round((y1 - y0) / pixel)))
    warnings += (
        f"The infrared picture is {ir_w}×{ir_h}, its field of view in the visible one {x1 - x0}×{y1 - y0} of "
        f"{vis_w}×{vis_h}: that part is fused.",
    )
    part = vis[y0:y1, x0:x1]
    if shape != (x1 - x0, y1 - y0):
        shrinks = shape[0] < x1 - x0
        part = cv2.resize(part, shape, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return _part_of(ir, (x0 - left) / pixel, (y0 - top) / pixel, (x1 - x0) / pixel / shape[0], shape), part, warnings


def _part_of(ir: np.ndarray, u0: float, v0: float, step: float, shape: tuple[int, int]) -> np.ndarray:
    """The infrared picture from the corner (u0, v0), every ``step`` pixels, as W×H = ``shape``; edges are repeated."""
    matrix = np.array([[step, 0, u0 + step / 2 - 0.5], [0, step, v0 + step / 2 - 0.5]])
    warped = cv2.warpAffine(
        ir, matrix, shape, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return warped if warped.dtype.kind == "u" else np.clip(warped, 0, 1)


def _is_ycbcr(image: np.ndarray) -> bool:
    """True when the channels are Y, Cb, Cr instead of R, G, B, as the FLIR B60 writes its PNG.

    Chroma lies near 128 and varies little; the channels of a photograph vary alike.
    """
    spread = image.reshape(-1, 3).std(axis=0)
    centre = np.median(image.reshape(-1, 3), axis=0)
    return bool((spread[1:] < 0.5 * spread[0]).all() and (np.abs(centre[1:] - 128) < 32).all())
