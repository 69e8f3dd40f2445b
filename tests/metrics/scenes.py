"""Small pictures that are the same on every machine and with every version of every library."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.metrics.shared import read

# python examples/scene.py -o tests/metrics/scene --kind night --size 160x120
RENDERED = Path(__file__).with_name("scene")
RENDERED_KIND, RENDERED_SIZE = "night", (160, 120)


def street(height: int = 96, width: int = 112) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Made of integers only. Infrared H×W with two hot targets, visible and fused H×W×3 in colour; uint8."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    grain = (x * x * 31 + y * y * 17 + x * y * 7) % 23
    hot = ((x - 30) ** 2 + 2 * (y - 50) ** 2 < 110) | ((abs(x - 80) < 4) & (abs(y - 60) < 11))
    ir = 40 + y * 30 // height + grain // 2 + 150 * hot
    wall = 60 * ((x // 14 + y // 24) % 2)
    vis = np.stack(
        [30 + x * 90 // width + wall + grain, 50 + y * 100 // height + wall // 2 + grain, 160 - wall - x * y // 200],
        axis=-1,
    )
    fused = np.maximum(vis * 4 // 5 + ir[..., None] // 8, np.where(hot[..., None], 3 * ir[..., None] // 4, 0))
    return tuple(np.clip(picture, 0, 255).astype(np.uint8) for picture in (ir, vis, fused))


def rendered() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Infrared 120×160, visible and fused 120×160×3, uint8: the street by night that ``examples/scene.py`` renders.

    Rendering takes exponentials, which differ in the last digit between processors, so its pictures are kept as files.
    The fused one is made of them by integers, bright enough to clip at the lamps.
    """
    ir, vis = (read(RENDERED / kind / f"{RENDERED_KIND}.png") for kind in ("ir", "vis"))
    fused = (5 * vis.astype(np.int64) + 4 * ir[..., None].astype(np.int64)) // 6 - 30
    return ir, vis, np.clip(fused, 0, 255).astype(np.uint8)


def flat(value: int, height: int = 48, width: int = 50) -> np.ndarray:
    """A constant picture."""
    return np.full((height, width), value, np.uint8)
