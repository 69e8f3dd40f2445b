"""Frames → a video file or a folder of pictures, each whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from diffuse_fuse.errors import ImageWriteError, UsageError
from diffuse_fuse.extras import need
from diffuse_fuse.files import temporary_path
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.write import write_image
from diffuse_fuse.video.audio import Sound

SUFFIXES = (".mp4", ".mkv", ".mov", ".webm", ".avi")
CODEC, CRF = "libx264", 18
_CODECS = {".webm": "libvpx-vp9"}  # for suffixes that cannot hold the usual one
_WITH_CRF = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "libaom-av1")
# x264 does its fastest useful work here: half the time of its own default for a twentieth more bytes.
_PRESETS = {"libx264": "veryfast", "libx265": "veryfast", "libsvtav1": "10"}
_BT709 = 1  # the number that H.273 gives to its primaries, transfer and matrix
_LIMITED = 1  # 16 to 235: what players take for granted


class Sink(Protocol):
    """Where frames go. ``close`` finishes the output with the frames that it has, ``drop`` leaves none."""

    def write(self, name: str, frame: np.ndarray) -> None: ...

    def close(self) -> None: ...

    def drop(self) -> None: ...


class VideoSink:
    """A video file, written under a hidden name and renamed when it is closed.

    ``codec`` (None: H.264, or what the suffix can hold) and ``crf`` (quality, lower is better; None: 18 where the codec
    has it) are ffmpeg's. ``sound`` is mixed
    in along the way. Sides of odd length get one more row or column, a copy of the last: the usual pixel format has one
    colour for 2×2 pixels. Raises UsageError for a codec or suffix that cannot be used, ImageWriteError for what the
    file system says.
    """

    def __init__(
        self, path: Path, fps: Fraction, codec: str | None = None, crf: int | None = None, sound: Sound | None = None
    ) -> None:
        self._av = need("av", "video")
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{path}: a video has one of the suffixes {', '.join(SUFFIXES)}; a folder has none.")
        codec = codec or _CODECS.get(path.suffix.lower(), CODEC)
        if crf is not None and codec not in _WITH_CRF:
            raise UsageError(f"The codec {codec} has no --crf: leave it out, or use one of {', '.join(_WITH_CRF)}.")
        try:
            self._pixels = _pixel_format(self._av.codec.Codec(codec, "w"))
        except (ValueError, TypeError):
            raise UsageError(f"There is no video encoder '{codec}' here: use libx264, libx265 or ffv1.") from None
        self._path, self._fps, self._codec, self._crf, self._sound = path, fps, codec, crf, sound
        self._hidden = temporary_path(path, path.suffix)  # ffmpeg takes the format from the suffix
        self._reformatter = self._av.video.reformatter.VideoReformatter()
        self._container: Any = None
        self._stream: Any = None
        self._count = 0
        self.padded = False  # True once a frame had a side of odd length

    def write(self, name: str, frame: np.ndarray) -> None:
        """The next frame, uint8 H×W×3 RGB; ``name`` is for folders."""
        height, width = frame.shape[:2]
        if height % 2 or width % 2:
            frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            self.padded = True
        if self._container is None:
            self._open(*frame.shape[:2])
        picture = self._av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture = self._reformatter.reformat(picture, format=self._pixels, dst_colorspace="ITU709")
        picture.pts = self._count
        self._mux(self._stream.encode(picture))
        self._count += 1
        if self._sound:
            self._mux(self._sound.until(float(self._count / self._fps)))

    def close(self) -> None:
        """Writes what the encoder still holds, and gives the file its name; without a frame there is no file."""
        if self._container is None:
            return
        self._mux(self._stream.encode(None))
        self._end()
        try:
            os.replace(self._hidden, self._path)
        except OSError as error:
            raise ImageWriteError(f"{shown(self._path)} cannot be written: {error.strerror or error}.") from error

    def drop(self) -> None:
        """Leaves no file."""
        with contextlib.suppress(ImageWriteError):
            self._end()
        with contextlib.suppress(OSError):
            self._hidden.unlink()

    def _open(self, height: int, width: int) -> None:
        options = {"movflags": "+faststart"} if self._path.suffix.lower() in (".mp4", ".mov") else {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageWriteError(f"{shown(self._path)} cannot be written: {error.strerror or error}.") from error
        try:
            self._container = self._av.open(str(self._hidden), "w", options=options)
            self._stream = stream = self._container.add_stream(self._codec, rate=self._fps, options=self._options())
            stream.width, stream.height, stream.pix_fmt = width, height, self._pixels
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            context.color_range = _LIMITED
            if self._sound:
                self._sound.join(self._container)
            self._container.start_encoding()
        except (self._av.error.FFmpegError, ValueError, OSError) as error:
            text = getattr(error, "strerror", None) or error
            silent = " (--no-sound leaves out the sound, which not every format can hold)" if self._sound else ""
            raise ImageWriteError(
                f"{shown(self._path)} cannot be written with {self._codec} at {width}×{height}: {text}{silent}."
            ) from error

    def _options(self) -> dict[str, str]:
        options = {"preset": _PRESETS[self._codec]} if self._codec in _PRESETS else {}
        if self._codec in _WITH_CRF:
            options["crf"] = str(CRF if self._crf is None else self._crf)
        if self._codec == "libx265":
            options["x265-params"] = "log-level=error"  # it writes to stderr by itself
        if self._codec == "libvpx-vp9":  # it takes crf for a limit otherwise
            options |= {"b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
        return options

    def _mux(self, packets: Any) -> None:
        try:
            for packet in packets:
                self._container.mux(packet)
        except (self._av.error.FFmpegError, OSError) as error:
            text = getattr(error, "strerror", None) or error
            raise ImageWriteError(f"{shown(self._path)} cannot be written: {text}.") from error

    def _end(self) -> None:
        container, self._container = self._container, None
        if self._sound:
            self._sound.close()
        if container is not None:
            try:
                container.close()
            except (self._av.error.FFmpegError, OSError) as error:
                text = getattr(error, "strerror", None) or error
                raise ImageWriteError(f"{shown(self._path)} cannot be written: {text}.") from error


def nothing(path: Path) -> None:
    """What becomes of a file that stays where it is."""


class FolderSink:
    """A folder of PNG files, one a frame, by the frame's name. ``sent``: called with each file that is whole."""

    padded = False

    def __init__(self, folder: Path, sent: Callable[[Path], None] = nothing) -> None:
        self._folder, self._sent = folder, sent

    def write(self, name: str, frame: np.ndarray) -> None:
        """The frame ``name``, uint8 H×W×3 RGB."""
        path = self._folder / f"{name}.png"
        write_image(path, frame)
        self._sent(path)

    def close(self) -> None:
        """Nothing is left to do."""

    def drop(self) -> None:
        """The frames that are there are whole: they stay."""


def is_folder(out: Path, text: str) -> bool:
    """Whether the output ``text`` means a folder of frames: it is one, ends like one, or has no suffix."""
    return out.is_dir() or text.endswith(("/", os.sep)) or not out.suffix


def _pixel_format(codec: Any) -> str:
    """yuv420p, which every player shows, or the first one that the codec has."""
    if codec.type != "video":
        raise ValueError
    names = [each.name for each in codec.video_formats or ()]
    return "yuv420p" if "yuv420p" in names or not names else names[0]
