"""Folders → pairs of files, by name. How names are read is ``images.marks``' matter."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import DataError
from diffuse_fuse.images import marks
from diffuse_fuse.images.header import LONGEST_START, TABLE, format_of
from diffuse_fuse.images.marks import Kind, Reading
from diffuse_fuse.images.names import NUMBERS, is_picture_name, shown

IR_NAMES = ("ir", "infrared", "thermal", "lwir", "tir", "fir", "inf", "t", "i", "ir_img", "test_ir", "nir")
VIS_NAMES = ("vi", "vis", "visible", "visual", "rgb", "color", "colour", "v", "vis_img", "vi_img", "test_vi", "eo")


@dataclass(frozen=True)
class Pair:
    """Two files of one scene. ``relative``: the visible file's path below its folder, without suffix.

    key: the path without the marks of either kind where they were taken off, else ``relative``.
    """

    ir: Path
    vis: Path
    relative: Path
    key: Path | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Ambiguous:
    """A name that more than one file of a folder carries, ``ir`` and ``vis`` each with at least one file."""

    relative: Path
    ir: tuple[Path, ...]
    vis: tuple[Path, ...]

    def __str__(self) -> str:
        parts = []
        for kind, paths in (("infrared", self.ir), ("visible", self.vis)):
            if len(paths) > 1:
                parts.append(f"{len(paths)} {kind} pictures ({', '.join(map(str, paths))})")
        return f"{' and '.join(parts)} have the name {self.relative}: keep one, or rename them."


@dataclass(frozen=True)
class Pairing:
    """What two folders hold: pairs, files without a partner, and names that more than one file carries.

    passed_over: files that belong to no pair by their kind, such as the zoom lens' picture beside the wide one's, or
    an unmarked picture among marked ones. notes: what else there is to say about how the pairs were found.
    """

    pairs: tuple[Pair, ...]
    ir_only: tuple[Path, ...] = ()
    vis_only: tuple[Path, ...] = ()
    ambiguous: tuple[Ambiguous, ...] = ()
    passed_over: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def find_pairs(
    ir_dir: str | os.PathLike[str],
    vis_dir: str | os.PathLike[str],
    recursive: bool = False,
    exclude: str | os.PathLike[str] | None = None,
) -> Pairing:
    """Pair the pictures of two folders by stem; case and suffix may differ, the order of files plays no part.

    Names without a partner are compared again without the marks of their kind (see ``images.marks``), and then by
    the picture's number where their times differ by at most two seconds.
    recursive: subfolders are searched too and must have the same names on both sides (case aside).
    exclude: a folder to leave out, such as an output folder inside an input folder.
    Everything is sorted by name. Raises DataError when a folder cannot be read.
    """
    ir_dir, vis_dir = path_of(ir_dir, "The infrared folder"), path_of(vis_dir, "The visible folder")
    irs = {path: Path(ir_dir) for path in find_pictures(ir_dir, recursive, exclude)}
    vises = {path: Path(vis_dir) for path in find_pictures(vis_dir, recursive, exclude)}
    return pair_files(irs, vises)


def pair_files(irs: Mapping[Path, Path], vises: Mapping[Path, Path]) -> Pairing:
    """Pair files of known kind, each with the folder that its name starts from; see ``find_pairs``."""
    by_name = [_grouped((path, name_of(path, root)) for path, root in files.items()) for files in (irs, vises)]
    whole = by_name[0].keys() & by_name[1].keys()
    left = [_without(files, whole) for files in by_name]
    groups = [_Group(key, by_name[0][key], by_name[1][key]) for key in whole]
    marked = _by_marks([(p, irs[p]) for p in left[0]], [(p, vises[p]) for p in left[1]])
    groups += marked
    used = {path for group in marked for path in group.files}
    timed = _by_time([p for p in left[0] if p not in used], [p for p in left[1] if p not in used], irs, vises)
    groups += timed
    used |= {path for group in timed for path in group.files}
    pairing = replace(_pairing(groups, vises), notes=_note(timed))
    alone = [tuple(path for path in files if path not in used) for files in left]
    return replace(pairing, ir_only=alone[0], vis_only=alone[1])


def find_pairs_in_one(
    root: str | os.PathLike[str], recursive: bool = False, exclude: str | os.PathLike[str] | None = None
) -> Pairing:
    """Pair the pictures of one folder, which the marks in their names tell apart; see ``find_pairs``.

    Surer marks come first: words with a separator, then IR12 and VIS12, then single letters, then marked beside
    unmarked names. Raises DataError when the folder cannot be read.
    """
    return pair_marked(find_pictures(root, recursive, exclude), Path(root))


def pair_marked(left: Sequence[Path], root: Path) -> Pairing:
    """Pair files below ``root`` that the marks in their names tell apart; see ``find_pairs_in_one``. Nothing is read
    from the disk."""
    groups: list[_Group] = []
    for tier in range(5):
        found = _one_tier(left, root, tier)
        groups += found
        used = {path for group in found for path in group.files}
        left = [path for path in left if path not in used]
    kinds = {path: kind_of(path) for path in left}
    irs, vises = ([path for path in left if kinds[path] == kind] for kind in ("ir", "vis"))
    timed = _by_time(irs, vises, dict.fromkeys(irs, root), dict.fromkeys(vises, root))
    used = {path for group in timed for path in group.files}
    pairing = _pairing(groups + timed, defaultdict(lambda: root))
    return replace(
        pairing,
        ir_only=tuple(path for path in irs if path not in used),
        vis_only=tuple(path for path in vises if path not in used),
        passed_over=(*pairing.passed_over, *(path for path in left if kinds[path] is None)),
        notes=_note(timed),
    )


def kind_of(path: Path) -> Kind | None:
    """What the marks in a file's name say; None where there is none, or where they contradict each other."""
    found = [marks.readings(path.stem, kind)[:1] for kind in ("ir", "vis")]
    if found[0] and found[1] and found[0][0].tier != found[1][0].tier:
        return min(found[0][0], found[1][0], key=lambda reading: reading.tier).kind
    return next((each[0].kind for each in found if each), None) if not (found[0] and found[1]) else None


