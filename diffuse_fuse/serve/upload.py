"""A multipart body → its files and fields: bounded, in memory, and with names that are only names."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from diffuse_fuse.images.header import amount
from diffuse_fuse.serve.admission import Take

_MOST_FIELDS = 40
_LARGEST_FIELD = 4096  # bytes
_LONGEST_NAME = 120
_DRAINED_SECONDS = 5.0
_JSON_SECONDS = 10.0


class RefusedError(Exception):
    """A request that is not worked on, with the status that says why and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(frozen=True)
class File:
    """The bytes of an uploaded file, their SHA-256 in hexadecimal, and what the client calls it."""

    name: str
    data: bytes
    sha256: str


@dataclass
class Form:
    """files and fields by the names of their parts."""

    files: dict[str, File] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


class _InMemory(MultiPartParser):
    spool_max_size = 1 << 40  # never onto the disk: the body is bounded before
    ended = False

    def on_end(self) -> None:
        """The last boundary has come."""
        self.ended = True


async def read_form(request: Request, files: Sequence[str], most: int, seconds: float, take: Take) -> Form:
    """The form in the body of a request, whose files may be named ``files``; ``take`` is told of the bytes that come.

    Raises RefusedError for a body of more than ``most`` bytes, one that takes longer than ``seconds``, and one that is
    no multipart form.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise RefusedError(415, "Send a form as multipart/form-data, with the pictures as its files.")
    if _claimed(request) > most:
        raise _too_large(most)
    parser = _InMemory(
        request.headers,
        _bounded(request, most, take),
        max_files=len(files),
        max_fields=_MOST_FIELDS,
        max_part_size=_LARGEST_FIELD,
    )
    try:
        parts = await asyncio.wait_for(parser.parse(), seconds)
    except asyncio.TimeoutError:
        raise RefusedError(408, f"The upload took longer than {seconds:g} seconds.") from None
    except MultiPartException as error:
        raise RefusedError(400, f"The form cannot be read: {error.message.rstrip('.')}.") from None
    except (ValueError, LookupError) as error:  # no boundary, a part's headers that are none
        raise RefusedError(400, f"The form cannot be read: {type(error).__name__}.") from None
    if not parser.ended:
        raise RefusedError(400, "The form is cut off: it lacks its end.")
    return await _sorted(parts.multi_items(), files)


async def read_text(request: Request, most: int) -> bytes:
    """The JSON in the body of a request, of at most ``most`` bytes. Raises RefusedError."""
    if request.headers.get("content-type", "").lower().partition(";")[0].strip() != "application/json":
        raise RefusedError(415, "Send JSON as application/json.")
    if _claimed(request) > most:
        raise _too_large(most)

    async def body() -> bytes:
        return b"".join([chunk async for chunk in _bounded(request, most)])

    try:
        return await asyncio.wait_for(body(), _JSON_SECONDS)
    except asyncio.TimeoutError:
        raise RefusedError(408, f"The upload took longer than {_JSON_SECONDS:g} seconds.") from None


async def drain(request: Request, most: int) -> None:
    """Takes what a client still sends and forgets it: one that is cut off while it sends sees no answer."""
    end, left = time.monotonic() + _DRAINED_SECONDS, most
    try:
        while left > 0 and time.monotonic() < end:
            message = await asyncio.wait_for(request.receive(), end - time.monotonic())
            left -= len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                return
    except (asyncio.TimeoutError, RuntimeError):
        return


def plain_name(name: str | None, fallback: str) -> str:
    """The last part of a client's file name, printable and not too long: only a name, never a path."""
    last = re.split(r"[/\\]", name or "")[-1]
    kept = "".join(char for char in last if char.isprintable()).strip(" .")
    if len(kept) > _LONGEST_NAME:
        stem, dot, suffix = kept.rpartition(".")
        keep = f".{suffix}" if dot and len(suffix) < 8 else ""
        kept = (stem if keep else kept)[: _LONGEST_NAME - len(keep)] + keep
    return kept or fallback


def _claimed(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


async def _bounded(request: Request, most: int, take: Take | None = None) -> AsyncGenerator[bytes, None]:
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if take:
            take(len(chunk))
        if read > most:
            raise _too_large(most)
        yield chunk


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"The request is larger than the {amount(most)} that are allowed.")


async def _sorted(parts: Sequence[tuple[str, str | UploadFile]], files: Sequence[str]) -> Form:
    form = Form()
    for name, value in parts:
        if name in form.files or name in form.fields:
            raise RefusedError(422, f"{_short(name)} is in the form twice.")
        if isinstance(value, str):
            if name in files:
                raise RefusedError(422, f"{name} is a text: send it as a file.")
            form.fields[name] = value
            continue
        if name not in files:
            raise RefusedError(422, f"There is no file {_short(name)}: the files are {' and '.join(files)}.")
        data = await value.read()
        await value.close()
        form.files[name] = File(plain_name(value.filename, name), data, hashlib.sha256(data).hexdigest())
    return form


def _short(name: str) -> str:
    return plain_name(name, "a part without a name")[:40]
