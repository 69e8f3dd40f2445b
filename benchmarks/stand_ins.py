"""Stand-ins for packages that ``gpu.py`` has no need of but dfuse imports: on a machine with a GPU, and without much
else, the repository then runs as it is. Where a package is installed, nothing is done.

safetensors is read and written by the few lines that its format takes; of the others only the names are there.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_NAMES_ONLY = ("PIL", "tifffile", "scipy", "skimage", "rich", "typer")
_TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "U8": "uint8"}


def put_in() -> None:
    """Make what is missing importable."""
    missing = {name for name in _NAMES_ONLY if find_spec(name) is None}
    if missing:
        sys.meta_path.append(_Names(missing))
    if find_spec("safetensors") is None:
        _put_in_safetensors()


class _Names(MetaPathFinder, Loader):
    """Finds modules of some packages, in which every name is a class that nothing is an instance of."""

    def __init__(self, packages: set[str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] in self._packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__path__ = []


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Anything,), {})


class _Anything:
    """Takes any arguments, is empty and its own context; what it is asked for does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> _Anything:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything()

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __call__(self, *_: Any, **__: Any) -> _Anything:
        return _Anything()


class SafetensorError(Exception):
    """A file that is none."""


class _File:
    """``safetensors.safe_open`` of a whole file."""

    def __init__(self, path: str | Path | bytes, framework: str = "pt") -> None:
        self._data = path if isinstance(path, bytes) else Path(path).read_bytes()
        try:
            (length,) = struct.unpack("<Q", self._data[:8])
            self._header = json.loads(self._data[8 : 8 + length])
        except (struct.error, ValueError) as error:
            raise SafetensorError(str(error)) from error
        self._meta, self._start = self._header.pop("__metadata__", {}), 8 + length

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def metadata(self) -> dict[str, str]:
        return self._meta

    def keys(self) -> list[str]:
        return list(self._header)

    def get_tensor(self, key: str) -> Any:
        import torch

        entry = self._header[key]
        start, stop = (self._start + offset for offset in entry["data_offsets"])
        dtype = getattr(torch, _TYPES[entry["dtype"]])
        return torch.frombuffer(bytearray(self._data[start:stop]), dtype=dtype).reshape(entry["shape"])


def _load(data: bytes) -> dict[str, Any]:
    file = _File(data)
    return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dictionary)


def _save(tensors: dict[str, Any], metadata: dict[str, str] | None = None) -> bytes:
    import torch

    header: dict[str, Any] = {"__metadata__": metadata or {}}
    kinds = {getattr(torch, name): kind for kind, name in _TYPES.items()}
    parts, at = [], 0
    for key, tensor in tensors.items():
        data = tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
        header[key] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def _put_in_safetensors() -> None:
    whole, of_torch = ModuleType("safetensors"), ModuleType("safetensors.torch")
    whole.SafetensorError, whole.safe_open = SafetensorError, _File
    of_torch.save, of_torch.load = _save, _load
    whole.torch = of_torch
    sys.modules |= {"safetensors": whole, "safetensors.torch": of_torch}