@dataclass(frozen=True)
class _Group:
    """Files of one key. passed: files that another one of the group goes before."""

    key: str
    ir: Sequence[Path]
    vis: Sequence[Path]
    passed: tuple[Path, ...] = ()
    marked: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        return (*self.ir, *self.vis, *self.passed)


def _pairing(groups: Iterable[_Group], roots: Mapping[Path, Path]) -> Pairing:
    pairs, ambiguous = [], []
    passed: list[Path] = []
    for group in sorted(groups, key=lambda group: group.key):
        relative = group.vis[0].relative_to(roots[group.vis[0]]).with_suffix("")
        passed += group.passed
        if len(group.ir) == len(group.vis) == 1:
            key = relative.with_name(_unmarked(group)) if group.marked else None
            pairs.append(Pair(group.ir[0], group.vis[0], relative, key))
        else:
            ambiguous.append(Ambiguous(relative, tuple(group.ir), tuple(group.vis)))
    return Pairing(tuple(pairs), ambiguous=tuple(ambiguous), passed_over=tuple(passed))


def _unmarked(group: _Group) -> str:
    """The name of a pair without marks, as the visible file spells it."""
    stem, key = _nfc(group.vis[0].stem), group.key.rpartition("/")[2]
    found = marks.readings(stem, "vis")
    names = [reading.name for reading in found if reading.name.lower() == key]
    return names[0] if names else found[0].name if found else stem


def _note(timed: Sequence[_Group]) -> tuple[str, ...]:
    """That pairs were found by their numbers."""
    if not timed:
        return ()
    pairs = "1 pair has" if len(timed) == 1 else f"{len(timed)} pairs have"
    return (f"{pairs} times up to 2 s apart: paired by the number in the names.",)


def _by_marks(irs: Sequence[tuple[Path, Path]], vises: Sequence[tuple[Path, Path]]) -> list[_Group]:
    """Groups of files that have no partner by their whole names, but one without the marks of their sides."""
    sides_of: tuple[tuple[Sequence[tuple[Path, Path]], Kind], ...] = ((irs, "ir"), (vises, "vis"))
    ways = [{path: _ways(path, root, kind) for path, root in files} for files, kind in sides_of]
    common = [{reading.key for found in side.values() for reading in found} for side in ways]
    both = common[0] & common[1]
    sides = []
    for side in ways:
        keyed: dict[str, list[tuple[Path, bool]]] = defaultdict(list)
        for path, found in side.items():
            reading = next((reading for reading in found if reading.key in both), None)
            if reading:
                keyed[reading.key].append((path, reading.second))
        sides.append(keyed)
    return [_ranked(key, sides[0][key], sides[1][key]) for key in sorted(sides[0].keys() & sides[1].keys())]


