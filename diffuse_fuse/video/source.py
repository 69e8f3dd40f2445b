"""A video file or a folder of frames → arrays, one after the other, never more than one in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from diffuse_fuse.errors import DataError, ImageReadError
from diffuse_fuse.extras import need
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import CAMERA, DEFAULT
from diffuse_fuse.images.pairing import NO_RULES, Rules, pair_sources, why_none
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.thermal import asked_range, cut_to_span, holes, read_thermal
from diffuse_fuse.images.thermal.palette import find, invert, is_coloured

# The exact way from one colour for 2×2 pixels to RGB; ffmpeg's fast one is a level too dark. These are libswscale's
# flags SWS_BILINEAR, SWS_FULL_CHR_H_INT and SWS_ACCURATE_RND by value: PyAV before 18 has no names for the last two.
_EXACT = 0x2 | 0x2000 | 0x40000

# Pixel formats of one channel that hold counts: they keep their values, where others are converted to 8 bits.
_DEEP_GREY = re.compile(r"gray(9|10|12|14|16|f32)(le|be)?")


class Frame(NamedTuple):
    """A pair before anything is done to it: infrared values H×W, visible uint8 H×W×3.

    ir: uint8 grey levels, or a deeper type where they are counts or temperatures; a masked array where there are holes,
    which continue what is around them. span: the values that are to become black and white where the file's camera
    decides, see ``cut_to_span``.
    """

    name: str
    ir: np.ndarray
    vis: np.ndarray
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Frames:
    """The pairs of two sources before anything is done to them.

    pairs: in order; to be gone through once. count: how many there are, None where the files do not say; fps: frames a
    second, None for folders; warnings: what is odd, as sentences.
    """

    pairs: Iterator[Frame]
    count: int | None
    fps: Fraction | None
    warnings: tuple[str, ...] = ()


def open_folders(
    ir: Path, vis: Path | None, rules: Rules = NO_RULES, camera: bool = False, nodata: float | None = None
) -> Frames:
    """Two folders of pictures, or one of both kinds, paired as everywhere; frame_10 comes after frame_9.

    camera: each frame with its camera's span; one without ends the frames in an ImageReadError. nodata: an infrared
    value that means nothing was measured. Raises DataError where none pair.
    """
    found = pair_sources(ir, vis, rules=rules)
    if not found.pairs:
        raise DataError(why_none(ir, vis, found, recursive=True))
    odd, alone = [], len(found.ir_only) + len(found.vis_only)
    if alone:
        odd.append(f"{alone} frame{'s have' if alone > 1 else ' has'} no partner: left out.")
    odd += [f"Left out: {ambiguous}" for ambiguous in found.ambiguous]
    if found.passed_over:
        odd.append(f"{len(found.passed_over)} pictures belong to no pair of frames: passed over.")
    odd += found.notes
    pairs = sorted(found.pairs, key=lambda pair: _natural(pair.relative.name))

    def read() -> Iterator[Frame]:
        for pair in pairs:
            thermal = read_thermal(read_bytes(pair.ir), pair.ir, 1, DEFAULT.max_pixels, nodata)
            span = asked_range(thermal, CAMERA, pair.ir) if camera else cut_to_span(thermal)
            values = thermal.values if thermal.holes is None else np.ma.array(thermal.values, mask=thermal.holes)
            yield Frame(pair.relative.name, values, read_visible(pair.vis), span)

    return Frames(read(), len(pairs), None, tuple(odd))


def open_files(ir: Path, vis: Path, any_rate: bool = False, nodata: float | None = None) -> Frames:
    """Two video files, paired by the number of the frame.

    Raises ImageReadError for a file that is no video, DataError for files of different frame rates unless ``any_rate``.
    """
    first, second = VideoFile(ir), VideoFile(vis)
    if not any_rate and first.fps != second.fps:
        raise DataError(
            f"{shown(ir)} has {float(first.fps):g} frames a second and {shown(vis)} {float(second.fps):g}: if the same "
            "frames belong together all the same, say with --fps how many there are; else convert one."
        )
    counts = [count for count in (first.count, second.count) if count]
    odd: tuple[str, ...] = ()
    if len(counts) == 2 and counts[0] != counts[1]:
        odd = (
            f"The infrared video has {counts[0]} frames and the visible one {counts[1]}: the shorter one sets the end.",
        )

    def read() -> Iterator[Frame]:
        for number, (a, b) in enumerate(zip(first.infrared(), second.visible(), strict=False), 1):
            yield Frame(f"frame_{number:06}", _with_holes(a, nodata), b)

    return Frames(read(), min(counts) if len(counts) == 2 else None, second.fps, odd)


class VideoFile:
    """A video file. ``fps``: its frame rate; ``count``: its frames, None where the file does not say."""

    def __init__(self, path: Path) -> None:
        self._av = need("av", "video")
        self._path = path
        with self._opened() as container:
            stream = container.streams.video[0]
            self.fps: Fraction = stream.average_rate or stream.guessed_rate or Fraction(25)
            self.count: int | None = stream.frames or None
            if self.count is None and container.duration:
                self.count = round(container.duration / self._av.time_base * self.fps) or None

    def visible(self) -> Iterator[np.ndarray]:
        """The frames as uint8 H×W×3, RGB."""
        convert = self._converter()
        for frame in self._frames():
            yield convert(frame, "rgb24")

    def infrared(self) -> Iterator[np.ndarray]:
        """The frames as H×W: counts of one deep channel as they are, everything else as uint8.

        A video in false colours, by its first frame, is turned back into one channel.
        """
        convert, colours, first = self._converter(), None, True
        for frame in self._frames():
            if _DEEP_GREY.fullmatch(frame.format.name):
                yield frame.to_ndarray()
                continue
            if first and not frame.format.name.startswith("gray"):
                rgb = convert(frame, "rgb24")
                colours = find(rgb) if is_coloured(rgb) else None
            first = False
            if colours is not None:
                yield invert(convert(frame, "rgb24"), colours.colours)[0]
            else:
                yield convert(frame, "gray")

    def _converter(self) -> Callable[[Any, str], np.ndarray]:
        # one for all frames: it keeps its tables
        reformatter = self._av.video.reformatter.VideoReformatter()
        return lambda frame, name: reformatter.reformat(frame, format=name, interpolation=_EXACT).to_ndarray()

    def _frames(self) -> Iterator[Any]:
        with self._opened() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.codec_context.options = {"max_pixels": str(DEFAULT.max_pixels)}  # also of sizes that change
            number = 0
            try:
                for frame in container.decode(stream):
                    number += 1
                    yield frame
            except self._av.error.FFmpegError as error:
                raise ImageReadError(
                    f"{shown(self._path)} is damaged after frame {number} ({error.strerror})."
                ) from None

    def _opened(self) -> Any:
        try:
            container = self._av.open(str(self._path), metadata_errors="replace")  # a title need not be UTF-8
        except (self._av.error.FFmpegError, OSError) as error:
            raise ImageReadError(f"{shown(self._path)} cannot be read as a video ({error.strerror}).") from None
        if not container.streams.video:
            container.close()
            raise ImageReadError(f"{shown(self._path)} holds no pictures, only sound or data.")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            container.close()
            raise ImageReadError(f"{shown(self._path)} is damaged, or has a codec that is unknown here: convert it.")
        if stream.width * stream.height > DEFAULT.max_pixels:
            container.close()
            raise ImageReadError(
                f"{shown(self._path)} claims frames of {stream.width}×{stream.height} pixels, and more than "
                f"{DEFAULT.max_pixels} are refused: scale it down first."
            )
        return container


def _with_holes(values: np.ndarray, nodata: float | None) -> np.ndarray:
    """A frame as a masked array where it has holes, which are filled; as it is without any."""
    found = holes.find(values, () if nodata is None else (nodata,))
    return values if found is None else np.ma.array(holes.filled(values, found.mask), mask=found.mask)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers in names by their value."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]
