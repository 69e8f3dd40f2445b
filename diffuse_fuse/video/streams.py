"""Which of the picture streams of a video file is read: thumbnails never, the one that is asked for, the one that fits.

Drones put a thumbnail before the video, and some recorders both cameras into one file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from diffuse_fuse.errors import DataError, ImageReadError, UsageError
from diffuse_fuse.extras import need
from diffuse_fuse.images.names import shown

Side = Literal["ir", "vis"]

_THUMBNAILS = ("mjpeg", "png", "bmp", "gif", "webp", "tiff")  # codecs of single pictures
_COLOURED = 2.0  # mean spread of R, G, B of 255: below it the pictures of a stream have no colour
_WORDS = {"ir": "infrared", "vis": "visible"}


def opened(path: Path) -> Any:
    """The container of a video file. Raises ImageReadError for what is none."""
    av = need("av", "video")
    try:
        return av.open(str(path), metadata_errors="replace")  # a title need not be UTF-8
    except (av.error.FFmpegError, OSError) as error:
        raise ImageReadError(f"{shown(path)} cannot be read as a video ({error.strerror}).") from None


def pictures(container: Any) -> list[Any]:
    """The video streams of a container without attached pictures and thumbnails of one frame.

    Those with which nothing would be left stay.
    """
    streams = list(container.streams.video)
    moving = [stream for stream in streams if not (_is_attached(stream) or _is_thumbnail(stream, streams))]
    return moving or streams


def chosen(container: Any, path: Path, index: int | None) -> Any:
    """The stream ``index`` (as ffmpeg counts all streams of a file, from 0), or the first of the moving pictures.

    Raises ImageReadError where there are no pictures, UsageError for a stream that is none.
    """
    if not container.streams.video:
        raise ImageReadError(f"{shown(path)} holds no pictures, only sound or data.")
    if index is None:
        return pictures(container)[0]
    for stream in container.streams.video:
        if stream.index == index:
            return stream
    raise UsageError(f"{shown(path)} has no picture stream {index}; it has {listed(container.streams.video)}.")


def listed(streams: Any) -> str:
    """The streams for people: number, codec, size."""
    return ", ".join(_described(stream) for stream in streams)


def pick(path: Path, side: Side, given: int | None) -> tuple[int, tuple[str, ...]]:
    """The stream of a file that is the ``side`` asked for, and what is odd about the choice.

    Of several the one in colour is visible and the one without is infrared; where that does not tell them apart, the
    first is taken. ``given``: the number that the user says.
    """
    with opened(path) as container:
        if given is not None or len(found := pictures(container)) < 2:
            return chosen(container, path, given).index, ()
        text, numbers = listed(found), [stream.index for stream in found]  # the streams end with their container
    fitting = [index for index in numbers if is_grey(path, index) == (side == "ir")]
    index = (fitting or numbers)[0]
    odd = f"{shown(path)} holds {len(numbers)} picture streams ({text}): number {index} is taken as the {_WORDS[side]}"
    return index, (f"{odd} one (--{side}-stream chooses another).",)


def pick_both(path: Path, ir: int | None, vis: int | None) -> tuple[int, int, tuple[str, ...]]:
    """The infrared and the visible stream of one file, and what is odd about the choice.

    Raises DataError where it holds one only, UsageError where it cannot be told which is which.
    """
    with opened(path) as container:
        found = pictures(container)
        for index in (ir, vis):
            if index is not None:
                chosen(container, path, index)
        text, numbers = listed(found), [stream.index for stream in found]  # the streams end with their container
    rest = [index for index in numbers if index not in (ir, vis)]
    if ir is not None and vis is not None:
        if ir == vis:
            raise UsageError(f"--ir-stream and --vis-stream are both {ir}: a stream cannot be fused with itself.")
        return ir, vis, ()
    if len(numbers) < 2 or not rest:
        raise DataError(f"{shown(path)} holds one picture stream: give the other video too.")
    if (ir is not None or vis is not None) and len(rest) > 1:
        raise UsageError(f"{shown(path)} holds {text}: give both --ir-stream and --vis-stream.")
    if ir is not None:
        return ir, rest[0], ()
    if vis is not None:
        return rest[0], vis, ()
    grey = [index for index in rest if is_grey(path, index)]
    if len(rest) != 2 or len(grey) != 1:
        raise UsageError(
            f"{shown(path)} holds {text}, and their colours do not tell which is which: say so with --ir-stream N and "
            "--vis-stream N."
        )
    other = rest[1 - rest.index(grey[0])]
    odd = f"{shown(path)} holds two picture streams: number {grey[0]}, which is grey, is taken as the infrared one and "
    return grey[0], other, (f"{odd}number {other} as the visible one (--ir-stream and --vis-stream say otherwise).",)


def is_grey(path: Path, index: int) -> bool:
    """Whether the first frame of a stream has no colour; False where there is none to see."""
    av = need("av", "video")
    with opened(path) as container:
        stream = chosen(container, path, index)
        if stream.codec_context is None:
            return False
        known = stream.format  # None in a damaged file, where to ask for pix_fmt ends the process before PyAV 18
        if known is not None and known.name.startswith("gray"):
            return True
        try:
            frame = next(container.decode(stream), None)
        except av.error.FFmpegError:
            return False
        if frame is None:
            return False
        small = frame.reformat(width=64, height=48, format="rgb24").to_ndarray().astype(np.int16)
    return float((small.max(axis=2) - small.min(axis=2)).mean()) < _COLOURED


def counts(frame: Any) -> np.ndarray:
    """16 bits a pixel of an uncompressed AVI, which has no name for counts, so that they are taken for RGB555."""
    plane = frame.planes[0]
    rows = np.frombuffer(bytes(plane), "<u2").reshape(plane.height, -1)
    return np.ascontiguousarray(rows[:, : plane.width])


def require_decoder(stream: Any, path: Path) -> None:
    """Raises ImageReadError for a stream that no decoder reads, which is another thing than damage."""
    if stream.codec_context is None:
        raise ImageReadError(
            f"{shown(path)} has a codec that is unknown here: convert it (no decoder of the ffmpeg inside PyAV reads "
            f"its picture stream {stream.index})."
        )


def failure(error: Any, stream: Any, path: Path, frames: int) -> ImageReadError:
    """What an error of ffmpeg's while decoding means, after so many frames."""
    av = need("av", "video")
    lacking = (av.error.PatchWelcomeError, av.error.DecoderNotFoundError, NotImplementedError)
    if isinstance(error, lacking):
        return ImageReadError(
            f"{shown(path)} is of a kind of {stream.codec_context.name} that the ffmpeg inside PyAV does not decode "
            f"({getattr(error, 'strerror', None) or error}): convert it."
        )
    return ImageReadError(f"{shown(path)} is damaged after frame {frames} ({error.strerror}).")


def _is_attached(stream: Any) -> bool:
    from av.stream import Disposition

    disposition = getattr(stream, "disposition", 0)
    return bool(int(disposition) & int(Disposition.attached_pic | Disposition.timed_thumbnails))


def _is_thumbnail(stream: Any, streams: list[Any]) -> bool:
    """A stream of one frame in a picture's codec, beside others of more frames."""
    context = stream.codec_context
    if stream.frames != 1 or context is None or context.name not in _THUMBNAILS:
        return False
    return any(other.index != stream.index and other.frames != 1 for other in streams)


def _described(stream: Any) -> str:
    context = stream.codec_context
    if context is None:
        return f"{stream.index} (unknown codec)"
    return f"{stream.index} ({context.name}, {context.width}×{context.height})"
