"""Streams of one file, thumbnails, stacks and folders as sources, and which frames go together."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import tifffile

from diffuse_fuse.errors import DataError, ImageReadError, UsageError
from diffuse_fuse.images.write import write_image
from diffuse_fuse.video import streams
from diffuse_fuse.video.run import Pairing, VideoOptions, fuse_video, open_sources
from diffuse_fuse.video.source import VideoFile
from diffuse_fuse.video.timing import by_number, by_time, one_rate

from .conftest import COUNT, HEIGHT, WIDTH, Brighter, read_video, write_video


def write_streams(path: Path, *streams_of_frames: list[np.ndarray], thumbnail: bool = False) -> Path:
    """A file of several picture streams; thumbnail: the first is one frame of MJPEG, as drones write it."""
    with av.open(str(path), "w") as container:
        made = []
        for number, frames in enumerate(streams_of_frames):
            is_thumbnail = thumbnail and number == 0
            stream = container.add_stream("mjpeg" if is_thumbnail else "libx264", rate=25)
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if is_thumbnail else "yuv420p"
            made.append((stream, frames[:1] if is_thumbnail else frames))
        for stream, frames in made:
            for frame in frames:
                picture = av.VideoFrame.from_ndarray(frame, format="gray" if frame.ndim == 2 else "rgb24")
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
    return path


def irs_and_vises(frames):
    pairs = list(frames.pairs)
    return [pair.ir for pair in pairs], [pair.vis for pair in pairs]


@pytest.mark.parametrize("infrared_first", [True, False])
def test_two_streams_of_one_file(clip, tmp_path, infrared_first):
    both = write_streams(tmp_path / "both.mkv", *(clip if infrared_first else clip[::-1]))
    for given in (both, None):
        frames = open_sources(both, given, None)
        irs, vises = irs_and_vises(frames)
        assert len(irs) == COUNT and f"number {1 - infrared_first}, which is grey" in frames.warnings[0]
        assert np.abs(irs[3].astype(int) - clip[0][3]).mean() < 4
        assert np.abs(vises[3].astype(int) - clip[1][3]).mean() < 8
    chosen = Pairing(ir_stream=int(not infrared_first), vis_stream=int(infrared_first))
    irs, _ = irs_and_vises(open_sources(both, both, None, how=chosen))
    assert np.abs(irs[3].astype(int) - clip[0][3]).mean() < 4


def test_streams_that_cannot_be(clip, files, tmp_path):
    twice = write_streams(tmp_path / "grey.mkv", clip[0], clip[0])
    with pytest.raises(UsageError, match=r"0 \(h264, 64×48\), 1 .*--ir-stream N and --vis-stream N"):
        open_sources(twice, twice, None)
    assert len(list(open_sources(twice, None, None, how=Pairing(ir_stream=1)).pairs)) == COUNT
    with pytest.raises(UsageError, match="both 1"):
        open_sources(twice, None, None, how=Pairing(ir_stream=1, vis_stream=1))
    with pytest.raises(UsageError, match="has no picture stream 7; it has 0"):
        open_sources(files[0], files[1], None, how=Pairing(vis_stream=7))
    with pytest.raises(DataError, match="holds one picture stream"):
        open_sources(files[0], files[0], None)


@pytest.mark.parametrize("side", ["ir", "vis"])
def test_of_a_file_with_both_the_side_asked_for_is_taken(clip, files, tmp_path, side):
    both = write_streams(tmp_path / "both.mkv", clip[1], clip[0])
    frames = open_sources(both if side == "ir" else files[0], both if side == "vis" else files[1], None)
    irs, vises = irs_and_vises(frames)
    assert "holds 2 picture streams" in frames.warnings[0] and f"--{side}-stream chooses" in frames.warnings[0]
    assert np.abs(irs[3].astype(int) - clip[0][3]).mean() < 4
    assert np.abs(vises[3].astype(int) - clip[1][3]).mean() < 8


def test_a_thumbnail_is_no_video(clip, files, tmp_path):
    small = [frame[::2, ::2].copy() for frame in clip[1]]
    with_thumbnail = write_streams(tmp_path / "drone.mp4", small, clip[1], thumbnail=True)
    frames = open_sources(files[0], with_thumbnail, None)
    _, vises = irs_and_vises(frames)
    assert len(vises) == COUNT and vises[0].shape == (HEIGHT, WIDTH, 3) and not frames.warnings
    with av.open(str(with_thumbnail)) as container:
        assert [stream.index for stream in streams.pictures(container)] == [1]


def test_a_slow_infrared_camera_is_paired_by_time(clip, tmp_path):
    """9 frames a second beside 27: three visible frames for one of infrared, in the visible video's time."""
    slow = write_video(tmp_path / "ir.mp4", clip[0][:4], fps=9)
    fast = write_video(tmp_path / "vis.mp4", clip[1], fps=27, sound=True)
    frames = open_sources(slow, fast, None)
    assert frames.count == COUNT and frames.fps == 27 and "nearest in time" in frames.warnings[0]
    out = tmp_path / "out.mp4"
    summary = fuse_video(frames, Brighter(), out, False, VideoOptions(stabilise=0.0), fast)
    assert summary.frames == COUNT and summary.sound
    irs, _ = irs_and_vises(open_sources(slow, fast, None))
    shown = [int(np.argmin([np.abs(ir.astype(int) - true).mean() for true in clip[0][:4]])) for ir in irs]
    assert shown == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    by_frame = open_sources(slow, fast, None, how=Pairing("frame"))
    assert by_frame.count == 4 == len(list(by_frame.pairs))