def _ways(path: Path, root: Path, kind: Kind) -> list[Reading]:
    folder = _folder(path, root)
    found = [reading._replace(folder=folder) for reading in marks.readings(_nfc(path.stem), kind)]
    return [*found, Reading(kind, marks.plain(_nfc(path.stem)), 9, folder=folder)]


def _ranked(key: str, irs: Sequence[tuple[Path, bool]], vises: Sequence[tuple[Path, bool]]) -> _Group:
    kept, passed = [], []
    for files in (irs, vises):
        first = [path for path, second in files if not second] or [path for path, _ in files]
        kept.append(first)
        passed += [path for path, _ in files if path not in first]
    return _Group(key, kept[0], kept[1], tuple(passed), marked=True)


def _one_tier(files: Sequence[Path], root: Path, tier: int) -> list[_Group]:
    """Groups of one folder's files in which both kinds are there, by readings of this tier or a surer one."""
    sides: dict[Kind, dict[str, list[tuple[Path, bool]]]] = {"ir": defaultdict(list), "vis": defaultdict(list)}
    for path in files:
        found = [r for kind in sides for r in marks.readings(_nfc(path.stem), kind) if r.tier <= tier]
        for reading in found:
            sides[reading.kind][_folder(path, root) + reading.key].append((path, reading.second))
        if tier == 4 and not found:  # a_ir beside a
            for kind in sides:
                sides[kind][_folder(path, root) + marks.plain(_nfc(path.stem))].append((path, False))
    groups, used = [], set()
    for key in sorted(sides["ir"].keys() & sides["vis"].keys()):
        irs, vises = ([entry for entry in sides[kind][key] if entry[0] not in used] for kind in ("ir", "vis"))
        both = {path for path, _ in irs} & {path for path, _ in vises}
        irs, vises = ([entry for entry in side if entry[0] not in both] or side for side in (irs, vises))
        if {path for path, _ in irs} & {path for path, _ in vises}:
            irs, vises = _told_apart(irs, vises)
        if irs and vises:
            groups.append(_ranked(key, irs, vises))
            used |= set(groups[-1].files)
    return groups


def _told_apart(
    irs: list[tuple[Path, bool]], vises: list[tuple[Path, bool]]
) -> tuple[list[tuple[Path, bool]], list[tuple[Path, bool]]]:
    """Takes files that can be read both ways from the side that has others."""
    first, second = {path for path, _ in irs}, {path for path, _ in vises}
    if len(first) > len(second):
        return [entry for entry in irs if entry[0] not in second], vises
    return irs, [entry for entry in vises if entry[0] not in first]


def _by_time(
    irs: Sequence[Path], vises: Sequence[Path], ir_roots: Mapping[Path, Path], vis_roots: Mapping[Path, Path]
) -> list[_Group]:
    """Files of one shot whose names have the same number and times that differ by a moment."""
    timed = []
    sides: tuple[tuple[Sequence[Path], Mapping[Path, Path], Kind], ...] = (
        (irs, ir_roots, "ir"),
        (vises, vis_roots, "vis"),
    )
    for files, roots, kind in sides:
        found = []
        for path in files:
            reading = _ways(path, roots[path], kind)[0]
            if at := marks.taken_at(reading.key):
                found.append((path, reading, *at))
        timed.append(found)
    groups: list[_Group] = []
    used: set[Path] = set()
    for ir, reading, name, time in timed[0]:
        near = [
            (path, other.second)
            for path, other, its, moment in timed[1]
            if its == name and path not in used and marks.at_once(time, moment)
        ]
        if near:
            groups.append(_ranked(reading.key, [(ir, False)], near))
            used |= set(groups[-1].files)
    return groups


