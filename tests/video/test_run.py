"""Videos in, a video out: frames, size, colours, rate, sound; whole or not there."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from diffuse_fuse import models
from diffuse_fuse.errors import DataError, ImageError, ImageReadError, ImageWriteError, UsageError
from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_image
from diffuse_fuse.video.run import VideoOptions, fuse_video, open_sources
from diffuse_fuse.video.source import VideoFile
from tests.video.conftest import COUNT, HEIGHT, WIDTH, Brighter, read_video, write_video

FRAMES = Path(os.environ.get("DFUSE_SHARED", "shared")) / "data" / "m3svd" / "video"


def fused(ir, vis, out, as_folder=False, fuser=None, stop=lambda: False, **options):
    given = VideoOptions(**options)
    sound = None if vis.is_dir() else vis
    frames = open_sources(ir, vis, given.fps)
    return fuse_video(frames, fuser or Brighter(), out, as_folder, given, sound, stop=stop)


def test_two_files_into_one_with_sound(files, clip, tmp_path):
    out = tmp_path / "out" / "fused.mp4"
    summary = fused(*files, out, stabilise=0.0)
    assert summary.frames == COUNT and summary.fps == 25 and summary.sound and not summary.warnings
    frames = read_video(out)
    for frame, ir, vis in zip(frames, *clip, strict=True):
        assert np.abs(frame.astype(int) - Brighter().fuse(ir, vis)).mean() < 6
        assert np.abs((frame.astype(int) - Brighter().fuse(ir, vis)).mean(axis=(0, 1))).max() < 2  # no colour cast
    with av.open(str(out)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert video.average_rate == 25 and video.codec_context.pix_fmt == "yuv420p"
        assert video.codec_context.name == "h264" and video.codec_context.colorspace == 1  # BT.709
        assert float(sound.duration * sound.time_base) == pytest.approx(COUNT / 25, abs=0.15)
        heard = np.concatenate([part.to_ndarray().ravel() for part in container.decode(sound)])
    assert np.abs(heard).max() > 0.5
    assert [path.name for path in out.parent.iterdir()] == ["fused.mp4"]


def test_sound_can_be_left_out_and_is_at_another_rate(files, tmp_path):
    assert not fused(*files, tmp_path / "a.mp4", sound=False).sound
    summary = fused(*files, tmp_path / "b.mp4", fps=Fraction(30000, 1001))
    assert not summary.sound and "sound is left out" in summary.warnings[0]
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001) and not container.streams.audio


def test_folders_in_the_order_of_their_numbers_and_into_a_folder(clip, tmp_path):
    for number, (ir, vis) in enumerate(zip(*clip, strict=True)):
        write_image(tmp_path / "ir" / f"frame_{number}.png", ir)
        write_image(tmp_path / "vi" / f"frame_{number}.png", vis)
    write_image(tmp_path / "ir" / "frame_99.png", clip[0][0])
    summary = fused(tmp_path / "ir", tmp_path / "vi", tmp_path / "a.mkv", codec="ffv1", stabilise=0.0)
    assert summary.frames == COUNT and summary.warnings == ["1 frame has no partner: left out."]
    for frame, ir, vis in zip(read_video(tmp_path / "a.mkv"), *clip, strict=True):
        assert np.abs(frame.astype(int) - Brighter().fuse(ir, vis)).mean() < 4
    fused(tmp_path / "ir", tmp_path / "vi", tmp_path / "frames", as_folder=True, stabilise=0.0)
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == sorted(f"frame_{number}.png" for number in range(COUNT))
    assert np.array_equal(read_image(tmp_path / "frames" / "frame_10.png"), Brighter().fuse(clip[0][10], clip[1][10]))


def test_odd_sides_get_a_copy_of_their_last_row_and_column(clip, tmp_path):
    for number in range(3):
        write_image(tmp_path / "ir" / f"{number}.png", clip[0][number][:45, :63])
        write_image(tmp_path / "vi" / f"{number}.png", clip[1][number][:45, :63])
    summary = fused(tmp_path / "ir", tmp_path / "vi", tmp_path / "a.mp4")
    assert "even sides" in summary.warnings[0]
    assert [frame.shape for frame in read_video(tmp_path / "a.mp4")] == [(46, 64, 3)] * 3


def test_deep_infrared_video_keeps_its_counts(clip, tmp_path):
    deep = [(3000 + 4 * ir.astype(np.uint16)) for ir in clip[0]]
    ir = write_video(tmp_path / "ir.mkv", deep, codec="ffv1", pixels="gray16le")
    vis = write_video(tmp_path / "vis.mp4", clip[1])
    assert all(map(np.array_equal, VideoFile(ir).infrared(), deep))
    seen = []

    class Looks(Brighter):
        def fuse(self, ir, vis, *, light=None):
            seen.append(ir)
            return super().fuse(ir, vis)

    fused(ir, vis, tmp_path / "a.mp4", fuser=Looks(), thermal_range=(3000, 4020))
    assert all(map(np.array_equal, seen, clip[0]))


def test_false_colours_are_turned_back(clip, tmp_path):
    from diffuse_fuse.images.thermal.palette import _known

    palette = next(each for each in _known() if "iron" in each.name.lower())
    painted = [palette.colours[ir].astype(np.uint8) for ir in clip[0]]
    ir = write_video(tmp_path / "ir.mkv", painted, codec="ffv1", pixels="bgr0")
    for found, true in zip(VideoFile(ir).infrared(), clip[0], strict=True):
        assert found.ndim == 2 and np.abs(found.astype(int) - true).mean() < 6


def test_sources_that_do_not_go_together(files, clip, tmp_path):
    slow = write_video(tmp_path / "slow.mp4", clip[0], fps=10)
    with pytest.raises(DataError, match=r"10 frames a second and .*25: .*--fps"):
        open_sources(slow, files[1], None)
    assert fused(slow, files[1], tmp_path / "a.mp4", fps=Fraction(25)).frames == COUNT
    with pytest.raises(UsageError, match="is a folder and"):
        open_sources(tmp_path, files[1], None)
    short = write_video(tmp_path / "short.mp4", clip[0][:5])
    summary = fused(short, files[1], tmp_path / "b.mp4")
    assert summary.frames == 5 and "5 frames and the visible one 12" in summary.warnings[0]
    wide = write_video(tmp_path / "wide.mp4", [np.repeat(ir, 2, axis=1) for ir in clip[0]])
    with pytest.raises(ImageError, match=r"frame_000001: .*--stretch"):
        fused(wide, files[1], tmp_path / "c.mp4")
    assert not (tmp_path / "c.mp4").exists()
    small = write_video(tmp_path / "small.mp4", [ir[::2, ::2].copy() for ir in clip[0]])
    summary = fused(small, files[1], tmp_path / "d.mp4")
    assert len(summary.warnings) == 1 and "resized" in summary.warnings[0]
    assert read_video(tmp_path / "d.mp4")[0].shape == (HEIGHT, WIDTH, 3)


def test_what_is_no_video(files, tmp_path):
    (tmp_path / "text.mp4").write_text("a text")
    with pytest.raises(ImageReadError, match="cannot be read as a video"):
        open_sources(tmp_path / "text.mp4", files[1], None)
    for name in ("ir", "vi"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="There are no pictures"):
        open_sources(tmp_path / "ir", tmp_path / "vi", None)


def test_stopped_in_the_middle_the_file_plays(files, tmp_path):
    class Counts(Brighter):
        calls = 0

        def fuse(self, ir, vis, *, light=None):
            Counts.calls += 1
            return super().fuse(ir, vis)

    summary = fused(*files, tmp_path / "a.mp4", fuser=Counts(), stop=lambda: Counts.calls >= 4)
    assert summary.stopped and summary.frames == 4 == len(read_video(tmp_path / "a.mp4"))


def test_after_an_error_there_is_no_file(files, tmp_path):
    class Breaks(Brighter):
        calls = 0

        def fuse(self, ir, vis, *, light=None):
            Breaks.calls += 1
            if Breaks.calls == 6:
                raise ImageError("no memory")
            return super().fuse(ir, vis)

    before = set(tmp_path.iterdir())
    with pytest.raises(ImageError, match="no memory"):
        fused(*files, tmp_path / "a.mp4", fuser=Breaks())
    with pytest.raises(ImageWriteError, match="cannot be written"):
        fused(*files, files[0] / "a.mp4")
    assert set(tmp_path.iterdir()) == before


def test_codecs_by_name(files, tmp_path):
    with pytest.raises(UsageError, match="no video encoder 'h263000'"):
        fused(*files, tmp_path / "a.mp4", codec="h263000")
    with pytest.raises(UsageError, match="has no --crf"):
        fused(*files, tmp_path / "a.mkv", codec="ffv1", crf=20)
    fused(*files, tmp_path / "a.webm", sound=False)
    assert len(read_video(tmp_path / "a.webm")) == COUNT
    with pytest.raises(ImageWriteError, match=r"cannot be written with libx264 at 64×48: .*--no-sound"):
        fused(*files, tmp_path / "b.webm", codec="libx264")
    sizes = []
    for crf in (10, 45):
        fused(*files, tmp_path / f"{crf}.mp4", crf=crf, sound=False)
        sizes.append((tmp_path / f"{crf}.mp4").stat().st_size)
    assert sizes[0] > 1.5 * sizes[1]


def shipped() -> list:
    """The fusion models; twenty frames by a large one take half a minute."""
    cards = [card for card in models.available() if card.kind != "diffusion"]
    return [pytest.param(c.name, marks=[pytest.mark.long] if c.parameters > 3_000_000 else []) for c in cards]


@pytest.mark.parametrize("name", shipped())
def test_real_frames_flicker_no_more_than_their_sources(name, tmp_path):
    if not FRAMES.is_dir():
        pytest.skip("there are no real frames: set DFUSE_SHARED")
    from diffuse_fuse import Fuser

    summary = fused(FRAMES / "ir", FRAMES / "vi", tmp_path / "a.mp4", fuser=Fuser(name, device="cpu"))
    assert summary.frames == 20 and summary.flicker.is_steady, summary.flicker