def test_a_fast_infrared_camera_and_another_rate_of_the_result(clip, tmp_path):
    fast = write_video(tmp_path / "ir.mp4", clip[0], fps=60)
    slow = write_video(tmp_path / "vis.mp4", clip[1][:6], fps=30)
    irs, _ = irs_and_vises(open_sources(fast, slow, None))
    assert len(irs) == 6 and np.abs(irs[3].astype(int) - clip[0][6]).mean() < 3
    frames = open_sources(fast, slow, Fraction(15))
    assert frames.fps == 15 and len(list(frames.pairs)) == 3 == frames.count


def test_rates_that_only_rounding_tells_apart_are_one(clip, tmp_path):
    ir = write_video(tmp_path / "ir.mp4", clip[0], fps=30)
    vis = write_video(tmp_path / "vis.mp4", clip[1], fps=Fraction(30000, 1001))
    frames = open_sources(ir, vis, None)
    assert frames.count == COUNT == len(list(frames.pairs)) and not frames.warnings
    assert one_rate(Fraction(30), Fraction(30000, 1001)) and not one_rate(Fraction(30), Fraction(299, 10))


@pytest.mark.parametrize("pair", ["time", "frame"])
def test_one_camera_began_later(clip, tmp_path, pair):
    ir = write_video(tmp_path / "ir.mp4", clip[0][4:])
    vis = write_video(tmp_path / "vis.mp4", clip[1], sound=True)
    frames = open_sources(ir, vis, None, how=Pairing(pair, offset=0.16))
    summary = fuse_video(frames, Brighter(), tmp_path / "out.mp4", False, VideoOptions(stabilise=0.0), vis)
    assert summary.frames == COUNT - 4 and summary.sound
    for frame, true_ir, true_vis in zip(read_video(tmp_path / "out.mp4"), clip[0][4:], clip[1][4:], strict=True):
        assert np.abs(frame.astype(int) - Brighter().fuse(true_ir, true_vis)).mean() < 6
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].start_time >= 0
    early = list(open_sources(vis, ir, None, how=Pairing(pair, offset=-0.16)).pairs)
    assert len(early) == COUNT - 4 and np.abs(early[0].vis[..., 0].astype(int) - clip[0][4]).mean() < 4
    with pytest.raises(UsageError, match="do not overlap in time"):
        list(open_sources(ir, vis, None, how=Pairing(pair, offset=60)).pairs)


def test_a_stack_of_thermal_frames(clip, files, tmp_path):
    deep = [3000 + 4 * ir.astype(np.uint16) for ir in clip[0]]
    tifffile.imwrite(tmp_path / "pages.tif", np.stack(deep), photometric="minisblack", compression="zlib")
    tifffile.imwrite(tmp_path / "block.tif", np.stack(deep), photometric="minisblack", imagej=True, truncate=True)
    np.save(tmp_path / "stack.npy", np.stack(deep))
    for name in ("pages.tif", "block.tif", "stack.npy"):
        frames = open_sources(tmp_path / name, files[1], None)
        assert frames.count == COUNT and frames.fps == 25 and not frames.warnings
        irs, _ = irs_and_vises(frames)
        assert all(map(np.array_equal, irs, deep)), name
    write_image(tmp_path / "one.tif", deep[0])
    with pytest.raises(ImageReadError, match="is one picture, not a video: use dfuse fuse"):
        open_sources(tmp_path / "one.tif", files[1], None)


def test_a_stack_or_a_video_beside_a_folder(clip, files, tmp_path):
    for number, vis in enumerate(clip[1]):
        write_image(tmp_path / "vis" / f"{number}.png", vis)
    tifffile.imwrite(tmp_path / "ir.tif", np.stack(clip[0]), photometric="minisblack")
    frames = open_sources(tmp_path / "ir.tif", tmp_path / "vis", None)
    irs, vises = irs_and_vises(frames)
    assert all(map(np.array_equal, irs, clip[0])) and all(map(np.array_equal, vises, clip[1]))
    summary = fuse_video(
        open_sources(files[0], tmp_path / "vis", None), Brighter(), tmp_path / "o.mp4", False, VideoOptions(),
        tmp_path / "vis",
    )  # fmt: skip
    assert summary.frames == COUNT and summary.fps == 25 and not summary.sound


def test_counts_in_an_avi_that_does_not_name_them(clip, tmp_path):
    deep = [29000 + 6 * ir.astype(np.uint16) for ir in clip[0]]
    path = write_video(tmp_path / "y16.avi", deep, codec="rawvideo", pixels="gray16le")
    assert all(map(np.array_equal, VideoFile(path).infrared(), deep))


def test_a_decoder_that_lacks_is_no_damage(files):
    with streams.opened(files[0]) as container:
        lacking = streams.failure(av.error.PatchWelcomeError(1, "Not yet"), container.streams.video[0], files[0], 0)
        damaged = streams.failure(av.error.InvalidDataError(1, "Invalid"), container.streams.video[0], files[0], 3)
    assert "kind of h264 that the ffmpeg inside PyAV does not decode" in str(lacking)
    assert "is damaged after frame 3" in str(damaged)


def test_pairs_in_time():
    slow, fast = [(k / 9, k) for k in range(3)], [(k / 30, k) for k in range(12)]
    found = list(by_time(iter(slow), iter(fast), (Fraction(9), Fraction(30)), Fraction(30)))
    assert [b for _, b in found] == list(range(10)) and [a for a, _ in found] == [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
    late = list(by_time(iter(fast), iter(fast), (Fraction(30),) * 2, Fraction(30), offset=0.1))
    assert late == [(k, k + 3) for k in range(9)]
    assert list(by_number(iter("abc"), iter("ABC"), 1)) == [("a", "B"), ("b", "C")]
    assert list(by_number(iter("abc"), iter("ABC"), -2)) == [("c", "A")]
    assert not list(by_time(iter([]), iter(fast), (Fraction(9), Fraction(30)), Fraction(30)))
