"""Frames that are no video file: the pages of a TIFF, a NumPy array N×H×W, the pictures of a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from diffuse_fuse.errors import DataError, ImageReadError
from diffuse_fuse.images import frames, header
from diffuse_fuse.images.decode import Picture, ReadBytes, read_bytes
from diffuse_fuse.images.names import shown
from diffuse_fuse.images.options import CAMERA, DEFAULT, LoadOptions
from diffuse_fuse.images.pairs import find_pictures
from diffuse_fuse.images.read import read_visible, visible_from_picture
from diffuse_fuse.images.thermal import Thermal, asked_range, cut_to_span
from diffuse_fuse.images.thermal.source import from_picture, read_as
from diffuse_fuse.video.frame import Heat


def is_picture_file(path: Path) -> bool:
    """Whether a file is a picture by its first bytes, such as a TIFF of frames, and no video.

    Raises ImageReadError for a pipe or a device, which would be waited for.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ImageReadError(f"{shown(path)} is not a regular file: copy the video to a file.")
    try:
        with open(path, "rb") as file:
            return header.format_of(file.read(header.LONGEST_START)) is not None
    except OSError:
        return False


class StackFile:
    """A TIFF of several pages or a .npy of several pictures; one page is in memory at a time.

    Raises ImageReadError for a file that holds a single picture.
    """

    fps: Fraction | None = None
    start = 0.0

    def __init__(self, path: Path, load: LoadOptions = DEFAULT) -> None:
        self._path, self._load = path, load
        self.count: int = frames.count(path)
        if self.count < 2:
            raise ImageReadError(f"{shown(path)} is one picture, not a video: use dfuse fuse.")

    def heat(self) -> Iterator[tuple[float | None, Heat]]:
        """The infrared frames."""
        for picture in self._pictures():
            load = self._load
            yield None, Heat.of(from_picture(picture, self._path, load.nodata, load.palette, load.thermal_unit))

    def light(self) -> Iterator[tuple[float | None, np.ndarray]]:
        """The visible frames, uint8 H×W×3."""
        for picture in self._pictures():
            yield None, visible_from_picture(picture, self._path)

    def _pictures(self) -> Iterator[Picture]:
        return frames.read(self._path, DEFAULT.max_pixels)


class FolderFrames:
    """The pictures of a folder in the order of the numbers in their names, for a partner that is no folder."""

    fps: Fraction | None = None
    start = 0.0

    def __init__(
        self, folder: Path, load: LoadOptions = DEFAULT, camera: bool = False, read_file: ReadBytes = read_bytes
    ) -> None:
        self._files = sorted(find_pictures(folder), key=lambda path: natural(path.name))
        self._load, self._camera, self._read_file = load, camera, read_file
        self.count: int = len(self._files)
        if not self._files:
            raise DataError(f"There are no pictures in {shown(folder)}.")

    def heat(self) -> Iterator[tuple[float | None, Heat]]:
        """The infrared frames."""
        for path in self._files:
            yield None, read_heat(path, self._load, self._camera, self._read_file)

    def light(self) -> Iterator[tuple[float | None, np.ndarray]]:
        """The visible frames, uint8 H×W×3."""
        for path in self._files:
            yield None, read_visible(path, read_file=self._read_file)


def read_heat(path: Path, load: LoadOptions, camera: bool, read_file: ReadBytes = read_bytes) -> Heat:
    """An infrared picture file as a frame; camera: with its camera's span, an ImageReadError where it has none."""
    thermal: Thermal = read_as(read_file(path), path, load)
    return Heat.of(thermal, asked_range(thermal, CAMERA, path) if camera else cut_to_span(thermal))


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers in names by their value."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]
