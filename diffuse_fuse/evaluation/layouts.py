"""Data sets as they are downloaded → pairs. What was found, and what has no partner, is said.

Pairing by equal names is ``images.pairs``'; here is where the folders lie. Where a data set is split, its test
part is taken. The structures are those of the archives that the data sets' authors publish.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import DataError, UsageError
from diffuse_fuse.evaluation.tokens import TokenPairing, pair_by_tokens
from diffuse_fuse.images.decode import ReadBytes, read_bytes
from diffuse_fuse.images.pairing import Rules, pair_sources
from diffuse_fuse.images.pairs import (
    Pair,
    Pairing,
    find_pair_folders,
    find_pairs_in_one,
    find_pictures,
    holds_kinds,
)


@dataclass(frozen=True)
class Dataset:
    """A folder of pairs. ``layout`` says what was recognised, ``problems`` name what cannot be scored.

    border: pixels of white around every picture, which is no part of the scene. read_file: what reads the files, which
    may be elsewhere.
    """

    root: Path
    name: str
    layout: str
    pairs: tuple[Pair, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    border: int = 0
    read_file: ReadBytes = read_bytes


class Layout(NamedTuple):
    """Where a data set keeps its pictures, below its root; ``*`` stands for any name, and case plays no part.

    ``.`` is the root itself.

    ir, vis: two folders; with stars, each that fits is a sequence, and all of them are one data set. Without ``vis``
    both kinds lie in the folder ``ir``. how: "" by names (equal, or apart from marks of their kind); "same file" for
    four channels; a map file at the root; or two patterns whose stars pair the files. stems: names that all pairs
    have; without it the data set is called by its folder. needs: only where the names fit is it this data set.
    note: what a reader of the scores has to know. border: see ``Dataset``.
    """

    name: str
    ir: str
    vis: str = ""
    stems: str = ".*"
    how: str = ""
    needs: bool = False
    note: str = ""
    border: int = 0


_BORDER, _WIDE = "the white border of 100 pixels of DroneVehicle's pictures is left out of all scores", 100


def _harvard(above: str) -> tuple[Layout, ...]:
    """Harvard's pictures of brains; what is in colour is the visible picture, of CT and MRI the one with the tissue."""
    rows = []
    for both, ir, vis in (("CT-MRI", "CT", "MRI"), ("PET-MRI", "MRI", "PET"), ("SPECT-MRI", "MRI", "SPECT")):
        note = f"{ir} is taken as the infrared picture, {vis} as the visible one"
        if "{}" in above:
            note += f"; only {both} is scored: CT-MRI, PET-MRI and SPECT-MRI are data sets of their own"
        at = above.format(both)
        rows.append(Layout(f"Harvard {both}", at + ir, at + vis, r"\d+", note=note))
    return tuple(rows)


