"""Where the graph of a model is: one's own file, or one that is exported once into the user's cache."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from diffuse_fuse import models
from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import ImageWriteError, WeightsError
from diffuse_fuse.files import sha256
from diffuse_fuse.onnx.facts import VERSION

OnExport = Callable[[str, Path], None]


def locate(model: str | os.PathLike[str], on_export: OnExport | None = None) -> Path:
    """The ONNX file for ``model``: an .onnx file itself, or the graph of weights by name or path.

    The graph of weights lies in the user's cache under their SHA-256; where it does not, it is exported, which needs
    PyTorch and takes half a minute for a large model: ``on_export`` is told before, with the model's name and the
    file. Raises WeightsError for a model that is not there or cannot be exported, UsageError without the extra.
    """
    path = path_of(model, "The model")
    if path.suffix.lower() == ".onnx":
        if not path.is_file():
            raise WeightsError(f"There is no ONNX file {path}: dfuse export -o {path} --dynamic makes one.")
        return path
    weights = models.locate(model)
    import diffuse_fuse

    digest = sha256(weights)
    graph = cache_folder() / f"{weights.stem}-{digest[:16]}-{diffuse_fuse.__version__}-{VERSION}.onnx"
    if not graph.is_file():
        name = models.name_of(weights)
        if on_export:
            on_export(name, graph)
        from diffuse_fuse.onnx.export import export

        try:
            export(weights, graph, None, digest)
        except ImageWriteError as error:
            raise WeightsError(
                f"The graph of {name} cannot be kept ({error}) Make one with dfuse export --dynamic -o {graph.name}, "
                f"and use it with --model {graph.name}."
            ) from None
    return graph


def cache_folder() -> Path:
    """The folder for what can be made again: $XDG_CACHE_HOME/dfuse, or what the system has for it."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "dfuse"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dfuse"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "dfuse" / "Cache"
    return Path.home() / ".cache" / "dfuse"
