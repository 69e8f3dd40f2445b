"""A metric of one's own, registered and used by evaluate: python examples/own_metric.py [DATASET]"""

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from scene import render

from diffuse_fuse import evaluate, metrics


def people(triple: metrics.Triple) -> float:
    """How much brighter the hottest hundredth of the infrared picture is than the rest of the fused one."""
    hot = triple.ir >= np.percentile(triple.ir, 99)
    return float((triple.fused[hot].mean() - triple.fused[~hot].mean()) / 255)


metrics.register(  # at the top level, where the workers of an evaluation see it too
    metrics.Metric(
        name="Hot99",
        direction="up",
        range="−1 … 1",
        summary="how much brighter the hottest hundredth is than the rest",
        equation="(mean of hot − mean of the rest) / 255",
        paper="this example",
        convention="luma",
        cost=1.0,
        function=people,
    )
)


def main(dataset: Path) -> dict[str, float]:
    methods = {"average": lambda ir, vis: (vis.mean(axis=2) / 2 + ir / 2).astype(np.uint8)}
    result = evaluate(dataset, methods, metrics="Hot99,EN", baselines=False)
    scores = dict(zip(result.metrics, map(float, result.means.mean[0]), strict=True))
    print(", ".join(f"{name} {score:.3f}" for name, score in scores.items()))
    return scores


def rendered(folder: Path) -> Path:
    """A data set of two rendered pairs."""
    for kind in ("day", "night"):
        for name, picture in zip(("ir", "vis"), render(kind, 160, 120), strict=True):
            (folder / name).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / name / f"{kind}.png"), picture[..., ::-1] if picture.ndim == 3 else picture)
    return folder


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else rendered(Path(folder)))
