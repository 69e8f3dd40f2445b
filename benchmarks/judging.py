"""What a training is judged by in the ablations: metrics of whole pictures, and what happens in flat areas."""

from __future__ import annotations

import math
from pathlib import Path

from contestants import drawn_pairs, fusers, mean, scenes
from noise import SMALLEST, flat_area, measure

from diffuse_fuse import metrics

FLAT = ("noise", "uneven")  # of noise.py: noise over that of the noisier source, drift of light


def judge(weights: Path, val: Path, names: tuple[str, ...]) -> dict[str, float]:
    """Means over the pictures of ``val``: the metrics ``names`` and those of ``FLAT``."""
    (fuse,) = fusers([str(weights)], None, ()).values()
    found: dict[str, list[float]] = {name: [] for name in (*names, *FLAT)}
    for scene in scenes(drawn_pairs(val, None, 0)):
        picture = fuse(scene.ir, scene.vis)
        scores = metrics.compute(scene.ir, scene.vis, picture, names)
        area = flat_area(scene.ir, scene.vis)
        if area.mean() >= SMALLEST:
            flat = measure(scene.ir, scene.vis, picture, area)
            scores |= {"noise": flat.ratio, "uneven": flat.uneven}
        for name, values in found.items():
            values.append(scores.get(name, math.nan))
    return {name: mean(values) for name, values in found.items()}
