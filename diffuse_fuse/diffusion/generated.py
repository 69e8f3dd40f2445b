"""Files of pictures that a model made up: PNG, and labelled so in the file's name and inside the file."""

from __future__ import annotations

from pathlib import Path

from diffuse_fuse.arrays import Array
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images import encode
from diffuse_fuse.images.write import write_bytes

LABEL = "generated, not measured"
_MARK = "generated"


def labelled_path(path: Path) -> Path:
    """``path`` with "generated" in its name and .png at its end: ir.png -> ir-generated.png.

    Raises UsageError for another suffix: the label inside the file is PNG's.
    """
    if path.suffix and path.suffix.lower() != ".png":
        raise UsageError(f"{path}: generated pictures are written as PNG, which can carry their label; use .png.")
    name = path.stem if path.suffix else path.name
    return path.with_name(f"{name}.png" if _MARK in name.lower() else f"{name}-{_MARK}.png")


def write_generated(path: Path, image: Array, how: str) -> None:
    """Writes uint8 H×W or H×W×3 (RGB) as PNG with LABEL and ``how`` (ASCII: command, weights, seed) as its text.

    Raises ImageWriteError as ``write_image`` does.
    """
    write_bytes(path, encode.png(image, text={"Description": LABEL, "Source": how}))
