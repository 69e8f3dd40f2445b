"""MkDocs' hook: adds the pages that are generated from the code, and those that lie outside docs/.

Nothing of it is written into docs/: the pages exist while the site is built.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from site_pages import api, board, commands, examples, links, outside, runs, tables  # noqa: E402

TRY = ROOT / "build" / "try"  # the page that fuses in the browser, where it is built
# A folder in the navigation of mkdocs.yml → its generated pages: address → (title, text)
FOLDERS = {"api/": api.pages, "commands/": commands.pages, "examples/": examples.pages, "tables/": tables.pages}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fills the navigation's folders with their pages, and leaves out what is not there."""
    config.nav = _filled(config.nav)
    placed = {*_titles(config.nav), "index.md"}
    found = (path.relative_to(config.docs_dir).as_posix() for path in sorted(Path(config.docs_dir).rglob("*.md")))
    if more := [page for page in found if page not in placed]:
        config.nav.append({"More": more})  # a page that nobody has placed yet is found all the same
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds every page that is not a file of docs/."""
    made = {address: text for pages in FOLDERS.values() for address, (_, text) in pages().items()}
    made |= outside.pages(ROOT) | {"lab/runs.md": runs.page(ROOT), "leaderboard.md": board.page(ROOT)}
    for address, text in made.items():
        if there := files.get_file_from_path(address):
            files.remove(there)
        files.append(File.generated(config, address, content=text))
    for path in sorted(TRY.rglob("*")) if TRY.is_dir() else ():
        if path.is_file():
            address = f"try/{path.relative_to(TRY).as_posix()}"
            files.append(File.generated(config, address, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between files of the repository, which hold on GitHub → links between pages."""
    titles = {file.src_uri: None for file in files} | _titles(config.nav)
    return links.rewritten(markdown, page.file.src_uri, titles)


def _filled(items: list) -> list:
    filled = []
    for item in items:
        ((title, target),) = item.items()
        if isinstance(target, list):
            filled.append({title: _filled(target)})
        elif target in FOLDERS:
            filled.append({title: [{name: address} for address, (name, _) in FOLDERS[target]().items()]})
        elif not target.startswith("try/") or (TRY / "index.html").is_file():
            filled.append(item)
    return filled


def _titles(items: list) -> dict[str, str | None]:
    """The page of each entry of the navigation → what it is called there; None where its own title serves."""
    found = {}
    for item in items:
        ((title, target),) = item.items() if isinstance(item, dict) else ((None, item),)
        found |= _titles(target) if isinstance(target, list) else {target: title}
    return found
