"""Where a fused picture comes from: noted in its file, and read back from it.

The note is an XMP packet, which PNG, JPEG, WebP and TIFF carry; see xmp.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diffuse_fuse.images import xmp
from diffuse_fuse.images.container import read_blocks

Side = Literal["ir", "vis"]
JSON = None | bool | int | float | str | list[Any] | tuple[Any, ...] | dict[str, Any]

DESCRIPTION = "Fused from infrared and visible"

_HASH_LENGTH = 64  # of a SHA-256 in hexadecimal


@dataclass(frozen=True)
class Source:
    """One of the two files that were fused. name: without its folder. sha256: of its bytes, in hexadecimal."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """What a fused picture was made of.

    version: of dfuse. model: its name. weights: the SHA-256 of the weights file, in hexadecimal. options: whatever
    else changes the pixels, as JSON can hold it. sources: "ir" and "vis"; twice the same for a file that holds both.
    """

    version: str
    model: str
    weights: str
    options: Mapping[str, JSON]
    sources: Mapping[Side, Source]

    @property
    def software(self) -> str:
        """The program and its version, as files name what made them."""
        return f"dfuse {self.version}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as the note in the file and ``dfuse inspect --json`` hold them."""
        return {
            "version": self.version,
            "model": self.model,
            "weights": self.weights,
            "options": dict(self.options),
            "sources": {side: {"name": found.name, "sha256": found.sha256} for side, found in self.sources.items()},
        }

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that decides about the pixels: names may change, contents may not."""
        sources = {side: source.sha256 for side, source in self.sources.items()}
        decides = {"version": self.version, "weights": self.weights, "options": dict(self.options), "sources": sources}
        return hashlib.sha256(json.dumps(decides, sort_keys=True, allow_nan=False).encode()).hexdigest()


def read_provenance(path: str | os.PathLike[str]) -> Provenance | None:
    """The provenance in a picture file; None when it has none, is no picture, is damaged, or cannot be read.

    Cheap: the pixels are not decoded. The file is not trusted: whatever is not exactly what dfuse writes is none.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            packet = read_blocks(file).xmp if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except (OSError, ValueError):  # ValueError: a NUL byte in the path
        return None
    return from_packet(packet) if packet else None


def provenance_in(data: bytes) -> Provenance | None:
    """``read_provenance`` for the bytes of a file."""
    packet = read_blocks(io.BytesIO(data)).xmp
    return from_packet(packet) if packet else None


def to_packet(provenance: Provenance, more: tuple[xmp.Attribute, ...] = ()) -> bytes:
    """The XMP packet that notes ``provenance``, and ``more``, as far as there is room.

    Raises ValueError for options that JSON cannot hold.
    """
    note = json.dumps(provenance.as_dict(), sort_keys=True, allow_nan=False)
    return xmp.packet(provenance.software, DESCRIPTION, note, more)


def from_packet(packet: bytes) -> Provenance | None:
    """The provenance in an XMP packet, or None."""
    try:
        note = xmp.note_in(packet)
        return _from_dict(json.loads(note)) if note else None
    except (ValueError, RecursionError):
        return None


def _from_dict(note: Any) -> Provenance | None:
    """Only what ``Provenance.as_dict`` gives; None for anything else."""
    if not isinstance(note, dict) or note.keys() != {"version", "model", "weights", "options", "sources"}:
        return None
    options, sources = note["options"], note["sources"]
    if not all(isinstance(note[key], str) for key in ("version", "model")) or not _is_hash(note["weights"]):
        return None
    if not isinstance(options, dict) or not isinstance(sources, dict) or sources.keys() != {"ir", "vis"}:
        return None
    for source in sources.values():
        if not isinstance(source, dict) or source.keys() != {"name", "sha256"}:
            return None
        if not isinstance(source["name"], str) or not _is_hash(source["sha256"]):
            return None
    json.dumps(options, allow_nan=False)  # JSON as Python reads it may hold NaN; that raises ValueError
    return Provenance(
        note["version"],
        note["model"],
        note["weights"],
        options,
        {side: Source(sources[side]["name"], sources[side]["sha256"]) for side in ("ir", "vis")},
    )


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == _HASH_LENGTH and set(value) <= set("0123456789abcdef")


def _without_waiting(path: str, flags: int) -> int:
    """Opening a pipe would wait for somebody who writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
