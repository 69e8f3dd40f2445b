"""A radiometric JPEG that holds its own visible picture: taken out, and laid under the infrared one.

The two lenses sit side by side. The file says how the infrared field of view lies in the visible picture (Real2IR and
an offset, set for the distance that was focused), which is a first alignment.
"""

from __future__ import annotations

import os

import cv2
import numpy as np

from diffuse_fuse.errors import ImageReadError, PairError
from diffuse_fuse.images import exif, fff, irg, jpeg
from diffuse_fuse.images.decode import decode
from diffuse_fuse.images.enlarging import Enlarger
from diffuse_fuse.images.field import Field, cut_to, own_shape
from diffuse_fuse.images.intact import damage
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import Size
from diffuse_fuse.images.read import visible_from_picture
from diffuse_fuse.images.thermal.flir import Alignment, Flir, FlirError, read_flir
from diffuse_fuse.images.thermal.source import Thermal

_NO_ALIGNMENT = Alignment(1.0, 0, 0)


def visible_of(thermal: Thermal, data: bytes, path: str | os.PathLike[str], max_pixels: int) -> np.ndarray:
    """The visible picture inside a FLIR file, uint8 H×W×3 RGB, upright. Raises ImageReadError when there is none."""
    found = thermal.flir.visible_bytes() if thermal.flir else _beside(data)
    if found is None:
        kind = (
            "holds no visible picture" if thermal.flir else "is not a radiometric JPEG that contains a visible picture"
        )
        raise ImageReadError(f"{shown(path)} {kind}: give the visible picture as the second file.")
    return photo(found, data, path, max_pixels)


def _beside(data: bytes) -> bytes | None:
    """The photograph in an .irg file; None of any other."""
    try:
        return irg.visible_bytes(data) if irg.begins(data) else None
    except ValueError:
        return None


def radiometric(data: bytes) -> Flir | None:
    """The FLIR records of a file with raw thermal data; None of any other file, and of a damaged one."""
    if not data.startswith((jpeg.START, *fff.STARTS)) or damage(data):
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
    ir: np.ndarray,
    vis: np.ndarray,
    alignment: Alignment | None,
    size: Size,
    zoom: float = 1.0,
    enlarge: str | Enlarger | None = None,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The part that both saw, as infrared and visible arrays of one size, and what is odd.

    ir H×W or H×W×3, uint8, uint16 or float in [0, 1]; vis H×W×3; both whole. ``zoom``: the thermal camera's digital
    zoom; ``enlarge`` is that of ``LoadOptions``. The result has the visible picture's resolution, or with ``size`` "ir"
    that of the infrared one. Raises ImageReadError when the offsets leave nothing in common.
    """
    (ir_h, ir_w), (vis_h, vis_w) = ir.shape[:2], vis.shape[:2]
    warnings: tuple[str, ...] = (
        ()
        if alignment
        else ("The file does not say how its two pictures are aligned: they are aligned at their centres.",)
    )
    if zoom > 1:
        warnings += (
            f"The file records a digital zoom of {zoom:.3g}: its thermal field of view is reduced by that factor.",
        )
    field = field_of(ir.shape, vis.shape, alignment, zoom)
    try:
        x0, y0, x1, y1 = field.inside()
    except PairError:
        raise ImageReadError(
            "By the alignment in the file, the two pictures do not overlap: give the visible one as a separate file."
        ) from None
    warnings += (
        f"The infrared picture is {ir_w}×{ir_h}, its field of view in the visible one {x1 - x0}×{y1 - y0} of "
        f"{vis_w}×{vis_h}: that part is fused.",
    )
    shape = own_shape(ir, field) if size == "ir" else None
    return *cut_to(ir, vis, field, shape, enlarge), warnings


def field_of(ir: tuple[int, ...], vis: tuple[int, ...], alignment: Alignment | None, zoom: float = 1.0) -> Field:
    """The infrared field in a visible picture, of arrays of these shapes, as the file says."""
    (ir_h, ir_w), (vis_h, vis_w) = ir[:2], vis[:2]
    given = alignment or _NO_ALIGNMENT
    pixel = min(vis_w / ir_w, vis_h / ir_h) / given.scale / zoom  # visible pixels a thermal pixel covers
    w, h = pixel * ir_w, pixel * ir_h
    return Field(vis_w / 2 + given.dx - w / 2, vis_h / 2 + given.dy - h / 2, w, h, (vis_w, vis_h))


def _is_ycbcr(image: np.ndarray) -> bool:
    """True when the channels are Y, Cb, Cr instead of R, G, B, as the FLIR B60 writes its PNG.

    Chroma lies near 128 and varies little; the channels of a photograph vary alike.
    """
    spread = image.reshape(-1, 3).std(axis=0)
    centre = np.median(image.reshape(-1, 3), axis=0)
    return bool((spread[1:] < 0.5 * spread[0]).all() and (np.abs(centre[1:] - 128) < 32).all())
