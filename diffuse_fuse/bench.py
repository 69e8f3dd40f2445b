"""How long does one pair take, where does the time go, how much memory: what ``dfuse bench`` prints.

Arrays in, array out, of one synthetic pair. Times of two machines can be compared through the speed of a plain
convolution that stands beside them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

import diffuse_fuse
from diffuse_fuse import metrics
from diffuse_fuse.fusion.fuser import Fuser
from diffuse_fuse.fusion.model import AnyModel
from diffuse_fuse.fusion.relight import AUTO, Balance, relight
from diffuse_fuse.fusion.tiles import fuse_in_bands
from diffuse_fuse.images.read import read_infrared, read_visible
from diffuse_fuse.images.write import write_image
from diffuse_fuse.machine import peak_memory


@dataclass(frozen=True)
class Bench:
    """What was measured. Times are seconds of the wall clock, memory is in bytes, None where the system does not say.

    ``stages`` add up to one further run: re-lighting, the parts of the network, and "arrays", from arrays to tensors
    and back. On a GPU, which is asked for work before it has done it, they say little. ``precision`` is that of the
    weights. ``files`` are what ``dfuse fuse`` does besides: empty unless asked for. ``peak_memory`` is that of the
    process after the fusions and before the files.
    """

    version: str
    torch: str
    model: str
    device: str
    threads: int
    width: int
    height: int
    passes: int
    precision: str
    kmac_per_pixel: float
    loading: float
    seconds: tuple[float, ...]
    stages: dict[str, float]
    files: dict[str, float]
    peak_memory: int | None
    convolution_gflops: float

    @property
    def median(self) -> float:
        """Median seconds a pair."""
        return statistics.median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON prints it, with what follows from the times."""
        times = {"median": self.median, "fastest": min(self.seconds), "slowest": max(self.seconds)}
        megapixels = self.width * self.height / 1e6
        return {**asdict(self), **times, "seconds_per_megapixel": self.median / megapixels}


def run(
    model: str = "default",
    size: tuple[int, int] = (640, 480),
    runs: int = 5,
    threads: int | None = None,
    device: str = "auto",
    files: bool = False,
    on_run: Callable[[], None] | None = None,
    balance: Balance = AUTO,
) -> Bench:
    """Times the fusion of a synthetic pair of ``size`` (width, height): a warm-up, ``runs`` timed runs, one by stage.

    ``on_run`` is called after each of these ``runs`` + 2; ``balance`` is as ``Fuser`` takes it. Raises WeightsError and
    UsageError as ``Fuser`` does, ImageError for a size that cannot be fused.
    """
    ir, vis = synthetic_pair(*size)
    loading, fuser = _timed(lambda: Fuser(model, device, threads, balance))

    def once() -> tuple[float, np.ndarray]:
        result = _timed(lambda: fuser.fuse(ir, vis))
        if on_run:
            on_run()
        return result

    once()
    seconds = tuple(once()[0] for _ in range(runs))
    stages: dict[str, float] = {}
    relighting, (seen, lifted) = _timed(lambda: relight(ir, vis, fuser.balance))
    total, fused = _timed(lambda: fuse_in_bands(fuser.model, seen, lifted, fuser.device, seconds=stages))
    if on_run:
        on_run()
    peak = peak_memory()
    return Bench(
        version=diffuse_fuse.__version__,
        torch=torch.__version__,
        model=fuser.model_name,
        device=fuser.device,
        threads=torch.get_num_threads(),
        width=size[0],
        height=size[1],
        passes=fuser.model.passes,
        precision=str(next(fuser.model.parameters()).dtype).removeprefix("torch."),
        kmac_per_pixel=macs_per_pixel(fuser.model) / 1000,
        loading=loading,
        seconds=seconds,
        stages={"re-lighting": relighting, **stages, "arrays": total - sum(stages.values())},
        files=_files(ir, vis, fused) if files else {},
        peak_memory=peak,
        convolution_gflops=convolution_gflops(),
    )


def synthetic_pair(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """ir uint8 H×W and vis uint8 H×W×3, the same every time: shading, edges and some noise, row by row."""
    rng = np.random.default_rng(0)
    x = np.arange(width)
    ir, vis = np.empty((height, width), np.uint8), np.empty((height, width, 3), np.uint8)
    for y in range(height):
        edges = 60 * ((x // 40 + y // 30) % 2)
        ir[y] = 40 + 80 * y // height + edges + rng.integers(8, size=width)
        shades = 60 * x[:, None] // width + edges[:, None] * (1, 2, 1) // (2, 3, 1)
        vis[y] = 30 + shades + rng.integers(8, size=(width, 3))
    return ir, vis


def macs_per_pixel(model: AnyModel) -> float:
    """Multiply-adds of the network's convolutions and products for each pixel of the picture.

    Counted on a picture of 8×8 of the coarsest cells; the embedding of the time step is in it and next to nothing.
    """
    side = 8 * model.multiple
    device = next(model.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(torch.zeros(1, 1, side, side, device=device), torch.zeros(1, 3, side, side, device=device))
    return counter.get_total_flops() / 2 / side**2


def convolution_gflops() -> float:
    """GFLOP/s of a float32 3×3 convolution of 64 channels on the CPU, channels last: the fastest of six."""
    x = torch.randn(1, 64, 240, 320).contiguous(memory_format=torch.channels_last)
    w = torch.randn(64, 64, 3, 3).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        fastest = min(_timed(lambda: F.conv2d(x, w, padding=1))[0] for _ in range(6))
    return 2 * 64 * 64 * 9 * 240 * 320 / fastest / 1e9


def _files(ir: np.ndarray, vis: np.ndarray, fused: np.ndarray) -> dict[str, float]:
    """Seconds of reading a pair of PNG files, of the metrics that ``dfuse fuse`` prints, and of writing the result."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("ir.png", "vis.png", "fused.png")]
        write_image(paths[0], ir)
        write_image(paths[1], vis)
        return {
            "reading": _timed(lambda: (read_infrared(paths[0]), read_visible(paths[1])))[0],
            "metrics": _timed(lambda: metrics.compute(ir, vis, fused, metrics.FUSE))[0],
            "writing": _timed(lambda: write_image(paths[2], fused))[0],
        }


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result
