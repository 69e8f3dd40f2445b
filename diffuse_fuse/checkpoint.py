"""Weights in and out: safetensors files that carry their own configuration.

A file holds the tensors and, in its header, one JSON object under the key "dfuse": format version, kind
("diffusion", "fusion" or "student"), configuration and card. Nothing in such a file is ever executed. Training states
(optimiser and all) are another thing: see ``training.state``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as tensors_to_bytes
from torch import nn

from diffuse_fuse.errors import WeightsError
from diffuse_fuse.files import sha256 as sha256
from diffuse_fuse.files import write_atomically

VERSION = 1
KINDS = ("diffusion", "fusion", "student")


@dataclass(frozen=True)
class Weights:
    """What a weights file holds: kind, configuration, card, tensors (float32)."""

    kind: str
    config: dict[str, Any]
    card: dict[str, Any]
    tensors: dict[str, torch.Tensor]


def save_weights(path: Path | str, weights: Weights, dtype: torch.dtype = torch.float16) -> None:
    """Writes ``weights`` atomically: the file is whole or not there. Tensors are stored as ``dtype``."""
    if weights.kind not in KINDS:
        raise WeightsError(f"Cannot save weights of the unknown kind '{weights.kind}'.")
    header = {"version": VERSION, "kind": weights.kind, "config": weights.config, "card": weights.card}
    tensors = {k: v.detach().to("cpu", dtype).contiguous() for k, v in sorted(weights.tensors.items())}
    write_atomically(Path(path), tensors_to_bytes(tensors, {"dfuse": json.dumps(header, sort_keys=True)}))


def load_weights(path: Path | str, kind: str | tuple[str, ...] | None = None) -> Weights:
    """Reads a weights file; ``kind`` asks for one of ``KINDS``, or for one of several.

    Raises WeightsError when the file is missing, no safetensors file, none of dfuse's, of a newer version or of
    another kind.
    """
    path = Path(path)
    header, keys = read_header(path)
    kinds = (kind,) if isinstance(kind, str) else kind or KINDS
    if header["kind"] not in kinds:
        raise WeightsError(
            f"{path} holds {header['kind']} weights, but {' or '.join(kinds)} weights are needed here: "
            "give another file."
        )
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key).float() for key in keys}
    return Weights(header["kind"], header["config"], header["card"], tensors)


def read_header(path: Path | str) -> tuple[dict[str, Any], list[str]]:
    """The header of a weights file (version, kind, config, card) and the names of its tensors."""
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"There is no weights file {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            meta, keys = file.metadata() or {}, list(file.keys())
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is no safetensors file, or is damaged ({error}).") from None
    try:
        header = json.loads(meta["dfuse"])
        version, found = int(header["version"]), str(header["kind"])
        header["config"], header["card"]
    except (KeyError, ValueError, TypeError):
        raise WeightsError(f"{path} is a safetensors file, but not one that dfuse wrote.") from None
    if version > VERSION:
        raise WeightsError(f"{path} has format version {version}, this dfuse reads up to {VERSION}: update dfuse.")
    if found not in KINDS:
        raise WeightsError(f"{path} holds weights of the unknown kind '{found}'.")
    return header, keys


def fill(model: nn.Module, tensors: dict[str, torch.Tensor], what: str) -> None:
    """Copies ``tensors`` into ``model``; every name and shape must fit. ``what`` names the source in errors."""
    own = model.state_dict()
    missing, extra = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or extra:
        raise WeightsError(
            f"{what} does not fit its configuration: {len(missing)} tensors missing "
            f"({', '.join(missing[:2]) or 'none'}), {len(extra)} unknown ({', '.join(extra[:2]) or 'none'})."
        )
    for name, value in own.items():
        if value.shape != tensors[name].shape:
            raise WeightsError(
                f"{what}: tensor {name} has shape {tuple(tensors[name].shape)}, "
                f"its configuration asks for {tuple(value.shape)}."
            )
    model.load_state_dict(tensors)
