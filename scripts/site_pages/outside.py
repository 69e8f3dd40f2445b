"""The pages whose files GitHub wants at the root of the repository, and the model card beside the weights."""

from __future__ import annotations

from pathlib import Path

from site_pages.links import PAGES


def pages(root: Path) -> dict[str, str]:
    """Address → text."""
    texts = {page: (root / file).read_text(encoding="utf-8") for file, page in PAGES.items()}
    return texts | {"index.md": f"---\nhide: [navigation]\n---\n{texts['index.md']}"}
