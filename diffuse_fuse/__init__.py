"""dfuse: infrared and visible into one colour picture, with the features of a diffusion model.

>>> from diffuse_fuse import Fuser
>>> fused = Fuser().fuse("ir.png", "vis.png")  # uint8, H x W x 3, RGB

Importing this package loads nothing heavy; the names below are loaded when they are first used.
"""

from __future__ import annotations

from diffuse_fuse import descriptors, spinning

# As typing's, which takes longer to import than all else that comes before the command can answer Ctrl-C.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from diffuse_fuse.errors import DfuseError
    from diffuse_fuse.evaluation import evaluate
    from diffuse_fuse.fusion.fuser import Fuser, fuse

descriptors.open_closed()  # before anything opens a file, which would get the descriptor of a closed stream
spinning.bound()  # before any module of the package imports PyTorch, which reads it once

__version__ = "0.1.0"

__all__ = ["DfuseError", "Fuser", "__version__", "evaluate", "fuse"]

_HOME = {
    "DfuseError": "diffuse_fuse.errors",
    "evaluate": "diffuse_fuse.evaluation",
    "Fuser": "diffuse_fuse.fusion.fuser",
    "fuse": "diffuse_fuse.fusion.fuser",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'diffuse_fuse' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
