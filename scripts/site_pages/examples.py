"""The programs of examples/, each on a page of its own."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "examples"


@cache
def pages() -> dict[str, tuple[str, str]]:
    """Address → title and text."""
    made, index = {}, "# Examples\n\nEach is one program of `examples/`, and is tested.\n\n| program | |\n|---|---|\n"
    for path in sorted(FOLDER.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        about = (ast.get_docstring(ast.parse(source)) or path.stem).split("\n")[0]
        text = f'# {path.stem}\n\n{about}\n\n```python title="examples/{path.name}"\n{source}```\n'
        made[f"examples/{path.stem}.md"] = (path.stem, text)
        index += f"| [{path.stem}]({path.stem}.md) | {about} |\n"
    return {"examples/index.md": ("Examples", index), **made}
