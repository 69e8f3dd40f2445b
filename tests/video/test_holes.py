"""Pixels of infrared frames without a measurement: out of the range, the visible frame shows there, said once."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_image
from diffuse_fuse.video.run import VideoOptions, fuse_video, open_sources
from diffuse_fuse.video.thermal import SteadyRange

from .conftest import Brighter, write_video

SIZE = (80, 96)


def frames(fill: float, count: int = 4) -> list[np.ndarray]:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    made = []
    for number in range(count):
        frame = np.rint(7300 + 60 * np.sin(x / 8.0 + number) + 20 * np.cos(y / 5.0))
        frame[:16] = fill
        made.append(frame.astype(np.uint16))
    return made


def test_the_range_is_that_of_what_was_measured():
    whole = [frame[16:] for frame in frames(0)]
    marked = [np.ma.array(frame, mask=frame == 0) for frame in frames(0)]
    scales = SteadyRange(25), SteadyRange(25)
    for scale, first in zip(scales, (whole, marked), strict=True):
        scale.start((frame, None) for frame in first)
        for frame in first:
            shown = scale(frame)
    assert scales[0].range == pytest.approx(scales[1].range, abs=1) and shown.dtype == np.uint8
    assert np.ma.getdata(shown) is not marked[-1].data


@pytest.mark.parametrize("kind, fill", [("folder", 0), ("folder", 7301), ("file", 0)])
def test_a_video_with_an_empty_border(tmp_path, kind, fill):
    vis = [np.full((*SIZE, 3), 60 + 10 * number, np.uint8) for number in range(4)]
    if kind == "folder":
        for number, frame in enumerate(frames(fill)):
            (tmp_path / "ir").mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / "ir" / f"{number}.tif", frame, photometric="minisblack")
            write_image(tmp_path / "vis" / f"{number}.png", vis[number])
        sources = tmp_path / "ir", tmp_path / "vis"
    else:
        sources = (
            write_video(tmp_path / "ir.mkv", frames(fill), codec="ffv1", pixels="gray16le"),
            write_video(tmp_path / "vis.mkv", vis, codec="ffv1", pixels="bgr0"),
        )
    opened = open_sources(*sources, None, nodata=7301 if fill else None)
    summary = fuse_video(opened, Brighter(), tmp_path / "out", True, VideoOptions(stabilise=0))
    assert summary.frames == 4
    said = [text for text in summary.warnings if "has no value" in text]
    assert len(said) == 1 and ("20.0% of its pixels" in said[0] or fill)
    names = sorted((tmp_path / "out").glob("*.png"))
    for number, name in enumerate(names):
        fused = read_image(name)
        assert (fused[2:14, 2:-2] == 60 + 10 * number).all()
        assert fused[40:].std() > 20  # the whole contrast, not what a border of 0 leaves of it
