"""A small scene that moves, and video files of it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av", reason="the extra video is not installed")

COUNT, HEIGHT, WIDTH = 12, 48, 64


class Brighter:
    """In place of a network: the brighter of both sources, a little darker, so that it is neither of them."""

    model_name = "brighter"

    def fuse(self, ir: np.ndarray, vis: np.ndarray, *, light: object = None) -> np.ndarray:
        return np.maximum(vis, ir[..., None]) // 4 * 3


@pytest.fixture
def clip() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Infrared uint8 H×W and visible uint8 H×W×3 frames: a noisy ground that is still, and a hot square that moves."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    ground = np.stack([60 + x, 90 + y, 150 - x - y // 2], axis=-1)
    irs, vises = [], []
    for number in range(COUNT):
        ir, vis = np.full((HEIGHT, WIDTH), 50.0), ground.astype(float)
        at = 4 + 4 * number
        ir[16:26, at : at + 8], vis[16:26, at : at + 8] = 230, (40, 40, 45)
        irs.append(np.clip(ir + rng.normal(0, 1.5, ir.shape), 0, 255).astype(np.uint8))
        vises.append(np.clip(vis + rng.normal(0, 1.0, ir.shape)[..., None], 0, 255).astype(np.uint8))
    return irs, vises


def write_video(
    path: Path,
    frames: Sequence[np.ndarray],
    fps: int | Fraction = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: bool = False,
) -> Path:
    """A video file of uint8 H×W×3, uint8 H×W or, for gray16le, uint16 H×W frames; ``sound``: a tone as long."""
    given = {2: "gray16le" if frames[0].dtype == np.uint16 else "gray", 3: "rgb24"}[frames[0].ndim]
    with av.open(str(path), "w") as container:
        options = {"crf": "6", "preset": "ultrafast"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=Fraction(fps), options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        track = container.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format=given)))
        container.mux(stream.encode(None))
        if track:
            seconds = len(frames) / float(fps)
            tone = np.sin(np.arange(int(16_000 * seconds)) * 0.2).astype(np.float32)[None]
            for start in range(0, tone.shape[1], 1024):
                part = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(tone[:, start : start + 1024]), format="fltp", layout="mono"
                )
                part.sample_rate, part.pts, part.time_base = 16_000, start, Fraction(1, 16_000)
                container.mux(track.encode(part))
            container.mux(track.encode(None))
    return path


def read_video(path: Path) -> list[np.ndarray]:
    """All frames of a video file, uint8 H×W×3."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture
def files(tmp_path: Path, clip) -> tuple[Path, Path]:
    """The clip as two video files, the visible one with sound."""
    return write_video(tmp_path / "ir.mp4", clip[0]), write_video(tmp_path / "vis.mp4", clip[1], sound=True)
