"""The palettes that the page offers."""

from __future__ import annotations

from functools import cache
from typing import Any

from diffuse_fuse.images.thermal.palette import known

_NAMES = {"iron": "Ironbow", "rainbow HC": "Rainbow", "inferno": "Inferno", "hot": "Hot", "turbo": "Turbo"}
_STOPS = 16  # of a palette, as the page draws it


@cache
def palettes() -> list[dict[str, Any]]:
    """Some palettes of thermal cameras, from cold to hot."""
    found = []
    for palette in known():
        if palette.name in _NAMES:
            places = [round(stop * (len(palette.colours) - 1) / _STOPS) for stop in range(_STOPS + 1)]
            found.append({"name": _NAMES[palette.name], "colours": palette.colours[places].tolist()})
    return found
