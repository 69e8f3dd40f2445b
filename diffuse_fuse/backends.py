"""What runs the network: PyTorch, or onnxruntime, which starts at once and on a CPU is faster."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from diffuse_fuse.arguments import path_of, text, whole
from diffuse_fuse.errors import UsageError
from diffuse_fuse.extras import has
from diffuse_fuse.machine import available_cores
from diffuse_fuse.threads import require

if TYPE_CHECKING:
    from diffuse_fuse.fusion.fuser import Fuser
    from diffuse_fuse.onnx.fuser import OnnxFuser
    from diffuse_fuse.onnx.graphs import OnExport

BACKENDS = ("torch", "onnx")
_MOST_AT_ONCE = 4  # each takes memory of its own


def load_fuser(
    model: str | os.PathLike[str] = "default",
    device: str = "auto",
    threads: int | None = None,
    backend: str = "torch",
    on_export: OnExport | None = None,
    balance: float | str = "auto",
) -> Fuser | OnnxFuser:
    """The fuser of ``model`` on ``backend``: "torch", "onnx", or "auto", see ``choose``; the rest is as for these.

    PyTorch is imported for its own backend only. Raises UsageError for what does not go together, WeightsError for a
    model that cannot be used.
    """
    if threads is not None and whole(threads, "The number of threads", least=1) > 1:
        require(threads)  # OpenMP's runtime would end the process
    name = choose(model, device) if backend == "auto" else backend
    if text(name, "The backend") not in BACKENDS:
        raise UsageError(f"Unknown backend '{backend}': use auto, {' or '.join(BACKENDS)}.")
    if name == "torch":
        if _is_graph(model):
            raise UsageError(f"{model} is an ONNX file: it needs --backend onnx.")
        with _no_garbage():
            from diffuse_fuse.fusion.fuser import Fuser

        return Fuser(model, device, threads, balance)
    if text(device, "The device") not in ("auto", "cpu"):
        raise UsageError(f"The backend onnx runs only on the CPU: use --device cpu, or --backend torch for {device}.")
    from diffuse_fuse.onnx.fuser import OnnxFuser

    return OnnxFuser(model, threads, on_export, balance)


def choose(model: str | os.PathLike[str] = "default", device: str = "auto") -> str:
    """The faster backend: "onnx" for an ONNX file, and on a CPU where the extra is installed; otherwise "torch"."""
    if _is_graph(model):
        return "onnx"
    on_cpu = device == "cpu" or (device == "auto" and not _may_have_gpu())
    return "onnx" if on_cpu and all(map(has, ("onnx", "onnxscript", "onnxruntime"))) else "torch"


def frames_at_once(device: str = "auto", threads: int | None = None) -> tuple[int, int | None]:
    """How many pictures of a series the network should have at once, and how many ``threads`` each.

    On a CPU one a core, up to four: cores that have a picture each never wait for each other. On a GPU one, with the
    threads as they are.
    """
    if device not in ("auto", "cpu") or (device == "auto" and _may_have_gpu()):
        return 1, threads
    cores = threads or available_cores()
    at_once = min(cores, _MOST_AT_ONCE)
    return at_once, cores // at_once


def batches_at_once(device: str, light: bool) -> int:
    """How many batches of pairs a GPU of NVIDIA should have at once, each from a thread; 1 for what is none.

    While one is computed, others are copied, and re-lit on the CPU, which takes longer than a ``light`` network.
    """
    if device not in ("auto", "cuda") or (device == "auto" and shutil.which("nvidia-smi") is None):
        return 1
    return min(available_cores(), _MOST_AT_ONCE) if light else 2


@contextmanager
def _no_garbage() -> Iterator[None]:
    """For imports: PyTorch makes hundreds of thousands of objects, all of which stay, and to look for garbage among
    them again and again is a seventh of the time that it takes to import it. To look through them once afterwards
    takes a tenth of a second: they are set aside for good."""
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looks:
            gc.freeze()
            gc.enable()


def _is_graph(model: str | os.PathLike[str]) -> bool:
    return path_of(model, "The model").suffix.lower() == ".onnx"


def _may_have_gpu() -> bool:
    """A guess without PyTorch: Apple's own processors have one, and NVIDIA's driver brings a program."""
    return (sys.platform == "darwin" and os.uname().machine == "arm64") or shutil.which("nvidia-smi") is not None
