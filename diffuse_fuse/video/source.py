"""Two sources of frames → pairs of arrays, one after the other, never more than a few in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from diffuse_fuse import shortage
from diffuse_fuse.errors import DataError, DfuseError, ImageReadError, UsageError, counted
from diffuse_fuse.extras import need
from diffuse_fuse.images.decode import ReadBytes, read_bytes
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.pairing import NO_RULES, Rules, pair_sources, why_none
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.thermal import holes
from diffuse_fuse.images.thermal.palette import find, invert, is_coloured
from diffuse_fuse.video import streams
from diffuse_fuse.video.frame import Frame, Heat
from diffuse_fuse.video.stack import FolderFrames, StackFile, is_picture_file, natural, read_heat
from diffuse_fuse.video.timing import Pair, by_number, by_time, one_rate

T = TypeVar("T")

# The exact way from one colour for 2×2 pixels to RGB; ffmpeg's fast one is a level too dark. These are libswscale's
# flags SWS_BILINEAR, SWS_FULL_CHR_H_INT and SWS_ACCURATE_RND by value: PyAV before 18 has no names for the last two.
_EXACT = 0x2 | 0x2000 | 0x40000

# Pixel formats of one channel that hold counts: they keep their values, where others are converted to 8 bits.
_DEEP_GREY = re.compile(r"gray(9|10|12|14|16|f32)(le|be)?")
_BARE_16 = ("rgb555le", "rgb565le")  # what ffmpeg takes 16 bits a pixel for where the file does not name them


class Source(Protocol):
    """Frames of one side; either method gives (seconds or None, frame). fps, count: None where it does not say."""

    @property
    def fps(self) -> Fraction | None: ...

    @property
    def count(self) -> int | None: ...

    @property
    def start(self) -> float: ...

    def heat(self) -> Iterator[tuple[float | None, Heat]]: ...

    def light(self) -> Iterator[tuple[float | None, np.ndarray]]: ...


@dataclass(frozen=True)
class Frames:
    """The pairs of two sources before anything is done to them.

    pairs: in order; to be gone through once. count: how many there are, None where the files do not say; fps: frames a
    second, None for folders; warnings: what is odd, as sentences. start: seconds of the visible source that are left
    out before the first pair.
    """

    pairs: Iterator[Frame]
    count: int | None
    fps: Fraction | None
    warnings: tuple[str, ...] = ()
    start: float = 0.0


@dataclass(frozen=True)
class Pairing:
    """How the frames of two sources go together.

    pair: "time" or "frame"; None: by time where the rates differ. offset: seconds by which the infrared source begins
    after the visible one. fps: frames a second of the result, where they are given. ir_stream, vis_stream: the picture
    stream of a file, as ffmpeg counts. read_file: what reads the pictures of folders, which may be elsewhere.
    """

    pair: Pair | None = None
    offset: float = 0.0
    fps: Fraction | None = None
    ir_stream: int | None = None
    vis_stream: int | None = None
    read_file: ReadBytes = field(default=read_bytes, compare=False)

    @property
    def given(self) -> bool:
        """Whether anything is said that folders which pair by name do not take."""
        return self != Pairing(fps=self.fps)


AS_THEY_ARE = Pairing()


def open_folders(
    ir: Path,
    vis: Path | None,
    rules: Rules = NO_RULES,
    camera: bool = False,
    load: LoadOptions = DEFAULT,
    read_file: ReadBytes = read_bytes,
) -> Frames:
    """Two folders of pictures, or one of both kinds, paired as everywhere; frame_10 comes after frame_9.

    camera: each frame with its camera's span; one without ends the frames in an ImageReadError. load: how infrared
    pictures are read. Raises DataError where none pair.
    """
    found = pair_sources(ir, vis, rules=rules)
    if not found.pairs:
        raise DataError(why_none(ir, vis, found, recursive=True))
    odd, alone = [], len(found.ir_only) + len(found.vis_only)
    if alone:
        odd.append(f"{alone} frame{'s have' if alone > 1 else ' has'} no partner: left out.")
    odd += [f"Left out: {ambiguous}" for ambiguous in found.ambiguous]
    if found.passed_over:
        odd.append(f"{counted(len(found.passed_over), 'picture')} in no pair of frames: ignored.")
    odd += found.notes
    pairs = sorted(found.pairs, key=lambda pair: natural(pair.relative.name))

    def read() -> Iterator[Frame]:
        for pair in pairs:
            values, span = read_heat(pair.ir, load, camera, read_file)
            yield Frame(pair.relative.name, values, read_visible(pair.vis, read_file=read_file), span)

    return Frames(read(), len(pairs), None, tuple(odd))


def open_files(
    ir: Path, vis: Path, how: Pairing = AS_THEY_ARE, load: LoadOptions = DEFAULT, camera: bool = False
) -> Frames:
    """Two sources of which one at least is no folder: video files, stacks (TIFF, .npy), folders of frames.

    camera: as ``open_folders``, for infrared frames in a folder. Raises ImageReadError for a file that holds no frames,
    UsageError for a stream or an offset that cannot be.
    """
    if camera and not ir.is_dir():
        raise UsageError(f"{ir} is a video, which does not store the range of the camera's display: give two values.")
    if load.of_the_file() and not ir.is_dir() and not is_picture_file(ir):
        raise UsageError(f"{ir} is a video: bands, palettes, units and raw sizes are for pictures only.")
    ir_stream, vis_stream, odd = _streams(ir, vis, how)
    first = _source(ir, ir_stream, load, camera, how.read_file)
    second = _source(vis, vis_stream, DEFAULT, False, how.read_file)
    rates = first.fps or second.fps, second.fps or first.fps
    by = how.pair or ("frame" if one_rate(first.fps, second.fps) else "time")
    if by == "time" and None in rates:
        raise UsageError("Neither source has time stamps: pair the frames with --pair frame.")
    fps = how.fps if by == "time" and how.fps else second.fps or first.fps
    offset = how.offset
    if ir == vis:  # one clock for both streams
        offset += first.start - second.start
    if offset and fps is None and how.fps is None:
        raise UsageError("Neither source has a frame rate: add --fps N to --offset.")
    skip = round(offset * float(fps or how.fps or 1))

    def read() -> Iterator[Frame]:
        if by == "time":
            ir_rate, vis_rate = rates
            assert ir_rate is not None and vis_rate is not None and fps is not None  # as was asked above
            timed = _timed(first.heat(), ir_rate), _timed(second.light(), vis_rate)
            pairs = by_time(*timed, (ir_rate, vis_rate), fps, offset)
        else:
            pairs = by_number((heat for _, heat in first.heat()), (light for _, light in second.light()), skip)
        number = 0
        for number, (heat, light) in enumerate(pairs, 1):
            yield Frame(f"frame_{number:06}", heat.values, light, heat.span)
        if number == 0 and offset:
            raise UsageError(f"With --offset {how.offset:g}, the two sources do not overlap in time.")

    count, more = _count(first, second, by, rates, fps, offset, skip)
    return Frames(read(), count, fps, (*odd, *more), max(0.0, offset))


def _streams(ir: Path, vis: Path, how: Pairing) -> tuple[int | None, int | None, tuple[str, ...]]:
    """The picture streams of two sources, None for what is no video, and what is odd about the choice."""
    if ir == vis or (ir.exists() and vis.exists() and ir.samefile(vis)):
        if is_picture_file(ir):
            raise UsageError(f"{shown(ir)} is both the infrared and the visible input: give two different ones.")
        return streams.pick_both(ir, how.ir_stream, how.vis_stream)
    found: list[int | None] = []
    odd: list[str] = []
    sides: tuple[tuple[Path, streams.Side, int | None], ...] = (
        (ir, "ir", how.ir_stream),
        (vis, "vis", how.vis_stream),
    )
    for path, side, given in sides:
        if path.is_dir() or is_picture_file(path):
            if given is not None:
                raise UsageError(f"{shown(path)} is not a video file: leave --{side}-stream out.")
            found.append(None)
            continue
        index, more = streams.pick(path, side, given)
        found.append(index)
        odd += more
    return found[0], found[1], tuple(odd)


def _source(path: Path, stream: int | None, load: LoadOptions, camera: bool, read_file: ReadBytes) -> Source:
    if path.is_dir():
        return FolderFrames(path, load, camera, read_file)
    return StackFile(path, load) if is_picture_file(path) else VideoFile(path, stream, load.nodata)


def _timed(frames: Iterator[tuple[float | None, T]], fps: Fraction) -> Iterator[tuple[float, T]]:
    """Frames with the time that they say, or else that of their number; the first one is at 0."""
    first = None
    for number, (seconds, frame) in enumerate(frames):
        seconds = number / float(fps) if seconds is None else seconds
        first = seconds if first is None else first
        yield seconds - first, frame


def _count(
    first: Source,
    second: Source,
    by: Pair,
    rates: tuple[Fraction | None, Fraction | None],
    fps: Fraction | None,
    offset: float,
    skip: int,
) -> tuple[int | None, tuple[str, ...]]:
    """How many pairs there will be, None where a source does not say, and what is odd about it."""
    a, b = first.count, second.count
    if not a or not b:
        return None, ()
    if by == "frame":
        uneven = f"The infrared video has {counted(a, 'frame')} and the visible one {b}: the shorter one sets the end."
        return max(0, min(a - max(0, -skip), b - max(0, skip))), (uneven,) if a != b else ()
    ir_rate, vis_rate = rates
    assert ir_rate is not None and vis_rate is not None and fps is not None  # or frames go by number
    ends = a / float(ir_rate) + offset, b / float(vis_rate)
    text = (
        f"The infrared frames come {float(ir_rate):.4g} a second and the visible ones {float(vis_rate):.4g}: each is "
        "paired with the one nearest in time (--pair frame pairs by number)."
    )
    odd = [text] if not one_rate(ir_rate, vis_rate) else []
    if abs(ends[0] - ends[1]) > 1 / float(min(ir_rate, vis_rate)):
        odd.append(f"The infrared source ends after {ends[0]:.3g} s and the visible one after {ends[1]:.3g} s: ")
        odd[-1] += "the shorter one sets the end."
    return max(0, round((min(ends) - max(0.0, offset)) * float(fps))), tuple(odd)


class VideoFile:
    """One picture stream of a video file, the first one that moves unless ``stream`` says another.

    ``fps``: its frame rate; ``count``: its frames, None where the file does not say; ``start``: when it begins, in
    seconds of the file's clock.
    """

    def __init__(self, path: Path, stream: int | None = None, nodata: float | None = None) -> None:
        self._av = need("av", "video")
        self._path, self._nodata, self._index = path, nodata, stream
        with self._opened() as container:
            found = streams.chosen(container, path, stream)
            self._index = found.index
            self.fps: Fraction = found.average_rate or found.guessed_rate or Fraction(25)
            self.start: float = float((found.start_time or 0) * found.time_base) if found.time_base else 0.0
            self.count: int | None = found.frames or None
            if self.count is None and container.duration:
                self.count = round(container.duration / self._av.time_base * self.fps) or None

    def heat(self) -> Iterator[tuple[float | None, Heat]]:
        """The infrared frames with their times and holes."""
        for seconds, values in self._infrared():
            yield seconds, Heat(_with_holes(values, self._nodata))

    def light(self) -> Iterator[tuple[float | None, np.ndarray]]:
        """The visible frames with their times, uint8 H×W×3, RGB."""
        convert = self._converter()
        for frame in self._frames():
            yield frame.time, convert(frame, "rgb24")

    def visible(self) -> Iterator[np.ndarray]:
        """The frames as uint8 H×W×3, RGB."""
        return (frame for _, frame in self.light())

    def infrared(self) -> Iterator[np.ndarray]:
        """The frames as H×W: counts of one deep channel as they are, everything else as uint8.

        A video in false colours, by its first frame, is turned back into one channel.
        """
        return (frame for _, frame in self._infrared())

    def _infrared(self) -> Iterator[tuple[float | None, np.ndarray]]:
        convert, colours, first = self._converter(), None, True
        for frame in self._frames():
            if _DEEP_GREY.fullmatch(frame.format.name):
                yield frame.time, frame.to_ndarray()
                continue
            if self._raw and frame.format.name in _BARE_16:
                yield frame.time, streams.counts(frame)
                continue
            if first and not frame.format.name.startswith("gray"):
                rgb = convert(frame, "rgb24")
                colours = find(rgb) if is_coloured(rgb) else None
            first = False
            if colours is not None:
                yield frame.time, invert(convert(frame, "rgb24"), colours.colours)[0]
            else:
                yield frame.time, convert(frame, "gray")

    def _converter(self) -> Callable[[Any, str], np.ndarray]:
        # one for all frames: it keeps its tables
        reformatter = self._av.video.reformatter.VideoReformatter()
        return lambda frame, name: reformatter.reformat(frame, format=name, interpolation=_EXACT).to_ndarray()

    def _frames(self) -> Iterator[Any]:
        with self._opened() as container:
            stream = streams.chosen(container, self._path, self._index)
            stream.thread_type = "AUTO"
            stream.codec_context.options = {"max_pixels": str(DEFAULT.max_pixels)}  # also of sizes that change
            self._raw = stream.codec_context.name == "rawvideo"
            number = 0
            try:
                for frame in container.decode(stream):
                    number += 1
                    yield frame
            except self._av.error.FFmpegError as error:
                if shortage.of_threads(error) or shortage.of_memory(error):
                    raise ImageReadError(f"{shown(self._path)} cannot be decoded: {shortage.sentence(error)}") from None
                raise streams.failure(error, stream, self._path, number) from None

    def _opened(self) -> Any:
        if self._path.exists() and not self._path.is_file():  # FFmpeg would wait for a pipe for ever
            raise ImageReadError(f"{shown(self._path)} is not a regular file: copy the video to a file.")
        container = streams.opened(self._path)
        try:
            stream = streams.chosen(container, self._path, self._index)
            streams.require_decoder(stream, self._path)
            if stream.width * stream.height > DEFAULT.max_pixels:
                raise ImageReadError(
                    f"{shown(self._path)} claims frames of {stream.width}×{stream.height} pixels, but more than "
                    f"{DEFAULT.max_pixels} are refused: scale it down first."
                )
        except DfuseError:
            container.close()
            raise
        return container


def _with_holes(values: np.ndarray, nodata: float | None) -> np.ndarray:
    """A frame as a masked array where it has holes, which are filled; as it is without any."""
    found = holes.find(values, () if nodata is None else (nodata,))
    return values if found is None else np.ma.array(holes.filled(values, found.mask), mask=found.mask)
