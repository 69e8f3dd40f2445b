"""Training states: everything that a run needs to go on, in one file that is always whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from diffuse_fuse.errors import TrainingError
from diffuse_fuse.files import write_atomically


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Writes ``state`` (tensors, numbers, strings, lists, dicts) atomically."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def load_state(path: Path) -> dict[str, Any]:
    """Reads a training state. Tensors and plain values only: code in the file is refused, not run."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler that is given nonsense may raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(f"{path} is no training state of dfuse, or is damaged ({reason}).") from None
    if not isinstance(state, dict) or "identity" not in state:
        raise TrainingError(f"{path} is no training state of dfuse.")
    return state
