"""Data sets as they are downloaded → pairs. What was found, and what has no partner, is said.

Pairing by equal names is ``images.pairs``'; here is where the folders lie. Where a data set is split, its test
part is taken. The structures are those of the archives that the data sets' authors publish.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import DataError
from diffuse_fuse.evaluation.tokens import TokenPairing, pair_by_tokens
from diffuse_fuse.images.pairs import IR_NAMES, VIS_NAMES, Pair, find_pair_folders, find_pairs


@dataclass(frozen=True)
class Dataset:
    """A folder of pairs. ``layout`` says what was recognised, ``problems`` name what cannot be scored."""

    root: Path
    name: str
    layout: str
    pairs: tuple[Pair, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Folders:
    """Two folders below a data set's root; ``*`` stands for any name, and case plays no part."""

    name: str
    ir: str
    vis: str
    stems: str = ".*"


# The first that is there is taken: test before validation before training.
_KNOWN = (
    _Folders("RoadScene", "cropinfrared", "crop_LR_visible"),
    _Folders("MSRS", "test/ir", "test/vi", r"\d{5}[DN]"),
    _Folders("LLVIP", "infrared/test", "visible/test", r"\d{5,6}"),
    _Folders("M3FD", "M3FD_Fusion/Ir", "M3FD_Fusion/Vis"),
    _Folders("M3FD", "M3FD_Detection/Ir", "M3FD_Detection/Vis"),
    _Folders("VIFB", "input/IR", "input/VI"),
    _Folders("KAIST", "set0[6-9]/V*/lwir", "set0[6-9]/V*/visible"),
    _Folders("KAIST", "set1[01]/V*/lwir", "set1[01]/V*/visible"),
    _Folders("KAIST", "set*/V*/lwir", "set*/V*/visible"),
    _Folders("KAIST", "V*/lwir", "V*/visible"),
    _Folders("FLIR ADAS", "val/thermal_8_bit", "val/RGB"),
    _Folders("FLIR ADAS", "train/thermal_8_bit", "train/RGB"),
    _Folders("MSRS", "train/ir", "train/vi", r"\d{5}[DN]"),
    _Folders("LLVIP", "infrared/train", "visible/train", r"\d{5,6}"),
)
_SPLITS = ("test", "val", "validation", "train")

# How data sets are known when only their two folders are left: by the names of their files.
_VIFB = "carLight carShadow carWhite elecbike fight kettle labMan man manCall manCar manlight manWalking manwithbag "
_VIFB += "nightCar peopleshadow running snow tricycle walking walking2 walkingnight"
_STEMS = (
    ("MSRS", r"\d{5}[DN]"),
    ("RoadScene", r"FLIR_(video_)?\d{5}"),
    ("VIFB", "|".join(_VIFB.split())),
)

_DEPTH = 2  # archives are unpacked into a folder of their own, sometimes twice


def find_dataset(root: str | os.PathLike[str]) -> Dataset:
    """The pairs of a data set, with the layout that was recognised.

    Looks at ``root``, then at the folders in it (an archive's own folder). Raises DataError when there is no
    layout that dfuse knows, no pair, or more than one candidate.
    """
    root = path_of(root, "The data set")
    if not os.path.isdir(root):
        raise DataError(f"There is no folder {root}: give the folder of a data set.")
    level = [root]
    for _ in range(_DEPTH + 1):
        found = [dataset for folder in level if (dataset := _recognise(folder))]
        if len(found) > 1:
            several = ", ".join(str(dataset.root) for dataset in found)
            raise DataError(f"{root} holds more than one data set ({several}): give one of them.")
        if found:
            return replace(found[0], root=root)
        level = [inner for folder in level for inner in _folders_in(folder)]
    raise DataError(
        f"{root} has no layout that dfuse knows: put the infrared pictures into a folder 'ir' and the visible ones, "
        "with the same names, into a folder 'vi' beside it."
    )


def _recognise(root: Path) -> Dataset | None:
    for known in _KNOWN:
        sources = _matching(root, known)
        if sources:
            name = known.name
            dataset = _paired(root, name, sources)
            return dataset if _all_match(dataset.pairs, known.stems) else replace(dataset, name=root.name)
    general = _general(root)
    if general:
        return general
    by_name = pair_by_tokens(root)
    return _from_tokens(root, by_name) if by_name.pairs else None


def _general(root: Path) -> Dataset | None:
    """{ir, infrared, …} beside {vi, visible, …}, here or in a split; their subfolders count."""
    for base in (root, *(root / split for split in _SPLITS)):
        if not base.is_dir():
            continue
        names = {folder.name.lower() for folder in _folders_in(base)}
        if names.isdisjoint(IR_NAMES) or names.isdisjoint(VIS_NAMES):
            continue
        folders = find_pair_folders(base)
        dataset = _paired(root, root.name, [folders])
        return replace(dataset, name=_known_by_stems(dataset.pairs) or _name_from_folders(folders, root))
    return None


