"""The folder of the page without a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import diffuse_fuse
from diffuse_fuse import models, viewer
from diffuse_fuse.browser.runtime import runtime_files
from diffuse_fuse.errors import ImageWriteError, UsageError
from diffuse_fuse.files import sha256, write_atomically
from diffuse_fuse.fusion import relight
from diffuse_fuse.images import xmp
from diffuse_fuse.images.pairs import IR_NAMES, VIS_NAMES
from diffuse_fuse.images.provenance import DESCRIPTION
from diffuse_fuse.onnx.graphs import OnExport, locate
from diffuse_fuse.onnx.session import Session
from diffuse_fuse.viewer.palettes import palettes

MODELS = ("fast", "tiny")
_OWN = ("worker.js", "pictures.js", "relight.js", "filters.js", "network.js")
_BAND = 1 << 20  # pixels that go through the network at once: more take more memory than a phone's browser gives
_NOTE = "dfuse-note"  # stands in the packet for the note, which the page writes
# Nothing from elsewhere, and nothing that goes there; WebAssembly has to be allowed by name.
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)


def build(
    folder: Path,
    names: Sequence[str] = MODELS,
    runtime: Path | None = None,
    overwrite: bool = False,
    on_export: OnExport | None = None,
) -> dict[str, int]:
    """Writes the page into ``folder``: index.html, and page/ with all it asks for. The bytes of each file by its name.

    names: of students, or paths of their weights. runtime: see ``runtime_files``. overwrite: files of the page that
    are there are replaced, others stay. Raises UsageError for a model that is no student and where a package lacks,
    WeightsError, ImageWriteError for a folder that is not empty or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: name a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise ImageWriteError(f"{folder} is not empty: name another folder, or add --overwrite.")
    for name in names:
        _require_student(name)
    graphs = [locate(name, on_export) for name in names]
    files = {
        "index.html": _page(),
        **{f"page/{name}": data for name, data in _parts().items()},
        **{f"page/{name}": data for name, data in runtime_files(runtime).items()},
    }
    facts = [_facts(name, graph) for name, graph in zip(names, graphs, strict=True)]
    for graph, fact in zip(graphs, facts, strict=True):
        files[f"page/{fact['file']}"] = graph.read_bytes()
    files["page/setup.json"] = json.dumps(_setup(facts), indent=1).encode()
    try:
        for name, data in files.items():
            write_atomically(folder / name, data)
    except OSError as error:
        raise ImageWriteError(f"{folder} cannot be written: {error.strerror or error}.") from None
    return {name: len(data) for name, data in files.items()}


def constants() -> dict[str, float | tuple[float, ...]]:
    """The numbers of ``fusion/relight.py`` by their names without an underscore, as relight.js takes them."""
    own = {name.removeprefix("_"): value for name, value in vars(relight).items()}
    return {name: value for name, value in own.items() if name.isupper() and isinstance(value, (int, float, tuple))}


def _require_student(name: str) -> None:
    card = models.find(models.locate(name))
    if card.kind != "student":
        raise UsageError(f"{name} is too large for a browser: the page takes the small models ({', '.join(MODELS)}).")


def _page() -> bytes:
    """The page, with what the service says in headers."""
    html = viewer.part("page/page.html")
    mark = '<meta charset="utf-8">\n'
    assert mark in html
    return html.replace(mark, f'{mark}<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n').encode()


def _parts() -> dict[str, bytes]:
    return {
        "page.css": viewer.page_style().encode(),
        "page.js": viewer.page_script(_text("local.js")).encode(),
        "icon.svg": viewer.content("page/icon.svg"),
        **{name: viewer.content(f"page/sample/{name}") for name in viewer.SAMPLES},
        **{name: _text(name).encode() for name in _OWN},
    }


def _facts(name: str, graph: Path) -> dict[str, Any]:
    """What the page has to know of a graph."""
    facts = Session(graph, 1).facts
    if facts.size is not None:
        raise UsageError(f"{name} is for pictures of one size: export it with --dynamic.")
    return {
        "name": facts.model,
        "kind": "student",
        "file": f"{facts.model}-{sha256(graph)[:12]}.onnx",  # a new model is a new address: browsers keep files
        "weights": facts.weights,
        "multiple": facts.multiple,
        "reach": facts.reach,
    }


def _setup(facts: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page has to know, as ``serve.listed.setup`` says it, and what only the browser needs."""
    software = f"dfuse {diffuse_fuse.__version__}"
    return {
        "version": diffuse_fuse.__version__,
        "local": True,
        "models": [{**fact, "default": number == 0} for number, fact in enumerate(facts)],
        "metrics": [],
        "palettes": palettes(),
        "can": [],
        "shown": "bmp",
        "bandPixels": _BAND,
        "relight": constants(),
        "names": {"ir": IR_NAMES, "vis": VIS_NAMES},
        "packet": xmp.packet(software, DESCRIPTION, _NOTE).decode(),
        "packetNote": _NOTE,
    }


def _text(name: str) -> str:
    return (resources.files("diffuse_fuse.browser") / "page" / name).read_text(encoding="utf-8")
