"""Weights in and out: safetensors files that carry their own configuration.

A file holds the tensors and, in its header, one JSON object under the key "dfuse": format version, kind
("diffusion", "fusion" or "student"), configuration and card. Nothing in such a file is ever executed. Training states
(optimiser and all) are another thing: see ``training.state``.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as tensors_of
from safetensors.torch import save as tensors_to_bytes
from torch import nn

from diffuse_fuse.errors import WeightsError
from diffuse_fuse.files import sha256 as sha256
from diffuse_fuse.files import write_atomically

VERSION = 1
_LARGEST, _LONGEST, _DEEPEST = 1 << 16, 32, 2  # of a configuration's numbers, lists and names, and dictionaries inside
_REAL_NUMBERS = ("noise_limit",)
KINDS = ("diffusion", "fusion", "student")


@dataclass(frozen=True)
class Weights:
    """What a weights file holds: kind, configuration, card, tensors (float32); sha256: of the bytes that were read."""

    kind: str
    config: dict[str, Any]
    card: dict[str, Any]
    tensors: dict[str, torch.Tensor]
    sha256: str = ""


def save_weights(path: Path | str, weights: Weights, dtype: torch.dtype = torch.float16) -> None:
    """Writes ``weights`` atomically: the file is whole or not there. Tensors are stored as ``dtype``."""
    if weights.kind not in KINDS:
        raise WeightsError(f"Cannot save weights of the unknown kind '{weights.kind}'.")
    header = {"version": VERSION, "kind": weights.kind, "config": weights.config, "card": weights.card}
    tensors = {k: v.detach().to("cpu", dtype).contiguous() for k, v in sorted(weights.tensors.items())}
    write_atomically(Path(path), tensors_to_bytes(tensors, {"dfuse": json.dumps(header, sort_keys=True)}))


def load_weights(path: Path | str, kind: str | tuple[str, ...] | None = None) -> Weights:
    """Reads a weights file, once: its hash is that of the very bytes that the tensors come from.

    ``kind`` asks for one of ``KINDS``, or for one of several. Raises WeightsError when the file is missing, no
    safetensors file, none of dfuse's, of a newer version or of another kind.
    """
    path = Path(path)
    read_header(path)  # so that nothing large is read that is no weights file
    try:
        data = path.read_bytes()
        (length,) = struct.unpack_from("<Q", data)
        header = _checked(json.loads(data[8 : 8 + length]).get("__metadata__") or {}, path)
    except (OSError, ValueError, struct.error) as error:
        raise WeightsError(f"{path} cannot be read, or was replaced meanwhile ({short(error)}).") from None
    kinds = (kind,) if isinstance(kind, str) else kind or KINDS
    if header["kind"] not in kinds:
        raise WeightsError(
            f"{path} holds {header['kind']} weights, but {' or '.join(kinds)} weights are needed here: "
            "give another file."
        )
    try:
        tensors = {key: tensor.float() for key, tensor in tensors_of(data).items()}
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} holds tensors that cannot be read ({short(error)}).") from None
    return Weights(header["kind"], header["config"], header["card"], tensors, hashlib.sha256(data).hexdigest())


def read_header(path: Path | str) -> tuple[dict[str, Any], list[str]]:
    """The header of a weights file (version, kind, config, card) and the names of its tensors."""
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"There is no weights file {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            meta, keys = file.metadata() or {}, list(file.keys())
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a safetensors file, or is damaged ({error}).") from None
    return _checked(meta, path), keys


def _checked(meta: dict[str, str], path: Path) -> dict[str, Any]:
    """The header in the metadata of ``path``."""
    try:
        header = json.loads(meta["dfuse"])
        version, found = int(header["version"]), str(header["kind"])
        header["config"], header["card"]
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError):
        raise WeightsError(f"{path} is a safetensors file, but not one that dfuse wrote.") from None
    if version > VERSION:
        raise WeightsError(f"{path} has format version {version}, this dfuse reads up to {VERSION}: update dfuse.")
    if found not in KINDS:
        raise WeightsError(f"{path} holds weights of the unknown kind '{short(found)}'.")
    if not isinstance(header["card"], dict):
        raise WeightsError(f"{path} is damaged: its card is {short(header['card'])}.")
    if wrong := _odd(header["config"]):
        raise WeightsError(f"{path} is damaged: in its configuration, {wrong}.")
    return header


def short(value: object) -> str:
    """A value from a file for a message, of 80 characters at most."""
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _odd(config: Any, name: str = "", depth: int = 0) -> str | None:
    """What no model has in its configuration, as a clause, or None."""
    if depth == 0 and not isinstance(config, dict):
        return f"there is {short(config)} where names should be"
    if isinstance(config, dict) and depth <= _DEEPEST and len(config) <= _LONGEST:
        if long := next((key for key in config if len(key) > _LONGEST), None):
            return f"the name {short(long)} is too long"
        return next((odd for key, value in config.items() if (odd := _odd(value, str(key), depth + 1))), None)
    values = config if isinstance(config, list) and len(config) <= _LONGEST else [config]
    return None if all(_is_plain(value, name) for value in values) else f"{short(name)} is {short(config)}"


def _is_plain(value: Any, name: str) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST
    if isinstance(value, float):
        return name in _REAL_NUMBERS and math.isfinite(value)
    return value is None or (isinstance(value, int) and 0 <= value <= _LARGEST)


def fill(model: nn.Module, tensors: dict[str, torch.Tensor], what: str) -> None:
    """Copies ``tensors`` into ``model``; every name and shape must fit. ``what`` names the source in errors."""
    own = model.state_dict()
    missing, extra = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or extra:
        raise WeightsError(
            f"{what} does not fit its configuration: {len(missing)} tensors missing "
            f"({', '.join(missing[:2]) or 'none'}), {len(extra)} unknown "
            f"({', '.join(map(short, extra[:2])) or 'none'})."
        )
    for name, value in own.items():
        if value.shape != tensors[name].shape:
            raise WeightsError(
                f"{what}: tensor {name} has shape {tuple(tensors[name].shape)}, "
                f"its configuration asks for {tuple(value.shape)}."
            )
        if not torch.isfinite(tensors[name]).all():
            raise WeightsError(
                f"{what} is damaged: tensor {name} holds a value that is not a number. Get the file again."
            )
    model.load_state_dict(tensors)
