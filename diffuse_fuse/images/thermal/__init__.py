"""Thermal pictures: what a camera wrote → one channel in [0, 1] that the network can use.

source.py    a file's bytes → values with their unit (grey levels, counts or °C)
flir.py      FLIR's radiometric JPEG: raw counts, visible picture, palette, constants
planck.py    raw counts → °C
dji.py       DJI's R-JPEG: raw counts
palette.py   false colours: noticed, and turned back into one channel
holes.py     pixels without a measurement: found, filled, and put into words
polarity.py  is hot white or black?
units.py     what numbers mean, where somebody says it → °C
window.py    values → [0, 1]: robust percentiles, a given range, the camera's own, one range for a series

Everything that comes from a file is bounds-checked: a damaged file gives one sentence, never a wrong read.
"""

from diffuse_fuse.images.thermal.source import Thermal, read_as, read_thermal
from diffuse_fuse.images.thermal.window import asked_range, cut_to_span, series_range, to_unit

__all__ = ["Thermal", "asked_range", "cut_to_span", "read_as", "read_thermal", "series_range", "to_unit"]
