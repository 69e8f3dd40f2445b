"""The page's own files, and the headers that keep a page to itself.

All of them are read once and put together: the viewer of ``diffuse_fuse.viewer``, then what is the page's own. No
request names a file of the disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from diffuse_fuse import viewer

if TYPE_CHECKING:
    from starlette.datastructures import MutableHeaders

_OWN_STYLES = ("page.css",)
_OWN_SCRIPTS = ("palettes.js", "service.js", "sources.js", "page.js")
_SAMPLES = ("night_ir.jpg", "night_vis.jpg", "day_ir.jpg", "day_vis.jpg")

# Nothing from elsewhere, no frame around it; pictures are blobs, and the palettes' filters are in the page itself.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True)
class PageFile:
    """One file as it is answered; etag: of its content."""

    content_type: str
    body: bytes

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:24]}"'


@cache
def page_files() -> dict[str, PageFile]:
    """Every file of the page by the last part of its address; "" is the page."""
    style = "\n".join([*map(viewer.part, viewer.STYLES), *(_text(name) for name in _OWN_STYLES)])
    scripts = [*map(viewer.part, viewer.SCRIPTS), *(_text(name) for name in _OWN_SCRIPTS)]
    found = {
        "": ("text/html", _text("page.html").encode()),
        "docs": ("text/html", _text("docs.html").encode()),
        "page.css": ("text/css", style.encode()),
        "page.js": ("text/javascript", _closed(scripts)),
        "docs.js": ("text/javascript", _closed([viewer.part("tools.js"), _text("docs.js")])),
        "icon.svg": ("image/svg+xml", _text("icon.svg").encode()),
        **{name: ("image/jpeg", _bytes(f"sample/{name}")) for name in _SAMPLES},
    }
    return {name: PageFile(f"{kind}; charset=utf-8" if "jpeg" not in kind else kind, body)
            for name, (kind, body) in found.items()}  # fmt: skip


def secure(headers: MutableMapping[str, str] | MutableHeaders) -> None:
    """Adds to the headers of an answer what each one has."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


def _closed(scripts: list[str]) -> bytes:
    """Scripts as one, with names of their own."""
    return ('"use strict";\n(() => {\n' + "\n".join(scripts) + "\n})();\n").encode()


def _text(name: str) -> str:
    return _bytes(name).decode("utf-8")


def _bytes(name: str) -> bytes:
    return (resources.files("diffuse_fuse.serve") / "page" / name).read_bytes()