# The first that is there is taken: test before validation before training.
TABLE = (
    # name            infrared                         visible                           names
    Layout("RoadScene", "cropinfrared", "crop_LR_visible"),
    Layout("MSRS", "test/ir", "test/vi", r"\d{5}[DN]"),
    Layout("LLVIP", "infrared/test", "visible/test", r"\d{5,6}"),
    Layout("M3FD", "M3FD_Fusion/Ir", "M3FD_Fusion/Vis"),
    Layout("M3FD", "M3FD_Detection/Ir", "M3FD_Detection/Vis"),
    Layout("VIFB", "input/IR", "input/VI"),
    Layout("KAIST", "set0[6-9]/V*/lwir", "set0[6-9]/V*/visible"),
    Layout("KAIST", "set1[01]/V*/lwir", "set1[01]/V*/visible"),
    Layout("KAIST", "set*/V*/lwir", "set*/V*/visible"),
    Layout("KAIST", "V*/lwir", "V*/visible", r"I\d{5}", needs=True),
    Layout("KAIST", "sanitized_test", stems=r"set\d\d_V\d{3}_I\d{5}"),
    Layout("FLIR ADAS", "val/thermal_8_bit", "val/RGB"),
    Layout("FLIR ADAS", "video/thermal_8_bit", "video/RGB"),
    Layout("FLIR ADAS v2", "video_thermal_test/data", "video_rgb_test/data", how="rgb_to_thermal_vid_map.json"),
    Layout("FLIR ADAS v2", "video_thermal_test", "video_rgb_test", how="rgb_to_thermal_vid_map.json"),
    Layout("MFNet", "images", stems=r"\d{5}[DN](_flip)?", how="same file", needs=True),
    Layout("DroneVehicle", "test/testimgr", "test/testimg", note=_BORDER, border=_WIDE),
    Layout("DroneVehicle", "val/valimgr", "val/valimg", note=_BORDER, border=_WIDE),
    Layout("CVC-14", "*/FIR/NewTest/Frames*", "*/Visible/NewTest/Frames*"),
    Layout("CVC-14", "*/FIR/Train/Frames*", "*/Visible/Train/Frames*"),
    Layout("CVC-14", "FIR/NewTest/Frames*", "Visible/NewTest/Frames*"),
    Layout("CATS", "*door/*/*/rectified"),
    Layout("CATS", "*door/*/*/rectified/thermal", "*door/*/*/rectified/color"),
    Layout("CATS", "*door/*/*/thermal", "*door/*/*/color"),
    Layout("VEDAI", "Vehicules1024"),
    Layout("VEDAI", "Vehicules512"),
    Layout("EPFL RGB-NIR", "nirscene*/*"),
    Layout("GTOT", "*/i", "*/v"),
    Layout("RGBT234", "*/infrared", "*/visible", r"\d+i?", how="*i *v", needs=True),
    Layout("LasHeR", "testingset/*/infrared", "testingset/*/visible"),
    Layout("LasHeR", "*/infrared", "*/visible", how="i* v*", needs=True),
    Layout("VTUAV", "test_*/*/ir", "test_*/*/rgb"),
    Layout("VTUAV", "*/ir", "*/rgb", r"\d{6}", needs=True),
    Layout("Freiburg Thermal", "test/*/ImagesIR", "test/*/ImagesRGB", how="fl_ir_aligned_* fl_rgb_*"),
    Layout("Freiburg Thermal", "train/seq_*/*/fl_ir_aligned", "train/seq_*/*/fl_rgb", how="fl_ir_aligned_* fl_rgb_*"),
    Layout("Freiburg Thermal", "seq_*/*/fl_ir_aligned", "seq_*/*/fl_rgb", how="fl_ir_aligned_* fl_rgb_*"),
    Layout("Caltech aerial", "*/thermal8", "*/color"),
    Layout("Caltech aerial", "*/thermal8", "*/rgb"),
    Layout("Caltech aerial", "*/thermal", "*/eo"),
    Layout("OTCBVS", "[1-6]a", "[1-6]b", how="* *"),
    Layout("SMOD", "*", stems=r"\d{6}", how="*_tir.* *_rgb.*", needs=True),
    Layout("VT5000", "Test/T", "Test/RGB"),
    Layout("VT1000", "T", "RGB", r"\d+", needs=True),
    Layout("MSRS", "train/ir", "train/vi", r"\d{5}[DN]"),
    Layout("LLVIP", "infrared/train", "visible/train", r"\d{5,6}"),
    Layout("FLIR ADAS", "train/thermal_8_bit", "train/RGB"),
    Layout("DroneVehicle", "train/trainimgr", "train/trainimg", note=_BORDER, border=_WIDE),
    Layout("VT5000", "Train/T", "Train/RGB"),
    *_harvard("{}/test/"),
    *_harvard("{}/"),
    *_harvard("test/"),
    *_harvard(""),
    *_harvard("{}/train/"),
    *_harvard("train/"),
    Layout("TNO", ".", stems=r"c\d\d", how="*_1.* *_2.*", needs=True),  # as IFCNN gives it
)
_REGISTERED: list[Layout] = []
_SPLITS = (
    *("test", "testing", "testset", "test_dir"),
    *("val", "validation", "valid", "val_dir"),
    *("train", "training", "trainset", "train_dir"),
)
_TNO = frozenset({"athena_images", "dhv_images", "fel_images", "triclobs_images"})

