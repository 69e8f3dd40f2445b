"""Whether a training run may begin in a folder: nothing of others, and nothing that was trained before, is replaced."""

from __future__ import annotations

import os
from pathlib import Path

from diffuse_fuse.errors import TrainingError

LOG = "log.jsonl"
_START = b'{"step": '
RESULTS = ("weights.safetensors", "best.safetensors", "preview.png")


def require_new(folder: Path) -> None:
    """Raises TrainingError when a run that begins in ``folder``, which has no state, would replace what is there.

    A run writes its log first. So where the log is one and holds no checkpoint, or a state is there that was being
    written, the run was killed before it had any: the rest is what it had begun to write.
    """
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"{folder} is a file: give another --out.")
    log = folder / LOG
    there = [folder / name for name in (LOG, *RESULTS) if os.path.lexists(folder / name)]
    began = os.path.lexists(log) and _is_log(log)
    if there and not (began and (_half_states(folder) or not _has_checkpoint(log))):
        raise TrainingError(
            f"{there[-1]} is there, and its training cannot go on: there is no state.pt beside it. Give another --out, "
            "or add --overwrite to replace it."
        )


def clear(folder: Path) -> None:
    """Makes ``folder`` that of a new run: without an earlier run's state, with an empty log. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder / "state.pt", folder / LOG, *_half_states(folder)):  # of a link, not what it leads to
        path.unlink(missing_ok=True)
    (folder / LOG).write_bytes(b"")


def _half_states(folder: Path) -> list[Path]:
    return list(folder.glob(".state.pt.*.tmp"))  # see files.temporary_path


def _is_log(log: Path) -> bool:
    """True for a file that is empty or begins as a run's log does, be it cut off."""
    try:
        if not log.is_file():
            return False
        with open(log, "rb") as file:
            start = file.read(len(_START))
    except OSError:
        return False
    return _START.startswith(start)


def _has_checkpoint(log: Path) -> bool:
    return '"val_loss"' in log.read_text(errors="replace")
