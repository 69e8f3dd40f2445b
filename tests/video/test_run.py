"""Videos in, a video out: frames, size, colours, rate, sound; whole or not there."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from diffuse_fuse import models
from diffuse_fuse.errors import DataError, ImageError, ImageReadError, ImageWriteError, UsageError
from diffuse_fuse.images.field import GivenField
from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_bytes, write_image
from diffuse_fuse.video.field import Place
from diffuse_fuse.video.run import VideoOptions, fuse_video, open_sources
from diffuse_fuse.video.source import VideoFile
from tests.images import flir_file as make
from tests.video.conftest import COUNT, HEIGHT, WIDTH, Brighter, read_video, write_video

FRAMES = Path(os.environ.get("DFUSE_SHARED", "shared")) / "data" / "m3svd" / "video"


def fused(ir, vis, out, as_folder=False, fuser=None, stop=lambda: False, **options):
    given = VideoOptions(**options)
    sound = None if vis.is_dir() else vis
    frames = open_sources(ir, vis, given.fps)
    return fuse_video(frames, fuser or Brighter(), out, as_folder, given, sound, stop=stop)


def test_a_codec_that_nobody_knows(files, tmp_path):
    data = files[0].read_bytes()
    files[0].write_bytes(data.replace(b"avc1", b"zzzz"))
    with pytest.raises(ImageReadError, match="a codec that is unknown here: convert it"):
        fused(*files, tmp_path / "fused.mp4")


def test_a_title_that_is_no_text(files, tmp_path):
    for path in files:
        data = path.read_bytes()
        assert b"VideoHandler" in data
        path.write_bytes(data.replace(b"VideoHandler", b"Video\xffandler"))
    assert fused(*files, tmp_path / "fused.mp4").frames == COUNT


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
    assert not summary.sound and "sound was left out" in summary.warnings[0]
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


def test_frames_with_the_span_of_their_camera(clip, tmp_path):
    """Asked for, each frame of radiometric files has it, and without asking as a limit; another file ends the run."""
    for number in range(3):
        records = {
            0x01: make.raw_record(make.counts_of(20 + clip[0][number] / 10)),
            0x20: make.camera_record(span=(25, 60)),
        }
        write_bytes(tmp_path / "ir" / f"{number}.jpg", make.r_jpeg(make.encode(".jpg", clip[1][number]), records))
        write_image(tmp_path / "vi" / f"{number}.png", clip[1][number])
    asked = list(open_sources(tmp_path / "ir", tmp_path / "vi", None, camera=True).pairs)
    assert all(frame.span == pytest.approx((25, 60), abs=0.05) for frame in asked)
    own = list(open_sources(tmp_path / "ir", tmp_path / "vi", None).pairs)
    assert all(frame.span[0] == pytest.approx(25, abs=0.05) and frame.span[1] < 50 for frame in own)
    write_image(tmp_path / "ir" / "3.png", clip[0][3])
    write_image(tmp_path / "vi" / "3.png", clip[1][3])
    with pytest.raises(ImageReadError, match=r"3\.png does not store the range"):
        list(open_sources(tmp_path / "ir", tmp_path / "vi", None, camera=True).pairs)
    with pytest.raises(UsageError, match="is a video, which does not store"):
        open_sources(tmp_path / "a.mp4", tmp_path / "b.mp4", None, camera=True)


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
    from diffuse_fuse.images.thermal.palette import known

    palette = next(each for each in known() if "iron" in each.name.lower())
    painted = [palette.colours[ir].astype(np.uint8) for ir in clip[0]]
    ir = write_video(tmp_path / "ir.mkv", painted, codec="ffv1", pixels="bgr0")
    for found, true in zip(VideoFile(ir).infrared(), clip[0], strict=True):
        assert found.ndim == 2 and np.abs(found.astype(int) - true).mean() < 6


def test_sources_that_do_not_go_together(files, clip, tmp_path):
    slow = write_video(tmp_path / "slow.mp4", clip[0], fps=10)
    assert fused(slow, files[1], tmp_path / "a.mp4", fps=Fraction(25)).frames == COUNT
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="There are no pictures in"):
        open_sources(tmp_path / "empty", files[1], None)
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
def test_rendered_frames_flicker_no_more_than_their_sources(name, tmp_path, street):
    """The street by night with the noise of two cameras, and somebody hot who walks through it."""
    from diffuse_fuse import Fuser

    rng = np.random.default_rng(0)
    ir, vis = (picture.astype(float) for picture in street("night", 160, 120))
    for number in range(10):
        heat, light = ir + rng.normal(0, 1.5, ir.shape), vis + rng.normal(0, 1.5, vis.shape)
        heat[60:90, 10 + 12 * number : 20 + 12 * number] = 240
        write_image(tmp_path / "ir" / f"{number}.png", np.clip(np.rint(heat), 0, 255).astype(np.uint8))
        write_image(tmp_path / "vi" / f"{number}.png", np.clip(np.rint(light), 0, 255).astype(np.uint8))
    summary = fused(tmp_path / "ir", tmp_path / "vi", tmp_path / "a.mp4", fuser=Fuser(name, device="cpu"))
    assert summary.frames == 10 and summary.flicker.is_steady and summary.flicker.still > 0.5, summary.flicker


@pytest.mark.parametrize("name", shipped())
def test_real_frames_flicker_no_more_than_their_sources(name, tmp_path):
    if not FRAMES.is_dir():
        pytest.skip("there are no real frames: set DFUSE_SHARED")
    from diffuse_fuse import Fuser

    summary = fused(FRAMES / "ir", FRAMES / "vi", tmp_path / "a.mp4", fuser=Fuser(name, device="cpu"))
    assert summary.frames == 20 and summary.flicker.is_steady, summary.flicker


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names there")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(ImageReadError, match="is not a regular file: copy the video to a file"):
        open_sources(tmp_path / "a.mp4", tmp_path / "a.mp4", None)


@pytest.mark.parametrize("enlarge", ["auto", "cubic", "guided"])
@pytest.mark.parametrize("field", [None, GivenField(None, 0, 0, 64, 48, False)])
def test_small_infrared_frames_are_enlarged_as_fuse_does(clip, enlarge, field):
    """The mean over each thermal pixel stays what was measured."""
    irs, vises = clip
    small = cv2.resize(irs[0], (16, 12), interpolation=cv2.INTER_AREA)
    laid, *_ = Place(field, None, False, print, enlarge).cut(small, vises[0], None)
    means = cv2.resize(laid.astype(np.float32), (16, 12), interpolation=cv2.INTER_AREA)
    plain = cv2.resize(cv2.resize(small, (64, 48)), (16, 12), interpolation=cv2.INTER_AREA).astype(np.float32)
    assert laid.shape == irs[0].shape
    assert np.abs(means - small).max() < 6 < np.abs(plain - small).max()  # 6: what would be above 255
