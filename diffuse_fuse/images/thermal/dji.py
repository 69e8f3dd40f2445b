"""DJI's R-JPEG: the raw counts of the thermal sensor, 16-bit little-endian, joined from the APP3 segments.

The Zenmuse XT S keeps them in APP4 segments. Counts grow with temperature, which is all a fusion needs. Their
calibration (APP4 and APP5, of the XT S APP3) is not documented.
"""

from __future__ import annotations

import numpy as np

from diffuse_fuse.images import jpeg

_KEPT = (jpeg.APP3, jpeg.APP4)
_SCALES = (1, 2)  # some cameras save the picture at twice the sensor's resolution


def read_dji(data: bytes) -> np.ndarray | None:
    """The raw counts, uint16 H×W as stored, or None when the file has none of a size that fits its picture."""
    frame = jpeg.frame(data)
    if frame is None:
        return None
    for kept in _KEPT:
        raw = b"".join(bytes(payload) for marker, payload in jpeg.segments(data) if marker == kept)
        for scale in _SCALES:
            width, height = frame.width // scale, frame.height // scale
            if raw and len(raw) == 2 * width * height:
                counts = np.frombuffer(raw, "<u2").reshape(height, width)
                return counts.astype(np.uint16)
    return None


def is_dji_thermal(data: bytes) -> bool:
    """Whether the JPEG's notes say that a DJI thermal camera wrote it, with raw counts or without."""
    xmp = b"".join(bytes(payload) for marker, payload in jpeg.segments(data) if marker == jpeg.APP1)
    return b"drone-dji" in xmp and (b"InfraredCamera" in xmp or b"Thermal" in xmp)
