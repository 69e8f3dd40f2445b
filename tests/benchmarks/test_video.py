"""The clip that dfuse video is timed on, and what is counted."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("av", reason="the extra video is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

import backends
import video

from diffuse_fuse.video.source import VideoFile


def test_the_clip_moves_and_is_counted(tmp_path, tiny_model):
    video.make_clip(tmp_path / "clip", 64, 48, 6)
    found = video.measured(tmp_path / "clip", str(tiny_model), "torch", 1)
    assert found["frames"] == 6 and found["rate"] > 0 and 0 < found["network"] <= 1
    hot = [frame > 200 for frame in VideoFile(tmp_path / "clip" / "ir.mp4").infrared()]
    columns = [np.nonzero(frame)[1].mean() for frame in hot]
    assert np.diff(columns).min() > 1


def test_every_backend_is_timed_in_every_round():
    calls = []
    times, pictures = backends.timed({name: lambda name=name: calls.append(name) or name for name in "ab"}, 3)
    assert calls == list("abababab") and pictures == {"a": "a", "b": "b"}
    assert all(len(cpu) == len(wall) == 3 and min(wall) >= 0 for cpu, wall in times.values())