# How data sets are known when only their two folders are left: by the names of their files.
_VIFB = "carLight carShadow carWhite elecbike fight kettle labMan man manCall manCar manlight manWalking manwithbag "
_VIFB += "nightCar peopleshadow running snow tricycle walking walking2 walkingnight"
_STEMS = (
    ("MSRS", r"\d{5}[DN]"),
    ("RoadScene", r"FLIR_(video_)?\d{5}"),
    ("VIFB", "|".join(_VIFB.split())),
)

_NAMED = 5
_DEPTH = 2  # archives are unpacked into a folder of their own, sometimes twice


def find_dataset(root: str | os.PathLike[str], train: bool = False) -> Dataset:
    """The pairs of a data set, with the layout that was recognised.

    Looks at ``root``, then at the folders in it (an archive's own folder). train: where the data set is split, take
    the training part, not the test part. Raises DataError when there is no
    layout that dfuse knows, no pair, or more than one candidate.
    """
    root = path_of(root, "The data set")
    if not os.path.isdir(root):
        raise DataError(f"There is no folder {root}: give the folder of a data set.")
    level = [root]
    for _ in range(_DEPTH + 1):
        found = [dataset for folder in level if (dataset := _recognise(folder, train))]
        if len(found) > 1:
            several = ", ".join(str(dataset.root) for dataset in found)
            raise DataError(f"{root} holds more than one data set ({several}): give one of them.")
        if found:
            return replace(found[0], root=root)
        level = [inner for folder in level for inner in _folders_in(folder)]
    raise DataError(
        f"{root} has no layout that dfuse knows: give its two folders with --ir DIR --vis DIR, a table of pairs with "
        "--manifest, or patterns such as --ir-pattern '*_1.*' --vis-pattern '*_2.*'."
    )


def map_files() -> frozenset[str]:
    """The names of the files in data sets that say which pictures go together."""
    return frozenset(known.how for known in (*_REGISTERED, *TABLE) if known.how.endswith(".json"))


def register_layout(layout: Layout) -> Layout:
    """Add a layout of one's own: ``find_dataset`` and ``evaluate`` look for it before those of ``TABLE``.

    The one that was added last comes first. Returns ``layout``. Raises UsageError for folders that are no paths below
    the data set, for two whose stars differ, and for names that are no regular expression.
    """
    for folder in filter(None, (layout.ir, layout.vis)):
        if folder != folder.strip("/") or ".." in folder.split("/"):
            raise UsageError(
                f"'{folder}' is not a folder below a data set: write it as in 'test/ir', with / and no '..'."
            )
    if not layout.ir or (layout.vis and layout.ir.count("*") != layout.vis.count("*")):
        raise UsageError(f"'{layout.ir}' and '{layout.vis}' need as many stars: what they stand for pairs the folders.")
    try:
        re.compile(layout.stems)
    except re.error as error:
        raise UsageError(f"'{layout.stems}' is not a regular expression of names: {error}.") from None
    _REGISTERED.insert(0, layout)
    return layout


def _recognise(root: Path, train: bool) -> Dataset | None:
    for known in sorted([*_REGISTERED, *TABLE], key=lambda known: train and "train" not in known.ir.lower()):
        sources = _matching(root, known)
        found = _known(root, known, sources) if sources else None
        if found:
            return found
    general = None if any(folder.name.lower() in _TNO for folder in _folders_in(root)) else _general(root, train)
    if general:
        return general
    by_name = pair_by_tokens(root)
    marked = find_pairs_in_one(root, recursive=True)
    if len(marked.pairs) > len(by_name.pairs) and not _TNO & _parts(by_name.pairs):
        dataset = dataset_of(root, root.resolve().name, [(root, root)], [("", marked)])
        return replace(dataset, layout="infrared and visible in one folder, told apart by their names")
    return _from_tokens(root, by_name) if by_name.pairs else None


def _known(root: Path, known: Layout, sources: Sequence[_Source]) -> Dataset | None:
    """The data set of a row of the table; None where the row asks for names that the files do not have."""
    try:
        pairings = [(source.key, _pair(root, known, source)) for source in sources]
    except UsageError:  # the patterns of the row fit no file
        return None
    folders = [(source.ir, source.vis) for source in sources]
    if not any(pairing.pairs for _, pairing in pairings) and (known.needs or not known.vis):
        return None
    dataset = dataset_of(root, known.name, folders, pairings)
    if known.note:
        dataset = replace(dataset, notes=(*dataset.notes, known.note), border=known.border)
    if _all_match(dataset.pairs, known.stems):
        return dataset
    return None if known.needs else replace(dataset, name=root.resolve().name)


