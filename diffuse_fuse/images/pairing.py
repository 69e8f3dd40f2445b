"""The one pairing of all commands: two folders or one, names, patterns, a map file, or the order of numbers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diffuse_fuse.errors import UsageError, counted
from diffuse_fuse.files import read_ordinary
from diffuse_fuse.images.marks import folder_kind
from diffuse_fuse.images.names import is_picture_name, shown
from diffuse_fuse.images.nested import holds_both, pair_nested
from diffuse_fuse.images.pairs import (
    IR_NAMES,
    VIS_NAMES,
    Pair,
    Pairing,
    find_pair_folders,
    find_pairs_in_one,
    find_pictures,
    kind_of,
    name_of,
    pair_files,
    pair_marked,
)
from diffuse_fuse.images.table import read_manifest

_FOLDERS = (IR_NAMES, VIS_NAMES)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Rules:
    """How files are paired where names alone do not tell.

    ir_pattern, vis_pattern: names with * (and ?) of the files of a kind; with both, what the stars stand for pairs
    them. map_file: JSON {visible name: infrared name}, or a table with the columns ir and vis. by_order: consecutive
    numbers, or else the order of the names, pair files.
    """

    ir_pattern: str | None = None
    vis_pattern: str | None = None
    map_file: Path | None = None
    by_order: bool = False

    @property
    def given(self) -> bool:
        return self != NO_RULES


NO_RULES = Rules()


def pair_sources(
    ir: Path,
    vis: Path | None = None,
    recursive: bool = False,
    exclude: Path | None = None,
    rules: Rules = NO_RULES,
) -> Pairing:
    """The pairs of two folders, or of one that holds both kinds: marked files, or folders such as ir/ and vis/.

    With ``recursive`` and no pair in one folder, the folders below it that hold ir/ and vis/ are looked for.
    exclude: a folder to leave out. Raises DataError for a folder that cannot be read, UsageError for rules that do
    not fit the files.
    """
    if rules.by_order and (rules.map_file or (rules.ir_pattern and rules.vis_pattern and vis is not None)):
        raise UsageError("--by-order contradicts --map or two patterns: use only one of them.")
    if vis is None and holds_both(ir):
        root, (ir, vis) = ir, find_pair_folders(ir)
        found = pair_sources(ir, vis, recursive, exclude, rules)
        return replace(found, passed_over=(*found.passed_over, *_beside(root, ir, vis, exclude)))
    if not rules.given:
        if vis is None:
            found = find_pairs_in_one(ir, recursive, exclude)
            nested = pair_nested(ir, exclude) if recursive and not (found.pairs or found.ambiguous) else found
            return nested if nested.pairs or nested.ambiguous else found
        return pair_files(*(dict.fromkeys(find_pictures(root, recursive, exclude), root) for root in (ir, vis)))
    irs, vises, neither = _sides(ir, vis, recursive, exclude, rules)
    if rules.map_file:
        found = _by_map(irs, vises, rules.map_file)
    elif rules.by_order:
        found = _by_order(irs, vises)
    elif rules.ir_pattern and rules.vis_pattern:
        found = _by_patterns(irs, vises, rules.ir_pattern, rules.vis_pattern)
        found = found if found.pairs or found.ambiguous else pair_files(irs, vises)
    else:
        found = pair_files(irs, vises)
    return replace(found, passed_over=(*found.passed_over, *neither))


def _beside(root: Path, ir: Path, vis: Path, exclude: Path | None) -> list[Path]:
    """Pictures of further folders of a kind in ``root``, such as RoadScene's visible ones of a higher resolution."""
    others = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and folder not in (ir, vis)]
    return [path for folder in others if folder_kind(folder.name) for path in find_pictures(folder, False, exclude)]


def pair_names(names: Sequence[str]) -> Pairing:
    """The pairs among the names of files that are elsewhere, such as in a browser: relative paths with slashes.

    As ``pair_sources`` pairs one folder with its subfolders; where each name lies below a folder for the infrared or
    the visible ones (ir/, vis/, …), these pair. Nothing is read from the disk.
    """
    paths = sorted({Path(name.lstrip("/")) for name in names if is_picture_name(name.rpartition("/")[2])})
    root = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    tops = {path: root / path.relative_to(root).parts[0] for path in paths if path.parent != root}
    irs, vises = ({path: top for path, top in tops.items() if top.name.lower() in known} for known in _FOLDERS)
    if not irs or not vises:
        return pair_marked(paths, root)
    rest = tuple(path for path in paths if path not in irs and path not in vises)
    found = pair_files(irs, vises)
    return replace(found, passed_over=(*found.passed_over, *rest))