def _matching(root: Path, known: _Folders) -> list[tuple[Path, Path]]:
    """The folder pairs below ``root`` that a known structure names; both must be there."""
    irs = {_beside(path): path for path in _expand(root, known.ir)}
    visibles = {_beside(path): path for path in _expand(root, known.vis)}
    if "*" in known.ir:
        return [(irs[key], visibles[key]) for key in sorted(irs.keys() & visibles.keys())]
    return [(next(iter(irs.values())), next(iter(visibles.values())))] if irs and visibles else []


def _beside(path: Path) -> str:
    return path.parent.as_posix()


def _expand(root: Path, pattern: str) -> list[Path]:
    level = [root]
    for part in pattern.split("/"):
        level = [
            inner
            for folder in level
            for inner in _folders_in(folder)
            if fnmatch.fnmatchcase(inner.name.lower(), part.lower())
        ]
    return level


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be read: {error.strerror or error}.") from error


def _paired(root: Path, name: str, sources: Sequence[tuple[Path, Path]]) -> Dataset:
    """Pairs of all folder pairs; a pair of one among several is named by the way to it."""
    pairs: list[Pair] = []
    problems: list[str] = []
    notes: list[str] = []
    for ir_dir, vis_dir in sources:
        pairing = find_pairs(ir_dir, vis_dir, recursive=True)
        if not pairing.pairs and pairing.ir_only and pairing.vis_only:
            tokens = pair_by_tokens(vis_dir, ir_root=ir_dir)
            if tokens.pairs:
                pairs += tokens.pairs
                problems += tokens.problems
                notes.append("infrared and visible names differ by a mark of their kind; paired without it")
                continue
        above = ir_dir.parent.relative_to(root) if len(sources) > 1 else Path()
        pairs += [replace(pair, relative=above / pair.relative) for pair in pairing.pairs]
        problems += [f"{path}: no visible picture of this name" for path in pairing.ir_only]
        problems += [f"{path}: no infrared picture of this name" for path in pairing.vis_only]
        problems += [str(name) for name in pairing.ambiguous]
    if not pairs:
        where = f"{sources[0][0]} and {sources[0][1]}"
        raise DataError(f"There is no pair in {where}: infrared and visible pictures need equal names.")
    others = [split for split in _SPLITS if (root / split).is_dir() and split not in sources[0][0].parts]
    if others and any(split in sources[0][0].parts for split in _SPLITS):
        notes.append(f"only this part of the data set is scored; there is also {', '.join(others)}")
    return Dataset(root, name, _describe(root, sources), tuple(pairs), tuple(problems), tuple(notes))


def _describe(root: Path, sources: Sequence[tuple[Path, Path]]) -> str:
    ir, vis = (path.relative_to(root).as_posix() for path in sources[0])
    more = f" and {len(sources) - 1} more such folders" if len(sources) > 1 else ""
    return f"{ir} + {vis}{more}"


def _from_tokens(root: Path, found: TokenPairing) -> Dataset:
    stems = [pair.vis.stem for pair in found.pairs]
    name = root.name
    if all(re.match(r"FLIR_\d+", stem) for stem in stems):
        name = "FLIR aligned"
    elif any(part in {"athena_images", "dhv_images", "fel_images", "triclobs_images"} for part in _parts(found.pairs)):
        name = "TNO"
    layout = "infrared and visible in one folder, told apart by their names"
    return Dataset(root, name, layout, found.pairs, found.problems, found.notes)


def _parts(pairs: Sequence[Pair]) -> set[str]:
    return {part.lower() for pair in pairs for part in pair.vis.parts}


def _all_match(pairs: Sequence[Pair], pattern: str) -> bool:
    return all(re.fullmatch(pattern, pair.relative.name, re.IGNORECASE) for pair in pairs)


def _known_by_stems(pairs: Sequence[Pair]) -> str | None:
    return next((name for name, pattern in _STEMS if _all_match(pairs, pattern)), None)


def _name_from_folders(folders: tuple[Path, Path], root: Path) -> str:
    """M3FD is known by the spelling Ir + Vis; anything else by its folder, unless that is called "test"."""
    if {folder.name for folder in folders} == {"Ir", "Vis"}:
        return "M3FD"
    resolved = root.resolve()
    return f"{resolved.parent.name}/{resolved.name}" if resolved.name.lower() in _SPLITS else resolved.name
