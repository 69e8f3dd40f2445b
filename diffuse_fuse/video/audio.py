"""The sound of the visible video, copied packet by packet into the new file as its pictures are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.extras import need
from diffuse_fuse.images.names import shown


class Sound:
    """The first sound track of a video file, from ``start`` seconds on.

    Nothing is decoded and no more than a packet is held.
    """

    def __init__(self, path: Path, start: float = 0.0) -> None:
        self._start = start
        av = need("av", "video")
        try:
            self._source = av.open(str(path), metadata_errors="replace")
        except (av.error.FFmpegError, OSError) as error:
            raise ImageReadError(f"{shown(path)} cannot be read as a video ({error.strerror}).") from None
        self._track = next(iter(self._source.streams.audio), None)
        self._target: Any = None
        self._packets: Iterator[Any] = iter(())
        self._waiting: Any = None

    @property
    def is_there(self) -> bool:
        """False for a silent video."""
        return self._track is not None

    def join(self, container: Any) -> None:
        """Adds the track to ``container``, before it is written to. Raises ValueError where it cannot hold it."""
        self._target = container.add_stream_from_template(self._track)
        packets = (packet for packet in self._source.demux(self._track) if packet.dts is not None)
        self._packets = (packet for packet in map(self._moved, packets) if packet.dts >= 0 or not self._start)
        self._waiting = next(self._packets, None)

    def _moved(self, packet: Any) -> Any:
        ticks = round(self._start / packet.time_base) if self._start else 0
        packet.dts -= ticks
        if packet.pts is not None:
            packet.pts -= ticks
        return packet

    def until(self, seconds: float) -> Iterator[Any]:
        """The packets that begin before ``seconds``, those that were given left out."""
        while self._waiting is not None and float(self._waiting.dts * self._waiting.time_base) < seconds:
            packet, self._waiting = self._waiting, next(self._packets, None)
            packet.stream = self._target
            yield packet

    def close(self) -> None:
        """Lets go of the file."""
        self._waiting, self._packets = None, iter(())
        self._source.close()
