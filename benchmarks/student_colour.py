"""How much colour does a student's colour path lose against base's? Both on max(Y, IR), so that only colour differs.

    python benchmarks/student_colour.py DATA/roadscene/val

A row a path and a way of rounding to 8 bits: Delta E (CIEDE2000), dC and dHue against the visible picture, means over
pairs; Delta E between the path and base's, the mean and the 99th percentile of pixels; and milliseconds of this thread
for the first pair at 640×480, the fastest of five.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from skimage.color import deltaE_ciede2000

from diffuse_fuse import metrics
from diffuse_fuse.fusion import levels, student_colour
from diffuse_fuse.networks import colour
from diffuse_fuse.training.pairs import PairSet

Colours = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def main(data: Annotated[Path, typer.Argument(help="A folder with an ir/ and a vis/ subfolder.")]) -> None:
    """Prints a Markdown table."""
    torch.set_num_threads(1)
    print("| path | rounding | Delta E | dC | dHue | Delta E to base | 99th percentile | ms |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    pairs = PairSet.from_folders([data])
    for name, way, path in PATHS:
        scores = np.array([score(path, pairs[number]) for number in range(len(pairs))])
        cells = " | ".join(f"{value:.3f}" for value in np.nanmean(scores, axis=0))
        print(f"| {name} | {way} | {cells} | {milliseconds(path, pairs[0]):.1f} |")


def each_channel(rgb: torch.Tensor) -> torch.Tensor:
    """The usual rounding."""
    return (rgb * 255).round().to(torch.uint8)


def differences(rgb: torch.Tensor) -> torch.Tensor:
    """dfuse's rounding: G, then R - G and B - G."""
    return torch.cat(levels.of_rgb(*rgb.split(1, dim=1)), dim=1).to(torch.uint8)


PATHS: list[tuple[str, str, Colours]] = [
    ("base", "each channel", lambda y, vis: each_channel(colour.recolour(y, vis))),
    ("base", "differences", lambda y, vis: differences(colour.recolour(y, vis))),
    ("student", "each channel", lambda y, vis: each_channel(student_colour.tint(y, vis))),
    ("student", "differences", lambda y, vis: differences(student_colour.tint(y, vis))),
    ("RGB + (y − Y)", "each channel", lambda y, vis: each_channel((vis + y - colour.luma(vis)).clamp(0, 1))),
]


@torch.inference_mode()
def score(path: Colours, pair: np.ndarray) -> list[float]:
    """Delta E, dC, dHue against the visible picture; mean and 99th percentile of Delta E to base's exact colours."""
    whole = torch.from_numpy(pair).permute(2, 0, 1)[None].float() / 255
    vis, ir = whole[:, :3], whole[:, 3:]
    y = torch.maximum(colour.luma(vis), ir)
    fused = path(y, vis)[0].permute(1, 2, 0).contiguous().numpy()
    against = metrics.compute(pair[..., 3], np.ascontiguousarray(pair[..., :3]), fused, ["DeltaE", "dC", "dHue"])
    exact = colour.lab(colour.recolour(y, vis))[0].permute(1, 2, 0).numpy()
    rounded = torch.from_numpy(fused).permute(2, 0, 1)[None].float() / 255
    apart = deltaE_ciede2000(colour.lab(rounded)[0].permute(1, 2, 0).numpy(), exact)
    return [*(against[name] for name in ("DeltaE", "dC", "dHue")), apart.mean(), np.percentile(apart, 99)]


@torch.inference_mode()
def milliseconds(path: Colours, pair: np.ndarray) -> float:
    """Processor time of one thread for a pair at 640×480: what else runs on the machine is not in it."""
    whole = torch.from_numpy(cv2.resize(pair, (640, 480))).permute(2, 0, 1)[None].float() / 255
    vis = whole[:, :3].contiguous()
    y = torch.maximum(colour.luma(vis), whole[:, 3:])
    times = []
    for _ in range(5):
        start = time.thread_time()
        path(y, vis)
        times.append(time.thread_time() - start)
    return min(times) * 1000


if __name__ == "__main__":
    typer.run(main)
