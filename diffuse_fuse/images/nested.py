"""Below one folder, those that hold an infrared and a visible one: sequences of a data set, parts of a flight."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from diffuse_fuse.errors import DataError
from diffuse_fuse.images.pairs import (
    Ambiguous,
    Pair,
    Pairing,
    find_pair_folders,
    find_pictures,
    holds_kinds,
    pair_files,
)


def holds_both(root: Path) -> bool:
    """True for a folder without pictures of its own that holds an infrared and a visible folder."""
    try:
        folders = [entry for entry in root.iterdir() if entry.is_dir()]
    except OSError:
        return False
    return holds_kinds(folders) and not find_pictures(root)


def pair_nested(root: Path, exclude: Path | None = None) -> Pairing:
    """The pairs of all folders below ``root`` that hold both kinds; names begin below ``root``. Empty without any.

    exclude: a folder to leave out. Raises DataError for a folder that cannot be read.
    """
    whole = Pairing(())
    for folder in _sequences(root, exclude):
        try:
            sides = find_pair_folders(folder)
        except DataError:  # several candidates for one kind: its pictures are in no pair
            continue
        found = pair_files(*(dict.fromkeys(find_pictures(side, True, exclude), side) for side in sides))
        at = folder.relative_to(root)
        whole = Pairing(
            (*whole.pairs, *(_below(at, pair) for pair in found.pairs)),
            (*whole.ir_only, *found.ir_only),
            (*whole.vis_only, *found.vis_only),
            (*whole.ambiguous, *(Ambiguous(at / each.relative, each.ir, each.vis) for each in found.ambiguous)),
            (*whole.passed_over, *found.passed_over),
            (*whole.notes, *(note for note in found.notes if note not in whole.notes)),
        )
    known = {path for pair in whole.pairs for path in (pair.ir, pair.vis)}
    known |= {path for each in whole.ambiguous for path in (*each.ir, *each.vis)}
    known |= {*whole.ir_only, *whole.vis_only, *whole.passed_over}
    rest = tuple(path for path in find_pictures(root, True, exclude) if path not in known)
    return replace(whole, passed_over=(*whole.passed_over, *rest))


def _sequences(root: Path, exclude: Path | None) -> list[Path]:
    """The folders below ``root`` that hold both kinds, by name; none inside another, and none twice."""
    excluded = os.path.realpath(exclude) if exclude is not None else None
    found, seen, waiting = [], set(), [root]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real == excluded or real in seen:
            continue
        seen.add(real)
        if holds_both(folder):
            found.append(folder)
            continue
        try:
            waiting += [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
        except OSError as error:
            raise DataError(f"The folder {folder} cannot be read: {error.strerror or error}.") from error
    return sorted(found)


def _below(at: Path, pair: Pair) -> Pair:
    return replace(pair, relative=at / pair.relative, key=pair.key and at / pair.key)
