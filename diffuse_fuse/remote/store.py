"""One kind of address through fsspec: read, write, list; tried again where the other side fails, then one sentence."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from diffuse_fuse.errors import DataError, ImageReadError, ImageWriteError, UsageError

T = TypeVar("T")

TRIES = 4
FIRST_WAIT = 0.3  # seconds; three times as long each time
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az",
           "http": "http", "https": "http", "sftp": "sftp", "ssh": "sftp"}  # fmt: skip
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})  # an object is there whole or not
_READ_ONLY = frozenset({"http", "https"})
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError)


class Store:
    """The files of one scheme, such as "s3". Addresses are given whole. For any thread."""

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme

    @cached_property
    def _files(self) -> Any:
        """fsspec's file system. Raises UsageError where it knows no such scheme, or lacks a package for it."""
        import fsspec

        try:
            return fsspec.filesystem(self.scheme, use_listings_cache=False, skip_instance_cache=True)
        except ImportError as error:
            extra = _EXTRAS.get(self.scheme)
            how = f"in dfuse's folder, pip install '.[{extra}]'" if extra else "install what fsspec names for it"
            raise UsageError(
                f"{self.scheme}:// needs a package that is not there ({error.name or error}): {how}."
            ) from None
        except ValueError:
            raise UsageError(f"Unknown scheme {self.scheme}://: use s3, gs, az, https or sftp, or a path.") from None

    def require_writable(self, url: str) -> None:
        """Raises UsageError for an output that cannot be one, and for a scheme that nothing is known of."""
        if self.scheme in _READ_ONLY:
            raise UsageError(f"{url} can only be read: name another output.")
        _ = self._files

    def read(self, url: str) -> bytes:
        """All of a file. Raises ImageReadError."""

        def whole() -> bytes:
            size = self._files.info(url).get("size")
            data = self._files.cat_file(url)
            _require_whole(len(data), size)
            return data

        return self._come(url, whole)

    def bring(self, url: str, path: Path) -> None:
        """All of a file to a path here, which is never in memory as a whole: for videos. Raises ImageReadError."""

        def whole() -> None:
            size = self._files.info(url).get("size")
            self._files.get_file(url, os.fspath(path))
            _require_whole(path.stat().st_size, size)

        self._come(url, whole)

    def _come(self, url: str, call: Callable[[], T]) -> T:
        try:
            return _again(call)
        except UsageError:
            raise
        except FileNotFoundError:
            raise ImageReadError(f"There is no file {url}.") from None
        except PermissionError as error:
            raise ImageReadError(f"{url} cannot be read: access is denied ({_said(error)}).") from error
        except Exception as error:
            raise ImageReadError(f"{url} cannot be read, tried {TRIES} times: {_said(error)}.") from error

    def write(self, url: str, data: bytes | Path) -> None:
        """A file, whole or not at all: these bytes, or those of a file here, which may be large. Raises
        ImageWriteError; what was there before is then as it was."""

        def put(target: str) -> None:
            if isinstance(data, Path):
                self._files.put_file(os.fspath(data), target)
            else:
                self._files.pipe_file(target, data)

        def whole() -> None:
            if self.scheme in _WHOLE:
                put(url)
            else:  # under another name first
                folder, _, name = url.rpartition("/")
                self._files.makedirs(folder, exist_ok=True)
                temporary = f"{folder}/.{name}.{secrets.token_hex(4)}.tmp"
                try:
                    put(temporary)
                    self._files.mv(temporary, url)
                finally:
                    if self._files.exists(temporary):
                        self._files.rm_file(temporary)

        try:
            _again(whole)
        except UsageError:
            raise
        except PermissionError as error:
            raise ImageWriteError(f"{url} cannot be written: access is denied ({_said(error)}).") from error
        except FileNotFoundError as error:
            raise ImageWriteError(f"{url} cannot be written: there is no such bucket or folder.") from error
        except Exception as error:
            raise ImageWriteError(f"{url} cannot be written, tried {TRIES} times: {_said(error)}.") from error

    def remove(self, url: str) -> None:
        """Takes a file away, if that can be."""
        try:
            self._files.rm_file(url)
        except Exception:  # it stays
            return

    def kind(self, url: str) -> str | None:
        """ "file" or "folder", or None where there is nothing. Raises DataError where that cannot be found out."""
        if url.endswith("/"):
            return "folder"
        try:
            return {"file": "file", "directory": "folder"}.get(_again(lambda: self._files.info(url))["type"])
        except UsageError:
            raise
        except FileNotFoundError:
            return None
        except Exception as error:
            raise DataError(f"{url} cannot be looked at, tried {TRIES} times: {_said(error)}.") from error

    def listed(self, url: str, recursive: bool = False) -> Iterator[str]:
        """The names of files below a folder, relative to it, in order. Raises DataError."""
        yield from self.sizes(url, recursive)

    def sizes(self, url: str, recursive: bool = True) -> dict[str, int | None]:
        """The names of files below a folder, relative to it, in order, and their bytes. Raises DataError."""
        try:
            found = _again(lambda: self._files.find(url, maxdepth=None if recursive else 1, detail=True))
        except UsageError:
            raise
        except Exception as error:
            raise DataError(f"The folder {url} cannot be read: {_said(error)}.") from error
        root = self._files._strip_protocol(url).rstrip("/") + "/"
        names = {self._files._strip_protocol(key)[len(root) :]: info.get("size") for key, info in sorted(found.items())}
        # a key may be anything
        return {name: size for name, size in names.items() if name and ".." not in name.split("/")}


def _again(call: Callable[[], T]) -> T:
    """``call``, which is tried again after errors that may pass."""
    for wait in (FIRST_WAIT * 3**number for number in range(TRIES - 1)):
        try:
            return call()
        except (*_FINAL, UsageError):
            raise
        except Exception:  # each library has errors of its own for what a network does
            time.sleep(wait)
    return call()


def _require_whole(came: int, size: int | None) -> None:
    if size is not None and came != size:
        raise OSError(f"{came} of {size} bytes came")


def _said(error: Exception) -> str:
    """What a library says, in one line without a full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.rstrip(".")[:200]
