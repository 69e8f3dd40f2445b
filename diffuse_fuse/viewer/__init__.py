"""What report.html and the page of ``dfuse serve`` share: the look, and the viewer that compares two pictures.

look.css    colours in light and dark, controls, the stage with its divider
tools.js    elements, selects, the theme
compare.js  two pictures with a divider between them
"""

from __future__ import annotations

from importlib import resources

STYLES = ("look.css",)
SCRIPTS = ("tools.js", "compare.js")


def part(name: str) -> str:
    """The text of one of the files here."""
    return (resources.files("diffuse_fuse.viewer") / name).read_text(encoding="utf-8")