def glob_parts(pattern: str) -> Callable[[str], tuple[str, ...] | None]:
    """A function from a name to what the stars and question marks of ``pattern`` stand for in it, in lower case.

    None for a name that does not match. Case plays no part; a star does not cross folders, two do.
    """
    pieces = re.split(r"(\*\*/?|\*|\?)", pattern.replace("\\", "/"))
    kinds = {"**": "(.*)", "**/": "((?:.*/)?)", "*": "([^/]*)", "?": "([^/])"}
    compiled = re.compile("".join(kinds.get(piece) or re.escape(piece) for piece in pieces), re.IGNORECASE)

    def parts(name: str) -> tuple[str, ...] | None:
        found = compiled.fullmatch(name)
        return tuple(text.lower() for text in found.groups()) if found else None

    return parts


def _sides(
    ir: Path, vis: Path | None, recursive: bool, exclude: Path | None, rules: Rules
) -> tuple[dict[Path, Path], dict[Path, Path], list[Path]]:
    """Infrared and visible files with the folders that their names start from, and those that are neither."""
    first = dict.fromkeys(find_pictures(ir, recursive, exclude), ir)
    second = first if vis is None else dict.fromkeys(find_pictures(vis, recursive, exclude), vis)
    irs, vises = (_matching(side, p) for side, p in ((first, rules.ir_pattern), (second, rules.vis_pattern)))
    for files, pattern, kind in ((irs, rules.ir_pattern, "infrared"), (vises, rules.vis_pattern, "visible")):
        if pattern and not files:
            option = "--ir-pattern" if kind == "infrared" else "--vis-pattern"
            raise UsageError(
                f"{option} {pattern} matches no picture in {shown(ir if kind == 'infrared' else vis or ir)}."
            )
    if vis is None and not rules.map_file:
        if not rules.ir_pattern:
            marked = {path: root for path, root in irs.items() if kind_of(path) == "ir"}
            irs = {path: root for path, root in irs.items() if path not in vises} if rules.vis_pattern else marked
        if not rules.vis_pattern:
            vises = {path: root for path, root in vises.items() if path not in irs}
        both = irs.keys() & vises.keys()
        if both:
            raise UsageError(f"--ir-pattern and --vis-pattern both match {shown(min(both).name)}: make them differ.")
    return irs, vises, [path for path in {**first, **second} if path not in irs and path not in vises]


def _matching(files: Mapping[Path, Path], pattern: str | None) -> dict[Path, Path]:
    if pattern is None:
        return dict(files)
    return {path: root for path, root in files.items() if _stars(path, root, pattern) is not None}


def _stars(path: Path, root: Path, pattern: str) -> tuple[str, ...] | None:
    """What the stars stand for; a pattern without a slash looks at the name alone, and the folders count too."""
    any_suffix = pattern.endswith(".*") or "." not in pattern
    parts = glob_parts(pattern.removesuffix(".*"))
    relative = path.relative_to(root).with_suffix("") if any_suffix else path.relative_to(root)
    if "/" in pattern.replace("\\", "/"):
        return parts(relative.as_posix())
    found = parts(relative.name)
    if found is None:
        found = parts(path.name if any_suffix else path.stem)
    return None if found is None else (*(part.lower() for part in relative.parent.parts), *found)


def _by_patterns(irs: Mapping[Path, Path], vises: Mapping[Path, Path], ir: str, vis: str) -> Pairing:
    sides = []
    for files, pattern in ((irs, ir), (vises, vis)):
        keyed: dict[tuple[str, ...], list[Path]] = {}
        for path, root in files.items():
            keyed.setdefault(_stars(path, root, pattern) or (), []).append(path)
        sides.append(keyed)
    pairs = []
    for key in sorted(sides[0].keys() & sides[1].keys()):
        if len(sides[0][key]) == len(sides[1][key]) == 1:
            pair = _pair(sides[0][key][0], sides[1][key][0], vises)
            stars = key[len(pair.relative.parent.parts) :]
            name = "_".join(filter(None, stars)) if "/" not in vis else ""
            pairs.append(replace(pair, key=pair.relative.with_name(name) if name else None))
    return _rest(pairs, irs, vises)


def _by_map(irs: Mapping[Path, Path], vises: Mapping[Path, Path], file: Path) -> Pairing:
    """Pairs as a file says; names with or without folder and suffix, in either order."""
    sides = [_names(files) for files in (irs, vises)]
    pairs = []
    for one, other in _map(file):
        for first, second in ((one, other), (other, one)):
            ir, vis = _named(sides[0], first), _named(sides[1], second)
            if ir and vis and ir != vis:
                pairs.append(_pair(ir, vis, vises))
                break
    if not pairs:
        raise UsageError(
            f"No entry of {shown(file)} names two pictures that exist: its names must be those of the files."
        )
    return _rest(pairs, irs, vises)


