"""What is to be done with an output that is there already: the file itself says how it was made.

There is no list of what was done beside the pictures: a run that was stopped in whatever way goes on where it was, and
a picture whose sources, options or weights are others now is made again.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import diffuse_fuse
from diffuse_fuse import owners
from diffuse_fuse.batch.job import Existing, Job, Recipe
from diffuse_fuse.files import sha256, temporary_stem
from diffuse_fuse.images.provenance import Provenance, Side, Source, read_provenance
from diffuse_fuse.images.show import is_own_gif
from diffuse_fuse.images.write import holds_metadata

KEPT_UNKNOWN = "The output exists and does not record how it was made: it was kept (--overwrite replaces it)."
KEPT_SILENT = "{} files cannot record how they were made: existing ones are kept, whatever has changed (--overwrite)."

_TEMPORARY = re.compile(r"\.(.+)\.((?:[0-9a-f]{6}-)?\d+)\.tmp", re.DOTALL)  # files.temporary_path


@dataclass(frozen=True)
class Standing:
    """What is to be done with a job: it is an error, or its output is kept, or it is fused.

    redone: why a picture that is there is made again. warning: why one is kept that should perhaps not be.
    """

    keep: bool = False
    error: str | None = None
    warning: str | None = None
    redone: str | None = None


def standing(job: Job, existing: Existing, recipe: Recipe) -> Standing:
    """Compares what ``job`` would make with what is there; the sources are read for it, the pictures not decoded."""
    if _is_too_long(job.out):
        return Standing(error=f"{job.out} cannot be written: its name is too long for the file system.")
    if job.out.is_dir():
        return Standing(error=f"{job.out} is a folder: move it away, or name another output.")
    there = os.path.lexists(job.out)
    outputs = (job.out, job.gif) if recipe.gif else (job.out,)
    if existing == "refuse" and (taken := next(filter(os.path.lexists, outputs), None)):
        return Standing(error=f"{taken} exists already: name another output, or add --overwrite.")
    noted = is_noted(job, recipe)
    compare = there and existing == "resume"
    if compare and (wrong := _is_nothing(job.out)):
        return Standing(error=f"{job.out} {wrong}: move it away, or add --overwrite.")
    if compare and not noted:
        silent = recipe.weights is not None
        return Standing(keep=True, warning=KEPT_SILENT.format(job.out.suffix[1:].upper()) if silent else None)
    found = read_provenance(job.out) if compare else None
    if compare and found is None:
        return Standing(keep=True, warning=KEPT_UNKNOWN)
    redone = None
    if found is not None and (now := provenance_of(job, recipe)) is not None:
        if found.digest() != now.digest():
            redone = what_changed(found, now)
        elif recipe.gif and not job.gif.exists():
            redone = "the GIF was missing"
        else:
            return Standing(keep=True)
    if recipe.gif and existing != "replace" and _is_foreign_gif(job.gif):
        return Standing(error=f"{job.gif} exists, and dfuse did not write it: move it away, or add --overwrite.")
    if wrong := _refuses_files(job.out.parent):  # said before the network has worked for nothing
        return Standing(error=f"{job.out} cannot be written: {wrong}.")
    return Standing(redone=redone)


def is_noted(job: Job, recipe: Recipe) -> bool:
    """True when the picture of ``job`` will say how it was made."""
    return recipe.weights is not None and holds_metadata(job.out)


def provenance_of(job: Job, recipe: Recipe) -> Provenance | None:
    """What a picture made of the files as they are now would say; None when one cannot be read, as reading will say."""
    try:
        return noted_of(job, recipe, {path: _hash(path) for path in {job.ir, job.vis}})
    except OSError:
        return None


def noted_of(job: Job, recipe: Recipe, hashes: Mapping[Path, str]) -> Provenance:
    """What the picture of ``job`` says about itself. hashes: SHA-256 in hexadecimal of the bytes of its sources."""
    assert recipe.weights is not None
    sources: dict[Side, Source] = {
        "ir": Source(job.ir.name, hashes[job.ir]),
        "vis": Source(job.vis.name, hashes[job.vis]),
    }
    return Provenance(diffuse_fuse.__version__, recipe.model, recipe.weights, recipe.options(job.out), sources)


def what_changed(before: Provenance, now: Provenance) -> str:
    """In words, for "3 redone: the weights changed"."""
    changed = []
    if {side: source.sha256 for side, source in before.sources.items()} != {
        side: source.sha256 for side, source in now.sources.items()
    }:
        changed.append("the inputs")
    if before.weights != now.weights:
        changed.append("the weights")
    # through JSON, which knows no tuples
    if json.dumps(dict(before.options), sort_keys=True) != json.dumps(dict(now.options), sort_keys=True):
        changed.append("the options")
    if before.version != now.version:
        changed.append("the version of dfuse")
    return f"{' and '.join(changed)} changed"


def _hash(path: Path) -> str:
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for somebody who writes into it
        raise OSError(f"{path} is not a regular file")
    return sha256(path)


def _is_nothing(path: Path) -> str | None:
    """What stands in a picture's place and is none, such as a link that leads nowhere; None for a file that holds
    something."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return "is a broken link"
    except OSError as error:  # a link in a circle, too
        return f"cannot be opened ({error.strerror or error})"
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file (a pipe, socket or device)"
    return None if status.st_size else "is empty"


def _is_foreign_gif(path: Path) -> bool:
    return os.path.lexists(path) and not (path.is_file() and is_own_gif(path))


def _is_too_long(path: Path) -> bool:
    try:
        os.lstat(_existing(path.parent) / path.name)  # where the folder lacks, that would be the error
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def _refuses_files(folder: Path) -> str | None:
    """Why no file can be made in ``folder``, which need not be there yet; None when it seems possible."""
    folder = _existing(folder)
    if not folder.is_dir():
        return f"{folder} is a file, not a folder"
    return None if os.access(folder, os.W_OK) else f"the folder {folder} is not writable"


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def clear_away(outputs: Iterable[Path]) -> int:
    """Removes what a killed run left half-written beside ``outputs``; returns how many files.

    Only files with the name that dfuse gives to what becomes one of these outputs, of a process that is no more.
    """
    expected: dict[Path, set[str]] = defaultdict(set)
    for path in outputs:
        expected[path.parent].add(temporary_stem(path.name))
    removed = 0
    for folder, names in expected.items():
        try:
            entries = [entry.name for entry in os.scandir(folder)]
        except OSError:
            continue  # not there yet
        for name in entries:
            match = _TEMPORARY.fullmatch(name)
            if match and match[1] in names and not owners.may_be_at_work(match[2], folder / name):
                try:
                    (folder / name).unlink()
                    removed += 1
                except OSError:
                    continue
    return removed