def _pair(root: Path, known: Layout, source: _Source) -> Pairing:
    if known.how == "same file":
        files = find_pictures(source.ir)
        return Pairing(tuple(Pair(path, path, Path(path.stem)) for path in files))
    if known.how.endswith(".json"):
        map_file = root / known.how
        rules = Rules(map_file=map_file) if map_file.is_file() else Rules()
    else:
        ir_pattern, vis_pattern = known.how.split() or (None, None)
        rules = Rules(ir_pattern, vis_pattern)
    if not known.vis:
        return pair_sources(source.ir, None, rules=rules)
    return pair_sources(source.ir, source.vis, recursive=True, rules=rules)


def _general(root: Path, train: bool) -> Dataset | None:
    """{ir, infrared, …} beside {vi, visible, …}: here, in a split, with splits inside, or in each of many sequences."""
    bases = [root, *_splits_in(root, train)]
    for base in bases:
        folders = _both_kinds(base)
        if not folders:
            continue
        inner = [{split.name.lower(): split for split in _splits_in(folder, train)} for folder in folders]
        common = [name for name in inner[0] if name in inner[1]]
        if common:
            folders = (inner[0][common[0]], inner[1][common[0]])
        dataset = _paired(root, root.resolve().name, [folders])
        return replace(dataset, name=_known_by_stems(dataset.pairs) or _name_from_folders(folders, root))
    for base in bases:
        sequences = _sequences(base)
        if len(sequences) > 1:
            pairings = [
                (ir.parent.relative_to(base).as_posix(), pair_sources(ir, vis, recursive=True)) for ir, vis in sequences
            ]
            if not any(_known_by_stems(pairing.pairs) for _, pairing in pairings if pairing.pairs):
                return dataset_of(root, _folder_name(root), sequences, pairings)
    return None


def _both_kinds(base: Path) -> tuple[Path, Path] | None:
    """The infrared and the visible folder in ``base``. Raises DataError for several candidates."""
    return find_pair_folders(base) if holds_kinds(_folders_in(base)) else None


def _sequences(base: Path) -> list[tuple[Path, Path]]:
    """The folder pairs of sequences, one or two levels below, that all spell their two folders in one way."""
    level = _folders_in(base)
    for _ in range(2):
        found = [folders for folder in level if (folders := _both_kinds(folder))]
        if any(part.lower() in _SPLITS for ir, _ in found for part in ir.relative_to(base).parts):
            return []
        if found:
            return found if len({(ir.name, vis.name) for ir, vis in found}) == 1 else []
        level = [inner for folder in level for inner in _folders_in(folder)]
    return []


def _splits_in(folder: Path, train: bool = False) -> list[Path]:
    """The folders of a split in any case, test before validation before training; with ``train`` from the last."""
    by_name = {inner.name.lower(): inner for inner in _folders_in(folder)}
    return [by_name[name] for name in (reversed(_SPLITS) if train else _SPLITS) if name in by_name]


class _Source(NamedTuple):
    """Two folders whose files pair, and what the stars stand for; one folder twice where it holds both kinds."""

    ir: Path
    vis: Path
    key: str


def _matching(root: Path, known: Layout) -> list[_Source]:
    """The folder pairs below ``root`` that a known structure names; both must be there."""
    irs = _expand(root, known.ir)
    visibles = _expand(root, known.vis or known.ir)
    common = sorted(irs.keys() & visibles.keys())
    return [_Source(irs[key][0], visibles[key][0], "/".join(irs[key][1])) for key in common]


