"""Two videos, or two folders of frames, into one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from diffuse_fuse.alignment import Aligner
from diffuse_fuse.errors import UsageError
from diffuse_fuse.fusion.relight import AUTO, Balance, SceneLight
from diffuse_fuse.images.enlarging import Enlarger
from diffuse_fuse.images.field import GivenField
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.pairing import NO_RULES, Rules
from diffuse_fuse.images.quiet import quiet
from diffuse_fuse.images.seam import over_holes
from diffuse_fuse.video.audio import Sound
from diffuse_fuse.video.flicker import Flicker, FlickerMeter, luma
from diffuse_fuse.video.light import SteadyLight
from diffuse_fuse.video.pairs import FramePair, prepared
from diffuse_fuse.video.pipeline import overlapped
from diffuse_fuse.video.sink import FolderSink, Sink, VideoSink, nothing
from diffuse_fuse.video.source import AS_THEY_ARE, Frames, Pairing, open_files, open_folders
from diffuse_fuse.video.stabilise import STRENGTH, Stabiliser
from diffuse_fuse.video.stack import is_picture_file
from diffuse_fuse.video.thermal import Range, SteadyRange

FOLDER_FPS = Fraction(25)  # of folders, which do not say theirs


class FusesFrames(Protocol):
    """What is needed of a fuser: ``Fuser`` and ``OnnxFuser`` are such."""

    def fuse(self, ir: np.ndarray, vis: np.ndarray, *, light: SceneLight) -> np.ndarray: ...


@dataclass(frozen=True)
class VideoOptions:
    """How a video is made.

    fps: None for that of the sources. codec, crf: as ``VideoSink`` takes them. thermal_range: the infrared values that
    become black and white; None: deep ones by a range that follows slowly (that of the camera's screen, where the
    frames bring it along), 8-bit ones as they are. black_hot: hot is black in the sources. stabilise: 0 to below 1, see
    ``Stabiliser``. aligner: moves the infrared frames. stretch: sources of other proportions show the same field.
    field: where the infrared frames lie in the visible ones. enlarge: how small infrared frames are enlarged, as in
    ``LoadOptions``.
    sound: copy that of the visible video. at_once: frames that the network has at the same time, each in a thread of
    its own. balance: as ``Fuser`` takes it. sent: called with each file that is written and whole, for outputs that
    are elsewhere.
    """

    fps: Fraction | None = None
    codec: str | None = None
    crf: int | None = None
    thermal_range: Range | None = None
    black_hot: bool = False
    stabilise: float = STRENGTH
    aligner: Aligner | None = None
    stretch: bool = False
    field: GivenField | None = None
    enlarge: str | Enlarger = "auto"
    sound: bool = True
    at_once: int = 1
    balance: Balance = AUTO
    sent: Callable[[Path], None] = nothing


@dataclass
class Summary:
    """What became of it. seconds: of the wall clock, for all frames; network: of these, the time that the network
    was busy, the mean of those frames that it had at once. stopped: it was asked to stop before the end."""

    frames: int = 0
    fps: float = 0.0
    seconds: float = 0.0
    network: float = 0.0
    flicker: Flicker | None = None
    stopped: bool = False
    sound: bool = False
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Notes a sentence, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def as_dict(self) -> dict[str, Any]:
        """As JSON prints it."""
        return {
            "frames": self.frames,
            "fps": self.fps,
            "seconds": self.seconds,
            "frames_per_second": self.frames / self.seconds if self.seconds else None,
            "network_seconds": self.network,
            "flicker": self.flicker and self.flicker.as_dict(),
            "sound": self.sound,
            "stopped": self.stopped,
            "warnings": self.warnings,
        }


@quiet()
def open_sources(
    ir: Path,
    vis: Path | None,
    fps: Fraction | None,
    rules: Rules = NO_RULES,
    camera: bool = False,
    nodata: float | None = None,
    how: Pairing = AS_THEY_ARE,
    load: LoadOptions = DEFAULT,
) -> Frames:
    """Two sources of frames: video files, stacks, folders; or one folder or video file that holds both kinds.

    camera: with the range of the camera's screen, which frames of radiometric files may say and videos never do.
    nodata: an infrared value that means nothing was measured. how: streams, and what goes together; its ``fps`` is
    ``fps``. load: how infrared pictures are read besides. Raises UsageError for options that do not go with the
    sources, and what these raise.
    """
    load = load if nodata is None else replace(load, nodata=nodata)
    if ir.is_dir() and (vis is None or vis.is_dir()):
        if how.given:
            raise UsageError(
                "--pair, --offset and streams are for videos, but frames in folders pair by name: leave them out."
            )
        return open_folders(ir, vis, rules, camera, load, how.read_file)
    if vis is None:
        if is_picture_file(ir):
            raise UsageError(f"Missing visible video: {ir} is a single file, so give VIS too.")
        vis = ir
    if rules.given:
        raise UsageError(
            "Patterns, --map and --by-order pair the files of folders, but the inputs are not folders: leave them out."
        )
    return open_files(ir, vis, replace(how, fps=fps), load, camera)


@quiet()  # for all of it: decoders and encoders have threads of their own, which write when they like
def fuse_video(
    frames: Frames,
    fuser: FusesFrames,
    out: Path,
    as_folder: bool,
    options: VideoOptions,
    sound_of: Path | None = None,
    on_frame: Callable[[], None] = lambda: None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Fuses all ``frames`` into ``out``, a video file or with ``as_folder`` a folder of PNG files.

    Memory does not grow with the length of the video. ``sound_of``: the video file whose sound is copied. ``stop`` says
    that the video shall end with the frames that are done. Raises what reading, fusing and writing raise; then no video
    is left, while a folder keeps its frames.
    """
    fps = options.fps or frames.fps or FOLDER_FPS
    summary = Summary(fps=float(fps), warnings=list(frames.warnings))
    sound = None if as_folder or sound_of is None or not options.sound else _sound(sound_of, frames, fps, summary)
    sink: Sink = FolderSink(out, options.sent) if as_folder else VideoSink(out, fps, options.codec, options.crf, sound)
    summary.sound = sound is not None
    scale = SteadyRange(float(fps), options.thermal_range, options.black_hot)
    stabiliser, meter = Stabiliser(options.stabilise), FlickerMeter()

    def work(pair: FramePair) -> tuple[FramePair, np.ndarray, float]:
        start = time.perf_counter()
        fused = over_holes(fuser.fuse(pair.ir, pair.vis, light=pair.light), pair.vis, pair.holes)
        return pair, fused, time.perf_counter() - start

    def finish(fused_pair: tuple[FramePair, np.ndarray, float]) -> None:
        pair, fused, network = fused_pair
        summary.network += network / options.at_once
        frame = stabiliser(pair.ir, pair.luma, fused)
        meter.add(pair.ir, pair.luma, luma(frame))
        sink.write(pair.name, frame)
        summary.frames += 1
        on_frame()

    start = time.perf_counter()
    light = SteadyLight(float(fps), options.balance)
    pairs = prepared(
        frames, scale, light, options.aligner, options.stretch, summary.warn, options.field, options.enlarge
    )
    try:
        overlapped(pairs, work, finish, stop, options.at_once)
        sink.close()
    except BaseException:
        sink.drop()
        raise
    if summary.frames and not as_folder:
        options.sent(out)
    summary.stopped = stop()
    summary.seconds = time.perf_counter() - start
    summary.flicker = meter.result()
    if getattr(sink, "padded", False):
        summary.warn("The picture got one more row or column, a copy of the last: video needs even sides.")
    return summary


def _sound(path: Path, frames: Frames, fps: Fraction, summary: Summary) -> Sound | None:
    if path.is_dir() or is_picture_file(path):
        return None
    sound = Sound(path, frames.start)
    if not sound.is_there:
        sound.close()
        return None
    if frames.fps != fps:
        sound.close()
        summary.warn("The sound was left out: with another frame rate it would not match the pictures.")
        return None
    return sound
