"""Infrared files without a header (.raw, .bin, .dat): numbers row by row, whose size and type somebody must say.

DJI's dji_irp writes such files: "measure" as int16 in tenths of a °C (dC), or as float32 in °C.
"""

from __future__ import annotations

import os

import numpy as np

from diffuse_fuse.errors import ImageReadError, counted
from diffuse_fuse.images.decode import Picture
from diffuse_fuse.images.header import Header
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import RawLayout

FORMAT = "raw numbers"
_DTYPES = {
    "uint8": "u1", "uint16": "<u2", "uint16be": ">u2", "int16": "<i2", "int16be": ">i2", "int32": "<i4",
    "float32": "<f4", "float32be": ">f4", "float64": "<f8",
}  # fmt: skip


def picture(data: bytes, path: str | os.PathLike[str], layout: RawLayout | None, page: int, max_pixels: int) -> Picture:
    """Frame ``page`` of a headerless file. Raises ImageReadError where the layout is not given or does not fit."""
    if layout is None:
        raise ImageReadError(
            f"{shown(path)} has no header: describe its {len(data)} bytes, for example with --raw-size 640x512 "
            "--raw-type uint16."
        )
    width, height, dtype = layout.width, layout.height, np.dtype(_DTYPES[layout.kind])
    frame = width * height * dtype.itemsize
    if width * height > max_pixels:
        raise ImageReadError(
            f"{shown(path)}: {width}×{height} pixels are more than the limit of {max_pixels} (--max-pixels)."
        )
    frames, over = divmod(len(data), frame)
    if not frames or over:
        raise ImageReadError(
            f"{shown(path)} has {len(data)} bytes, and {width}×{height} pixels of {layout.kind} take {frame}: give "
            "another --raw-size or --raw-type."
        )
    if page > frames:
        raise ImageReadError(f"{shown(path)} has {counted(frames, 'frame')} of that size: there is no page {page}.")
    array = np.frombuffer(data, dtype, width * height, (page - 1) * frame).reshape(height, width)
    array = array.astype(dtype.newbyteorder("="))
    memory = frame + 8 * width * height
    header = Header(FORMAT, width, height, pages=frames, channels=1, dtype=array.dtype.name, memory=memory)
    return Picture(array, header)
