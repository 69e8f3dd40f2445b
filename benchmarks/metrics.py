"""CPU time of the metrics on one 640×480 pair, one core.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py            # the default set, together
    OMP_NUM_THREADS=1 python benchmarks/metrics.py --each     # every metric by itself too: ``Metric.cost``

The pair is made here from integers, so the numbers of two machines can be compared. Times are CPU seconds of this
process, the least of several runs: what else runs on the machine then counts little.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from diffuse_fuse import metrics

Array = np.ndarray


def synthetic(height: int = 480, width: int = 640) -> tuple[Array, Array, Array]:
    """Infrared H×W, visible and fused H×W×3, uint8: shading, texture, edges and hot spots."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    texture = (x * x * 31 + y * y * 17 + x * y * 7) % 61
    vis = np.stack(
        [(x * 97 // width + y * gain // height + texture * (x // 40 % 2)) % 200 + 20 for gain in (60, 90, 30)]
    )
    hot = sum(((x - cx) ** 2 + 2 * (y - cy) ** 2 < radius**2) for cx, cy, radius in ((120, 300, 25), (400, 200, 18)))
    ir = y * 60 // height + texture // 4 + 40 + 150 * hot
    vis = vis.transpose(1, 2, 0)
    fused = np.maximum((2 * vis + ir[..., None]) // 3, vis * 7 // 8)
    return ir.astype(np.uint8), vis.astype(np.uint8), fused.astype(np.uint8)


def least_cpu_seconds(function: Callable[[], object], repeats: int) -> float:
    """CPU seconds of the fastest of ``repeats`` calls, after one that warms up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU time of the metrics on a 640x480 pair, one core.")
    parser.add_argument("--each", action="store_true", help="time every metric by itself, the slow ones too")
    parser.add_argument("--repeats", type=int, default=5, help="runs of which the fastest counts")
    arguments = parser.parse_args()

    import cv2

    cv2.setNumThreads(1)
    pictures = synthetic()
    seconds = least_cpu_seconds(lambda: metrics.compute(*pictures), arguments.repeats)
    print(f"default set ({len(metrics.DEFAULT)} metrics)  {1000 * seconds:8.1f} ms")
    if arguments.each:
        for name in metrics.REGISTRY:
            seconds = least_cpu_seconds(lambda name=name: metrics.compute(*pictures, [name]), arguments.repeats)
            print(f"{name:28s}  {1000 * seconds:8.1f} ms")


if __name__ == "__main__":
    main()