def _expand(root: Path, pattern: str) -> dict[tuple[str, ...], tuple[Path, tuple[str, ...]]]:
    """By what the stars stand for: the folder, and the names of the parts that have stars."""
    level: dict[tuple[str, ...], tuple[Path, tuple[str, ...]]] = {(): (root, ())}
    for part in pattern.split("/") if pattern != "." else ():
        fits = {}
        marked = re.sub(r"\\\[(.*?)\\\]", r"([\1])", re.escape(part)).replace(r"\-", "-").replace(r"\*", "(.*)")
        for key, (folder, names) in level.items():
            for inner in _folders_in(folder):
                found = re.fullmatch(marked, inner.name, re.IGNORECASE)
                if found:
                    stars = tuple(star.lower() for star in found.groups())
                    fits[(*key, *stars)] = (inner, (*names, inner.name) if stars else names)
        level = fits
    return level


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be read: {error.strerror or error}.") from error


def _paired(root: Path, name: str, sources: Sequence[tuple[Path, Path]]) -> Dataset:
    """Pairs of all folder pairs; a pair of one among several is named by the way to it."""
    pairings = []
    for ir_dir, vis_dir in sources:
        pairings.append((ir_dir.parent.relative_to(root).as_posix(), pair_sources(ir_dir, vis_dir, recursive=True)))
    return dataset_of(root, name, sources, pairings)


def dataset_of(
    root: Path, name: str, sources: Sequence[tuple[Path, Path]], pairings: Sequence[tuple[str, Pairing]]
) -> Dataset:
    """The pairs of all sources, each below the source's key where there are several. Raises DataError for none."""
    pairs: list[Pair] = []
    problems: list[str] = []
    notes: list[str] = []
    passed: list[Path] = []
    for key, found in pairings:
        above = Path(key) if len(sources) > 1 else Path()
        pairs += [replace(pair, relative=above / (pair.key or pair.relative)) for pair in found.pairs]
        problems += said(found)
        notes += [note for note in found.notes if note not in notes]
        passed += found.passed_over
    if not pairs:
        where = f"{sources[0][0]} and {sources[0][1]}"
        raise DataError(f"There is no pair in {where}: infrared and visible pictures need equal names.")
    if any(pair.key for pair in pairs) and sources[0][0] != sources[0][1]:
        notes.append("infrared and visible names differ by a mark such as _ir; paired without it")
    if passed:
        names = ", ".join(path.name for path in passed[:_NAMED]) + (" …" if len(passed) > _NAMED else "")
        were = "picture was" if len(passed) == 1 else "pictures were"
        notes.append(f"{len(passed)} {were} ignored, since no pair needs them: {names}")
    others = [split.name for split in _splits_in(root) if split.name not in sources[0][0].parts]
    if others and any(part.lower() in _SPLITS for part in Path(_below(sources[0][0], root)).parts):
        notes.append(f"only this part of the data set is scored; it also has {', '.join(others)}")
    return Dataset(root, name, _describe(root, sources), tuple(pairs), tuple(problems), tuple(notes))


def said(found: Pairing) -> list[str]:
    """Sentences about files without a partner and names that several files carry."""
    problems = [f"{path}: no visible picture of this name" for path in found.ir_only]
    problems += [f"{path}: no infrared picture of this name" for path in found.vis_only]
    return problems + [str(name) for name in found.ambiguous]


def _below(path: Path, root: Path) -> str:
    try:
        return path.absolute().relative_to(root.absolute()).as_posix()
    except ValueError:  # on another drive
        return path.as_posix()


def _describe(root: Path, sources: Sequence[tuple[Path, Path]]) -> str:
    ir, vis = (_below(path, root) for path in sources[0])
    if ir == vis:
        return f"infrared and visible in {ir}" + (f" and {len(sources) - 1} more folders" if len(sources) > 1 else "")
    more = f" and {len(sources) - 1} more such folders" if len(sources) > 1 else ""
    return f"{ir} + {vis}{more}"


def _from_tokens(root: Path, found: TokenPairing) -> Dataset:
    stems = [pair.vis.stem for pair in found.pairs]
    name = root.name
    if all(re.match(r"FLIR_\d+", stem) for stem in stems):
        name = "FLIR aligned"
    elif any(part in _TNO for part in _parts(found.pairs)):
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
    return _folder_name(root)


def _folder_name(root: Path) -> str:
    resolved = root.resolve()
    return f"{resolved.parent.name}/{resolved.name}" if resolved.name.lower() in _SPLITS else resolved.name
