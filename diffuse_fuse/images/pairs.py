"""Folders → pairs of files, by name."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from diffuse_fuse.arguments import path_of
from diffuse_fuse.errors import DataError
from diffuse_fuse.images.names import is_picture_name, shown

IR_NAMES = ("ir", "infrared", "thermal", "lwir", "inf", "t")
VIS_NAMES = ("vi", "vis", "visible", "rgb", "color", "colour", "v")

# What programs and cameras add to a name on either side: a_ir.png with a_vis.png, DJI_0001_T.JPG with DJI_0001_V.JPG
# (wide lens _W, zoom _Z). Taken off only where the whole names have no partner.
_IR_MARKS = ("ir", "t", "thermal", "infrared", "tir", "lwir")
_VIS_MARKS = ("vis", "vi", "v", "w", "z", "visible", "rgb", "color", "colour")


@dataclass(frozen=True)
class Pair:
    """Two files of one scene. ``relative``: the visible file's path below its folder, without suffix."""

    ir: Path
    vis: Path
    relative: Path


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
        return f"{' and '.join(parts)} carry the name {self.relative}: keep one, or rename them."


@dataclass(frozen=True)
class Pairing:
    """What two folders hold: pairs, files without a partner, and names that more than one file carries."""

    pairs: tuple[Pair, ...]
    ir_only: tuple[Path, ...]
    vis_only: tuple[Path, ...]
    ambiguous: tuple[Ambiguous, ...]


def find_pairs(
    ir_dir: str | os.PathLike[str],
    vis_dir: str | os.PathLike[str],
    recursive: bool = False,
    exclude: str | os.PathLike[str] | None = None,
) -> Pairing:
    """Pair the pictures of two folders by stem; case and suffix may differ, the order of files plays no part.

    Names without a partner are compared again without the marks that cameras add (a_ir and a_vis, DJI_1_T and DJI_1_V).
    recursive: subfolders are searched too and must have the same names on both sides (case aside).
    exclude: a folder to leave out, such as an output folder inside an input folder.
    Everything is sorted by name. Raises DataError when a folder cannot be read.
    """
    ir_dir, vis_dir = path_of(ir_dir, "The infrared folder"), path_of(vis_dir, "The visible folder")
    ir_files, vis_files = (_by_key(folder, recursive, exclude) for folder in (ir_dir, vis_dir))
    _take_off_marks(ir_files, vis_files)
    pairs, ambiguous = [], []
    for key in sorted(ir_files.keys() & vis_files.keys()):
        ir, vis = ir_files[key], vis_files[key]
        relative = vis[0].relative_to(vis_dir).with_suffix("")
        if len(ir) == len(vis) == 1:
            pairs.append(Pair(ir[0], vis[0], relative))
        else:
            ambiguous.append(Ambiguous(relative, tuple(ir), tuple(vis)))
    return Pairing(
        tuple(pairs),
        _without_partner(ir_files, vis_files),
        _without_partner(vis_files, ir_files),
        tuple(ambiguous),
    )


def _take_off_marks(ir_files: dict[str, list[Path]], vis_files: dict[str, list[Path]]) -> None:
    """Give files that have no partner, but would have one without the marks of their sides, the same key."""
    alone = [
        {key: _without_mark(key, marks) for key in files.keys() - others.keys()}
        for files, others, marks in ((ir_files, vis_files, _IR_MARKS), (vis_files, ir_files, _VIS_MARKS))
    ]
    common = set(alone[0].values()) & set(alone[1].values())
    for files, plain in ((ir_files, alone[0]), (vis_files, alone[1])):
        for key in sorted(plain):
            if plain[key] in common:
                # a key that no name can have, so that nothing joins files whose whole names agree
                files.setdefault(plain[key] + "\0", []).extend(files.pop(key))


def _without_mark(key: str, marks: tuple[str, ...]) -> str:
    for mark in marks:
        for separator in "_-.":
            if key.endswith(separator + mark) and len(key) > len(mark) + 1:
                return key[: -len(mark) - 1]
    return key


def find_pair_folders(root: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The infrared and the visible folder directly below a data folder, whatever spelling they have.

    Raises DataError when either is missing or there are several candidates for it.
    """
    root = Path(root)
    try:
        folders = sorted(entry for entry in root.iterdir() if entry.is_dir())
    except OSError as error:
        raise DataError(f"The folder {root} cannot be read: {error.strerror or error}.") from error
    return _one_of(folders, IR_NAMES, "infrared", root), _one_of(folders, VIS_NAMES, "visible", root)


def find_pictures(
    root: str | os.PathLike[str], recursive: bool = False, exclude: str | os.PathLike[str] | None = None
) -> list[Path]:
    """The picture files of a folder, sorted by path; see ``find_pairs`` for the arguments. Raises DataError."""
    root, excluded = Path(root), os.path.realpath(exclude) if exclude is not None else None
    pictures, seen, waiting = [], set(), [root]
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
    return sorted(pictures)


def _one_of(folders: list[Path], names: tuple[str, ...], kind: str, root: Path) -> Path:
    found = [folder for folder in folders if folder.name.lower() in names]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(folder.name for folder in found)
        raise DataError(f"{root} holds more than one {kind} folder ({several}): leave one, or rename the others.")
    there = ", ".join(folder.name for folder in folders[:8]) or "no folder"
    raise DataError(
        f"{root} holds no {kind} folder: one named {', '.join(names)} is needed (any case), and there is {there}."
    )


def _by_key(root: Path, recursive: bool, exclude: str | os.PathLike[str] | None) -> dict[str, list[Path]]:
    """The pictures below ``root`` by the name that pairs them: relative path without suffix, case-folded.

    NFC, because macOS stores é as two characters and a camera's card does not.
    """
    files = defaultdict(list)
    for path in find_pictures(root, recursive, exclude):
        key = path.relative_to(root).with_suffix("").as_posix()
        files[unicodedata.normalize("NFC", key).lower()].append(path)
    return files


def _without_partner(files: dict[str, list[Path]], others: dict[str, list[Path]]) -> tuple[Path, ...]:
    return tuple(path for key in sorted(files.keys() - others.keys()) for path in files[key])
