"""How many frames a second dfuse video makes of two video files, and how much memory it takes.

    python benchmarks/video.py [--model base] [--backend auto] [--size 640x480] [--frames 250] [--threads 2]

Two H.264 files are made first: a street of shapes with something hot that moves, noise on both. Each length is fused
in a process of its own, decoding, flicker measure and encoding included, the start of the process left out. Printed are
frames a second of the wall clock, milliseconds of the processor for a frame, all threads together (other programs
lengthen the wall clock more), the share of the wall clock in the network, and the peak memory of the process, also for
a fifth of the frames: it does not grow with the length.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import typer

from diffuse_fuse import backends
from diffuse_fuse.bench import synthetic_pair
from diffuse_fuse.machine import available_cores, peak_memory
from diffuse_fuse.video.run import VideoOptions, fuse_video, open_sources


def main(
    model: Annotated[list[str] | None, typer.Option(help="Weights or an ONNX file; may be repeated.")] = None,
    backend: Annotated[str, typer.Option(help="auto, torch or onnx.")] = "auto",
    size: Annotated[str, typer.Option(help="Width and height.")] = "640x480",
    frames: Annotated[int, typer.Option(min=10, help="Length of the video.")] = 250,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of the network.")] = 2,
    one: Annotated[str | None, typer.Option(hidden=True, help="Fuse this folder's files and print JSON.")] = None,
) -> None:
    """Print a table."""
    names = model or ["base"]
    if one:
        print(json.dumps(measured(Path(one), names[0], backend, threads)))
        return
    width, height = map(int, size.split("x"))
    typer.echo(f"{width}×{height}, network on {threads} of {available_cores()} cores\n")
    typer.echo("| model | backend | frames | frames a second | CPU ms a frame | in the network | peak MB |")
    typer.echo("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for length in (frames // 5, frames):
            make_clip(Path(folder) / str(length), width, height, length)
        for name in names:
            for length in (frames // 5, frames):
                command = [sys.executable, __file__, "--one", f"{folder}/{length}", "--model", name]
                command += ["--backend", backend, "--threads", str(threads)]
                found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                typer.echo(
                    f"| {name} | {found['backend']} | {found['frames']} | {found['rate']:.1f} | {found['cpu']:.1f} "
                    f"| {found['network']:.0%} | {found['peak'] / 1e6:.0f} |"
                )


def measured(folder: Path, model: str, backend: str, threads: int) -> dict[str, float | str]:
    """One video in this process; the network is warm."""
    name = backends.choose(model, "cpu") if backend == "auto" else backend
    at_once, each = backends.frames_at_once("cpu", threads)
    fuser = backends.load_fuser(model, "cpu", each, name)
    fuser.fuse(*synthetic_pair(64, 64))
    frames = open_sources(folder / "ir.mp4", folder / "vis.mp4", None)
    cpu = time.process_time()
    summary = fuse_video(frames, fuser, folder / "fused.mp4", False, VideoOptions(at_once=at_once))
    return {
        "backend": name,
        "frames": summary.frames,
        "rate": summary.frames / summary.seconds,
        "cpu": 1000 * (time.process_time() - cpu) / summary.frames,
        "network": summary.network / summary.seconds,
        "peak": peak_memory() or 0,
    }


def make_clip(folder: Path, width: int, height: int, length: int) -> None:
    """ir.mp4 and vis.mp4 in ``folder``."""
    folder.mkdir()
    ir, vis = synthetic_pair(width, height)
    rng, side = np.random.default_rng(0), height // 6
    with av.open(str(folder / "ir.mp4"), "w") as first, av.open(str(folder / "vis.mp4"), "w") as second:
        streams = []
        for container in (first, second):
            stream = container.add_stream("libx264", rate=Fraction(25), options={"crf": "18", "preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            streams.append(stream)
        for number in range(length):
            x, y = (3 * number) % (width - side), height // 2 + int(side * np.sin(number / 9))
            hot, seen = ir.copy(), vis.copy()
            hot[y : y + side, x : x + side] = 240
            seen[y : y + side, x : x + side] = (70, 60, 60)
            noise = rng.integers(-3, 4, (height, width))
            for container, stream, frame in zip((first, second), streams, (np.dstack([hot] * 3), seen), strict=True):
                noisy = np.clip(frame + noise[..., None], 0, 255).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        for container, stream in zip((first, second), streams, strict=True):
            container.mux(stream.encode(None))


if __name__ == "__main__":
    typer.run(main)