def _names(files: Mapping[Path, Path]) -> dict[str, Path]:
    known: dict[str, Path] = {}
    for path, root in files.items():
        for name in (path.name.lower(), path.stem.lower(), name_of(path, root), path.relative_to(root).as_posix()):
            known.setdefault(name.lower(), path)
    return known


def _named(known: Mapping[str, Path], name: str) -> Path | None:
    """The file that a map means: by the path below its folder, or by the name alone."""
    name = name.strip().replace("\\", "/").lower().removeprefix("./")
    return known.get(name) or known.get(name.rpartition("/")[2])


def _map(file: Path) -> list[tuple[str, str]]:
    """The two names of each entry of a map file. Raises UsageError."""
    if file.suffix.lower() != ".json":
        return [(row["ir"], row["vis"]) for _, row in read_manifest(file) if row["ir"] and row["vis"]]
    try:
        found = json.loads(read_ordinary(file).decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{shown(file)} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError):
        raise UsageError(f"{shown(file)} is not JSON: it must be an object of names, visible to infrared.") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise UsageError(f"{shown(file)} is not a map: it must be an object of names, visible to infrared.")
    return [(ir, vis) for vis, ir in found.items()]


def _by_order(irs: Mapping[Path, Path], vises: Mapping[Path, Path]) -> Pairing:
    """Consecutive numbers pair files (DJI_0001 with DJI_0002_R); where there are none, the order of the names does.

    Raises UsageError where the counts differ and no numbers help.
    """
    first, second = (sorted(files, key=lambda path: natural(name_of(path, files[path]))) for files in (irs, vises))
    numbers = [{path: _number(path) for path in files} for files in (first, second)]
    by_number = {number: path for path, number in numbers[1].items() if number is not None}
    if len(by_number) == len(second):
        known = {path: number for path, number in numbers[0].items() if number is not None}
        offsets = {
            offset: [(ir, by_number[n + offset]) for ir, n in known.items() if n + offset in by_number]
            for offset in (-1, 1, 0)
        }
        best = max(offsets.values(), key=len)
        if len(best) * 2 > min(len(first), len(second)):
            return _rest([_pair(ir, vis, vises) for ir, vis in best], irs, vises)
    if len(first) != len(second):
        raise UsageError(
            f"There are {len(first)} infrared and {len(second)} visible pictures without consecutive numbers, but "
            "--by-order needs equally many of each. Use a table of pairs instead (--manifest)."
        )
    return _rest([_pair(ir, vis, vises) for ir, vis in zip(first, second, strict=True)], irs, vises)


def natural(text: str) -> list[tuple[int, str]]:
    """A key that puts frame_10 after frame_9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _number(path: Path) -> int | None:
    found = _NUMBER.findall(path.stem)
    return int(found[-1]) if found and len(found[-1]) < 19 else None


def _pair(ir: Path, vis: Path, vises: Mapping[Path, Path]) -> Pair:
    return Pair(ir, vis, vis.relative_to(vises[vis]).with_suffix(""))


def _rest(pairs: Sequence[Pair], irs: Mapping[Path, Path], vises: Mapping[Path, Path]) -> Pairing:
    used = {path for pair in pairs for path in (pair.ir, pair.vis)}
    left = [tuple(sorted(path for path in files if path not in used)) for files in (irs, vises)]
    return Pairing(tuple(sorted(pairs, key=lambda pair: str(pair.relative))), left[0], left[1])


def why_none(ir: Path, vis: Path | None, found: Pairing, recursive: bool) -> str:
    """Why there are no pairs, and what helps, as a sentence."""
    irs, vises = len(found.ir_only), len(found.vis_only)
    deeper = "" if recursive else ": add -r if they are in subfolders"
    if vis is None:
        total = irs + vises + len(found.passed_over)
        if not total:
            return f"There are no pictures in {shown(ir)}{deeper}."
        do = "does" if total == 1 else "do"
        return (
            f"The {counted(total, 'picture')} in {shown(ir)} {do} not show by name which are infrared and which belong "
            "together: use --ir-pattern and --vis-pattern (such as '*_T.*' and '*_W.*'), --map or --by-order."
        )
    if irs and vises:
        return (
            f"No picture in {shown(ir)} ({irs}) has the name of one in {shown(vis)} ({vises}): pairs need equal names, "
            "apart from suffixes and marks such as _ir and _vis. For other names, use --ir-pattern and --vis-pattern, "
            "--map, or for consecutive numbers --by-order."
        )
    empty = " and ".join(shown(os.fspath(folder)) for folder, count in ((ir, irs), (vis, vises)) if not count)
    return f"There are no pictures in {empty}{deeper}."
