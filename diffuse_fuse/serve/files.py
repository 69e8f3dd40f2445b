"""The page's own files, and the headers that keep a page to itself.

All of them are read once and put together: what is in ``diffuse_fuse.viewer``, and what is the service's own. No
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
    found = {
        "": ("text/html", viewer.content("page/page.html")),
        "docs": ("text/html", _text("docs.html").encode()),
        "page.css": ("text/css", viewer.page_style().encode()),
        "page.js": ("text/javascript", viewer.page_script(_text("service.js")).encode()),
        "docs.js": ("text/javascript", viewer.closed([viewer.part("tools.js"), _text("docs.js")]).encode()),
        "icon.svg": ("image/svg+xml", viewer.content("page/icon.svg")),
        **{name: ("image/jpeg", viewer.content(f"page/sample/{name}")) for name in viewer.SAMPLES},
    }
    return {name: PageFile(f"{kind}; charset=utf-8" if "jpeg" not in kind else kind, body)
            for name, (kind, body) in found.items()}  # fmt: skip


def secure(headers: MutableMapping[str, str] | MutableHeaders) -> None:
    """Adds to the headers of an answer what each one has."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


def _text(name: str) -> str:
    return (resources.files("diffuse_fuse.serve") / "page" / name).read_text(encoding="utf-8")
