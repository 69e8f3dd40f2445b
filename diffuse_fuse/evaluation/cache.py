"""What was computed already: one line of JSON a result, appended as it comes, so that nothing is lost by a stop.

Keys are made of contents, not of names and dates: the three pictures, the convention and the code that computed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from diffuse_fuse import owners
from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.files import read_ordinary, sha256

NAME = "cache.jsonl"
_PART = re.compile(r"\.cache\.(.+)-[0-9a-f]{6}\.jsonl")


class Cache:
    """Metric values, and checksums of fused pictures, kept in ``folder/cache.jsonl``; in memory without a folder.

    part: several processes fill one folder, maybe on several machines, so this one adds to a hidden file of its own.
    All files are read; one that is no part takes what ended processes have added into its own.

    A last line that was cut off by a stop is ignored. Raises ImageWriteError when the file cannot be used, or is not
    one of an evaluation.
    """

    def __init__(self, folder: Path | None, part: bool = False) -> None:
        self._path = folder / NAME if folder else None
        self._values: dict[str, dict[str, float]] = {}
        self._pictures: dict[str, str] = {}
        self._made: set[str] = set()
        if self._path is None:
            return
        if self._path.exists():
            self._read(self._path)
        parts = _parts(self._path.parent)
        for path in parts:
            self._read(path)
        if part:
            self._path = self._path.with_name(f".cache.{owners.mark()}-{secrets.token_hex(3)}.jsonl")
        else:
            self._take_in(parts)

    def values(self, key: str, names: Iterable[str]) -> dict[str, float] | None:
        """The values of these metrics, or None unless all of them are there."""
        known = self._values.get(key, {})
        names = list(names)
        return {name: known[name] for name in names} if all(name in known for name in names) else None

    def add_values(self, key: str, values: Mapping[str, float]) -> None:
        """Remember values; others under the same key stay."""
        self._values.setdefault(key, {}).update(values)
        self._append({"key": key, "values": dict(values)})

    def picture(self, key: str) -> str | None:
        """The sha256 of the file that was fused for this key."""
        return self._pictures.get(key)

    def made(self, path: Path) -> bool:
        """True when ``path`` holds, byte for byte, what an evaluation wrote into the folder."""
        try:
            return bool(self._made) and path.is_file() and sha256(path) in self._made
        except OSError:
            return False

    def add_file(self, name: str, data: bytes) -> None:
        """Remember ``data``, which is about to be written as the file ``name``; see ``made``."""
        self.add_picture(f"file {name}", hashlib.sha256(data).hexdigest())

    def add_picture(self, key: str, digest: str) -> None:
        """Remember what was fused, before it is written: whatever is killed when, ``made`` knows the file."""
        if self._pictures.get(key) == digest:
            return
        self._pictures[key] = digest
        self._made.add(digest)
        self._append({"key": key, "picture": digest})

    def _append(self, entry: dict) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # the newline comes first: after a cut-off line the next one is whole again
            with open(self._path, "a", encoding="utf-8") as file:
                file.write("\n" + json.dumps(entry))
        except OSError as error:
            raise ImageWriteError(f"{self._path} cannot be written: {error.strerror or error}.") from error

    def _take_in(self, parts: Iterable[Path]) -> None:
        """Adds what parts hold whose processes have ended, and removes these."""
        if self._path is None:
            return
        for path in parts:
            named = _PART.fullmatch(path.name)
            if named is None or owners.may_be_at_work(named[1], path):
                continue
            with contextlib.suppress(OSError):  # it stays, and is read again the next time
                data = path.read_bytes()
                with open(self._path, "ab") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()

    def _read(self, path: Path) -> None:
        try:
            lines = read_ordinary(path).decode("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return  # a part that somebody else has taken in
        except OSError as error:
            raise ImageWriteError(f"{path} cannot be read: {error.strerror or error}.") from error
        if any(lines) and lines[0]:  # every line of its own begins with a newline, see _append
            raise ImageWriteError(f"{path} exists and was not written by dfuse: move it away.")
        for line in lines:
            try:
                entry = json.loads(line)
                key = entry["key"]
                if "values" in entry:
                    values = {str(name): float(value) for name, value in entry["values"].items()}
                    self._values.setdefault(key, {}).update(values)
                else:
                    self._pictures[key] = str(entry["picture"])
                    self._made.add(self._pictures[key])
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
                continue


def _parts(folder: Path) -> list[Path]:
    """What processes that fill the folder together have added."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: a NUL byte in the path, which is said when it is made
        return sorted(path for path in folder.iterdir() if _PART.fullmatch(path.name))
    return []


def make_key(*parts: str) -> str:
    """One short key for several long ones."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


@lru_cache
def code_version(*packages: str) -> str:
    """A checksum of the Python files of packages: results of older code are not taken for those of newer code."""
    digest = hashlib.sha256()
    for package in packages:
        module = import_module(package)
        file = Path(module.__file__ or "")
        sources = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
        for source in sources:
            digest.update(os.fsencode(source.relative_to(file.parent)))
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
