"""How long does one pair take, and how much memory? Arrays in, array out, on the CPU.

    python benchmarks/fuse.py [--size 640x480] [--runs 5] [--threads 2] [--model default]

Prints the median and the range of the runs after one warm-up, the peak memory of the whole process, and, since
machines differ, the speed of the same threads in a plain float32 convolution.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer

from diffuse_fuse import Fuser


def main(
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    runs: Annotated[int, typer.Option(min=1, help="Timed runs.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
    model: Annotated[str, typer.Option(help="Weights.")] = "default",
) -> None:
    """Times the fusion of a random pair."""
    width, height = map(int, size.split("x"))
    rng = np.random.default_rng(0)
    ir = rng.integers(256, size=(height, width), dtype=np.uint8)
    vis = rng.integers(256, size=(height, width, 3), dtype=np.uint8)
    start = time.perf_counter()
    fuser = Fuser(model, device="cpu", threads=threads)
    loading = time.perf_counter() - start
    seconds = [_timed(lambda: fuser.fuse(ir, vis)) for _ in range(runs + 1)][1:]
    # Linux counts in KiB, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(f"{fuser.model_name}, {width}×{height}, {threads} threads")
    print(f"loading the weights   {loading:.2f} s")
    print(f"one pair              {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")
    print(f"peak memory           {peak / 1e6:.0f} MB")
    print(f"3×3 convolutions here {_convolution_speed():.0f} GFLOP/s")


def _timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _convolution_speed() -> float:
    """GFLOP/s of a 64-channel 3×3 convolution, channels last: the fastest of five."""
    x = torch.randn(1, 64, 240, 320).contiguous(memory_format=torch.channels_last)
    w = torch.randn(64, 64, 3, 3).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        fastest = min(_timed(lambda: F.conv2d(x, w, padding=1)) for _ in range(6))
    return 2 * 64 * 64 * 9 * 240 * 320 / fastest / 1e9


if __name__ == "__main__":
    typer.run(main)
