"""What holds on GitHub → what holds on the site: links between files, and bars within code within tables."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

# Pages whose file does not lie in docs/: the file in the repository → the page
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "weights/README.md": "weights.md",
    "weights/layout.md": "layout.md",
}
_FILES = {page: file for file, page in PAGES.items()}
_LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
_CODE = re.compile(r"`[^`]+`")
_FENCE = re.compile(r"^\s*(```|~~~)")


def page_of(file: str) -> str:
    """The page that shows a file of the repository: ``docs/video.md`` → ``video.md``."""
    if file in PAGES:
        return PAGES[file]
    if file.startswith("examples/") and file.endswith(".py"):
        return file.removesuffix(".py") + ".md"
    return file.removeprefix("docs/") if file.startswith("docs/") else file


def rewritten(markdown: str, page: str, titles: Mapping[str, str | None]) -> str:
    """The text of ``page`` with links that lead to pages where those of the repository lead to files.

    titles: of every page and file that there is, None for one without. A link that already leads to a page, as those of
    generated pages do, stays. A link that is called by its file's path is called by its page's title.
    """
    file = _FILES.get(page, f"docs/{page}")
    folder = posixpath.dirname(page)

    def one(found: re.Match[str]) -> str:
        text, target, anchor = found["text"], found["target"], found["anchor"] or ""
        wanted = posixpath.normpath(posixpath.join(folder, target))
        if wanted not in titles or page in _FILES:
            wanted = page_of(posixpath.normpath(posixpath.join(posixpath.dirname(file), target)))
        if text.endswith(".md") and target.endswith(text.removeprefix("../")):
            text = titles.get(wanted) or text
        return f"[{text}]({posixpath.relpath(wanted, folder or '.')}{anchor})"

    lines, fenced = [], False
    for line in markdown.split("\n"):
        fenced ^= bool(_FENCE.match(line))
        if not fenced:
            line = _LINK.sub(one, line)
            if line.startswith("|"):  # GitHub wants a bar escaped there, and Python's Markdown shows the backslash
                line = _CODE.sub(lambda code: code[0].replace(r"\|", "|"), line)
        lines.append(line)
    return "\n".join(lines)
