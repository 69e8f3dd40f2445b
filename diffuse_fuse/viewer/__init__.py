"""What report.html and the page share: the look, and the viewer that compares two pictures. And the page itself.

look.css     colours in light and dark, controls, the stage with its divider
tools.js     elements, selects, the theme
compare.js   two pictures with a divider between them
page/        the page that ``dfuse serve`` answers and ``dfuse page`` writes, but for who does the work: the service
             (serve/page/service.js) or the browser (browser/page/local.js)
palettes.py  the palettes that it offers
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

STYLES = ("look.css",)
SCRIPTS = ("tools.js", "compare.js")
_PAGE_STYLES = (*STYLES, "page/page.css")
_PAGE_SCRIPTS = (*SCRIPTS, "page/palettes.js"), ("page/sources.js", "page/page.js")
SAMPLES = ("night_ir.jpg", "night_vis.jpg", "day_ir.jpg", "day_vis.jpg")


def part(name: str) -> str:
    """The text of one of the files here."""
    return content(name).decode("utf-8")


def content(name: str) -> bytes:
    """The bytes of one of the files here."""
    return (resources.files("diffuse_fuse.viewer") / name).read_bytes()


def page_style() -> str:
    """All CSS of the page."""
    return "\n".join(map(part, _PAGE_STYLES))


def page_script(worker: str) -> str:
    """All JavaScript of the page; ``worker`` is the text of the script that has ``fuse``, ``inspect`` and the like."""
    before, after = _PAGE_SCRIPTS
    return closed([*map(part, before), worker, *map(part, after)])


def closed(scripts: Iterable[str]) -> str:
    """Scripts as one, with names of their own."""
    return '"use strict";\n(() => {\n' + "\n".join(scripts) + "\n})();\n"