def find_pair_folders(root: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The infrared and the visible folder directly below a data folder, whatever spelling they have.

    Raises DataError when either is missing or there are several candidates for it.
    """
    root = Path(root)
    try:
        folders = sorted(entry for entry in root.iterdir() if entry.is_dir())
    except OSError as error:
        raise DataError(f"The folder {root} cannot be read: {error.strerror or error}.") from error
    if not _have_usual_names(folders):
        marked = _marked_folders(folders)
        if marked:
            return marked
    return _one_of(folders, IR_NAMES, "infrared", root), _one_of(folders, VIS_NAMES, "visible", root)


def holds_kinds(folders: Iterable[Path]) -> bool:
    """True where there is at least one folder of either kind by its name, usual or marked, of those in one folder."""
    folders = list(folders)
    return _have_usual_names(folders) or _marked_folders(folders) is not None


def _have_usual_names(folders: Iterable[Path]) -> bool:
    names = {folder.name.lower() for folder in folders}
    return not names.isdisjoint(IR_NAMES) and not names.isdisjoint(VIS_NAMES)


def _marked_folders(folders: Iterable[Path]) -> tuple[Path, Path] | None:
    """The one infrared and the one visible folder by marks in their names; None where there is not one of each."""
    sides: dict[Kind, list[tuple[Path, bool]]] = {"ir": [], "vis": []}
    for folder in folders:
        if found := marks.folder_kind(folder.name):
            sides[found[0]].append((folder, found[1]))
    first = [
        [folder for folder, second in side if not second] or [folder for folder, _ in side] for side in sides.values()
    ]
    return (first[0][0], first[1][0]) if len(first[0]) == len(first[1]) == 1 else None


def find_pictures(
    root: str | os.PathLike[str], recursive: bool = False, exclude: str | os.PathLike[str] | None = None
) -> list[Path]:
    """The picture files of a folder, sorted by path; see ``find_pairs`` for the arguments. Raises DataError."""
    root, excluded = Path(root), os.path.realpath(exclude) if exclude is not None else None
    pictures, numbers, seen, waiting = [], [], set(), [root]
    while waiting:
        folder = waiting.pop()
        try:
            real = os.path.realpath(folder)
            if real == excluded or real in seen:  # links to folders are followed, but not in circles
                continue
            seen.add(real)
            entries = list(folder.iterdir())
        except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
            said = getattr(error, "strerror", None) or error
            raise DataError(f"The folder {shown(folder)} cannot be read: {said}.") from error
        for entry in entries:
            if entry.is_dir():
                if recursive and not entry.name.startswith("."):
                    waiting.append(entry)
            elif is_picture_name(entry.name):
                pictures.append(entry)
            elif entry.suffix.lower() in NUMBERS and not entry.name.startswith("."):
                numbers.append(entry)
    return sorted([*pictures, *_alone(numbers, pictures)])


def _alone(numbers: list[Path], pictures: list[Path]) -> list[Path]:
    """Those files of numbers that stand for a picture: no picture has their name, and a table holds numbers."""
    named = {path.with_suffix("") for path in pictures}
    return [path for path in numbers if path.with_suffix("") not in named and _holds_numbers(path)]


def _holds_numbers(path: Path) -> bool:
    if path.suffix.lower() != ".csv":
        return True
    try:
        with open(path, "rb") as file:
            return format_of(file.read(LONGEST_START)) == TABLE
    except OSError:
        return False


def _one_of(folders: list[Path], names: tuple[str, ...], kind: str, root: Path) -> Path:
    found = [folder for folder in folders if folder.name.lower() in names]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(folder.name for folder in found)
        raise DataError(f"{root} holds more than one {kind} folder ({several}): keep one, or rename the others.")
    there = ", ".join(folder.name for folder in folders[:8]) or "no folder"
    raise DataError(
        f"{root} holds no {kind} folder: it needs one named {', '.join(names)} (in any case), but holds {there}."
    )


def name_of(path: Path, root: Path) -> str:
    """The name that pairs a file: relative path without suffix, in lower case.

    NFC, because macOS stores é as two characters and a camera's card does not.
    """
    return _nfc(path.relative_to(root).with_suffix("").as_posix()).lower()


def _folder(path: Path, root: Path) -> str:
    name = name_of(path, root)
    return name[: name.rfind("/") + 1]


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _grouped(named: Iterable[tuple[Path, str]]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = defaultdict(list)
    for path, name in named:
        files[name].append(path)
    return dict(files)


def _without(files: Mapping[str, list[Path]], keys: set[str]) -> list[Path]:
    return [path for key in sorted(files.keys() - keys) for path in files[key]]
