"""Arrays → picture files. A file is there whole or not at all, also after Ctrl-C or a full disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from diffuse_fuse.arguments import kind, path_of
from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.files import read_ordinary, write_atomically
from diffuse_fuse.images.encode import BARE, DEEP, ENCODERS, NOTHING, EncodeError
from diffuse_fuse.images.metadata import OutputMetadata, place_for

SUFFIXES = tuple(ENCODERS)


def write_image(path: str | os.PathLike[str], image: np.ndarray, metadata: OutputMetadata | None = None) -> None:
    """Write H×W×3 (RGB) or H×W in the format of the suffix; folders on the way are made.

    uint8 in any format, uint16 as PNG or TIFF. What ``metadata`` holds is written as far as the format can hold it
    (see ``holds_metadata``). An existing file is replaced, in one step and only by a complete picture. The same
    arguments give the same bytes. Raises ImageWriteError for a suffix that is not in SUFFIXES, a picture that the
    format cannot hold, and whatever the file system objects to.
    """
    data = encode_image(path, image, metadata)
    write_bytes(Path(path), data)


def encode_image(path: str | os.PathLike[str], image: np.ndarray, metadata: OutputMetadata | None = None) -> bytes:
    """The bytes that ``write_image`` writes. ``path``: its suffix names the format; nothing is written."""
    path = path_of(path)
    require_suffix(path)
    if not isinstance(image, np.ndarray):
        raise ImageWriteError(f"{path}: only NumPy arrays can be written, not {kind(image)}.")
    if image.dtype not in (np.uint8, np.uint16) or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ImageWriteError(
            f"{path}: only uint8 or uint16 H×W or H×W×3 can be written, not {image.dtype} {image.shape}."
        )
    suffix = path.suffix.lower()
    if image.dtype == np.uint16:
        require_depth(path, 16)
    try:
        return ENCODERS[suffix](image, metadata or NOTHING)
    except EncodeError as error:
        height, width = image.shape[:2]
        raise ImageWriteError(
            f"{path}: a picture of {width}×{height} pixels cannot be stored as {suffix[1:].upper()}: try PNG or TIFF."
        ) from error


def write_world_file(
    path: Path, image: np.ndarray, metadata: OutputMetadata, overwrite: bool = False
) -> tuple[str, ...]:
    """Where a picture lies, as ``path`` with the suffix .wld; without a place nothing, and a sentence that says so.

    Raises ImageWriteError where a file is there that says something else, unless ``overwrite``: nothing in a world file
    tells who wrote it.
    """
    place = place_for(metadata, *image.shape[:2])
    if place is None:
        return ("No .wld was written: the sources have no map position, or the fused picture has another grid.",)
    data, file = place.world_file().encode("ascii"), path.with_suffix(".wld")
    if os.path.lexists(file) and not overwrite and not _holds(file, data):
        raise ImageWriteError(f"{file} exists and gives another position: move it away, or add --overwrite.")
    write_bytes(file, data)
    return ()


def _holds(file: Path, data: bytes) -> bool:
    try:
        return read_ordinary(file) == data
    except OSError:
        return False


def require_depth(path: Path, depth: int) -> None:
    """Raise ImageWriteError unless the format that the suffix of ``path`` names holds ``depth`` bits a channel."""
    if depth > 8 and path.suffix.lower() not in DEEP:
        raise ImageWriteError(
            f"{path}: {path.suffix[1:].upper()} holds 8 bits per channel, not {depth}: use PNG or TIFF."
        )


def holds_metadata(path: str | os.PathLike[str]) -> bool:
    """True when the format that the suffix of ``path`` names can hold metadata; BMP cannot."""
    return Path(path).suffix.lower() not in BARE


def require_suffix(path: Path) -> None:
    """Raise ImageWriteError unless the suffix of ``path`` is one that can be written."""
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        what = f"the suffix {path.suffix} is unknown" if path.suffix else "a suffix is missing"
        raise ImageWriteError(f"{path}: {what}; use one of {known}.")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """``write_atomically`` that raises ImageWriteError with what the file system says."""
    try:
        write_atomically(path, data)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise ImageWriteError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.") from error
