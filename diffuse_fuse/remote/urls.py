"""Addresses of files: which text is one, and how the place of one in a stage is said."""

from __future__ import annotations

import os
import re
from pathlib import Path

from diffuse_fuse.errors import UsageError

MARK = "dfuse-afar-"  # in the name of every stage's folder

TABLE = "table"  # the folder of a stage in which a table lies that names addresses

_LARGEST = 64_000_000  # bytes of a table, see images.table

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/+([^/].*)", re.DOTALL)  # two letters: C:/ is a drive
_PLACE = re.compile(rf"[^\s'\"]*/{MARK}[^/\s]+/([a-z][a-z0-9+.-]+)/")


def url_of(text: str | os.PathLike[str] | None) -> str | None:
    """The address that ``text`` is, also where a ``Path`` has made one slash of two; None for a path of this machine.

    >>> url_of("s3:/bucket/a.png")
    's3://bucket/a.png'
    """
    match = _URL.fullmatch(os.fspath(text)) if text is not None else None
    if match is None or os.path.exists(f"{match[1]}:"):  # a folder of such a name
        return None
    return f"{match[1]}://{match[2]}"


def place_in(root: Path, url: str) -> Path:
    """Where an address has its place below a folder. Raises UsageError for one that leads out of it."""
    scheme, _, rest = url.partition("://")
    parts = [part for part in rest.split("/") if part]
    if ".." in parts or not parts:
        raise UsageError(f"{url} is not the address of a file or folder: write it without '..'.")
    return root.joinpath(scheme, *parts)


def names_urls(manifest: str | os.PathLike[str]) -> bool:
    """Whether a table on this machine may name addresses; False where it is no file, as reading it will say."""
    if not os.path.isfile(manifest) or os.path.getsize(manifest) > _LARGEST:
        return False
    with open(manifest, "rb") as file:
        return b"://" in file.read()


def told(text: str) -> str:
    """``text`` with addresses instead of their places in a stage."""
    return _PLACE.sub(lambda found: "" if found[1] == TABLE else f"{found[1]}://", text) if MARK in text else text
