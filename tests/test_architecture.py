"""The rooms of the package depend on each other in one direction; docs/architecture.md draws them."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "diffuse_fuse"
# each may import what stands before it
ORDER = (
    "arrays",
    "errors", "luma", "arguments", "shard", "extras", "descriptors", "owners", "files", "outputs", "spinning",
    "machine", "shortage", "threads", "checkpoint", "models", "metrics", "images", "remote", "cluster", "journal",
    "metrics_file", "alignment", "networks", "diffusion", "fusion", "onnx", "backends", "bench", "batch", "video",
    "viewer", "evaluation", "training", "serve", "browser", "cli", "__main__",
)  # fmt: skip
ROOT_MODULE = "__init__"  # gives the public names; nobody inside imports from it, but for the version


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[tuple[str, str]]:
    """(room, name) of all that a file imports from the package, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "diffuse_fuse":
            parts = node.module.split(".")
            found |= {(parts[1] if len(parts) > 1 else alias.name, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {(name[1], name[-1]) for name in names if name[0] == "diffuse_fuse" and len(name) > 1}
    return found


FILES = sorted(path for path in PACKAGE.rglob("*.py") if room_of(path) != ROOT_MODULE)


def test_every_room_has_its_place():
    assert {room_of(path) for path in FILES} == set(ORDER)


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_only_from_rooms_before_it(room):
    allowed = {*ORDER[: ORDER.index(room) + 1], "__version__"}
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name} of {other}"
        for path in FILES
        if room_of(path) == room
        for other, name in imports(path)
        if other not in allowed
    ]
    assert not wrong
