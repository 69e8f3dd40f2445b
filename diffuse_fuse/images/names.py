"""Names of files: which ones are pictures, and how a name is shown in a message."""

from __future__ import annotations

import os

from diffuse_fuse.errors import one_line

# What counts as a picture when a folder is searched. A file named on the command line is judged by its
# content.
SUFFIXES = frozenset({
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".jp2", ".j2k",
    ".pgm", ".ppm", ".pnm", ".pbm", ".npy", ".rjpg", ".rjpeg", ".fff", ".seq", ".csq", ".irg",
})  # fmt: skip

# Files of numbers, which stand for a picture in a folder where no other file has their name: cameras' programs write
# them beside the pictures.
NUMBERS = frozenset({".csv", ".raw", ".bin", ".dat"})
RAW_SUFFIXES = NUMBERS - {".csv"}


def is_picture_name(name: str) -> bool:
    """True for a visible file name with a picture's suffix: not ``Thumbs.db``, nor macOS' ``._photo.jpg``."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES


def is_headerless(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of numbers without a header, by its name: its content tells nothing."""
    return os.path.splitext(os.fspath(path))[1].lower() in RAW_SUFFIXES


def shown(path: str | os.PathLike[str]) -> str:
    """A path as one line that every terminal can print: control characters and bytes that are no text as escapes."""
    return one_line(os.fspath(path))
