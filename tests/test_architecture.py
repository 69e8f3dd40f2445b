"""The rooms of the package depend on each other in one direction; docs/architecture.md draws them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "diffuse_fuse"
# each may import what stands before it
ORDER = (
    "arrays", "schema",
    "errors", "luma", "arguments", "shard", "extras", "descriptors", "owners", "files", "spinning",
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


LONGEST, MOST_PARAMETERS, MOST_LINES = 60, 8, 350  # of a function, and lines of a file; a command's options count apart
# what goes beyond, and why it may
EXCEPTIONS = {
    "evaluation/run.py evaluate": "the options of eval, for Python",
    "diffusion/channels.py fill_channels": "a sampler: the paper's symbols by their names",
    "diffusion/consistent.py consistent_sample": "a sampler: the paper's symbols by their names",
    "training/diffusion.py DiffusionTask.__init__": "the options of train diffusion",
    "training/fusion.py FusionTask.__init__": "the options of train fusion",
    "training/student.py StudentTask.__init__": "the options of train student",
}
LONG_FILES = {
    "evaluation/layouts.py": "a table of data sets",
    "fusion/relight.py": "one method",
    "images/load.py": "how a pair becomes two arrays of one size",
    "images/pairs.py": "how names become pairs",
}
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


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a file with its name, methods as Class.method."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for each in ast.iter_child_nodes(node):
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
                within = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
                yield f"{path.relative_to(PACKAGE).as_posix()} {within}{each.name}", each


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    """What a caller gives."""
    every = function.args
    given = [*every.posonlyargs, *every.args, *every.kwonlyargs]
    return given[1:] if given and given[0].arg in ("self", "cls") else given


def is_command(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether its parameters are the options of a command: Typer reads their annotations."""
    told = any("typer" in ast.unparse(arg.annotation) for arg in parameters(function) if arg.annotation)
    return path.parent.name == "cli" and told


def test_functions_are_short_and_take_few_parameters():
    beyond = {
        name
        for path in FILES
        for name, function in functions(path)
        if not is_command(path, function)
        and ((function.end_lineno or 0) - function.lineno >= LONGEST or len(parameters(function)) > MOST_PARAMETERS)
    }
    assert beyond == set(EXCEPTIONS)


def test_files_are_short():
    lines = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in FILES}
    assert {name for name, count in lines.items() if count > MOST_LINES} == set(LONG_FILES)
