"""Pairs whose files differ by a mark of their kind: IR_lake_g.bmp and VIS_lake_r.bmp, FLIR_00002_RGB.jpg and
FLIR_00002_PreviewData.jpeg. The TNO archive and the aligned FLIR set are like that."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from diffuse_fuse.images.pairs import Pair
from diffuse_fuse.images.read import is_picture_name

# NIR and II (near infrared, intensified) are neither: the letter before keeps NIR out.
_IR = re.compile(r"(?<![a-z])(lwir|ir|thermal|infrared|previewdata)(?![a-z])", re.IGNORECASE)
_VIS = re.compile(r"(?<![a-z])(vis|visible|visual|vi)(?![a-z])", re.IGNORECASE)
_RGB = re.compile(r"(?<![a-z0-9])rgb(?![a-z])", re.IGNORECASE)
_NEAR = re.compile(r"(?<![a-z])(nir|ii)(?![a-z])", re.IGNORECASE)
_NAMED = 5


@dataclass(frozen=True)
class TokenPairing:
    """Pairs, sentences about files without a partner, and notes about files that are of neither kind."""

    pairs: tuple[Pair, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Group:
    """The files of one name, mark aside. ``rgb``: visible only if there is no better one."""

    ir: list[Path] = field(default_factory=list)
    vis: list[Path] = field(default_factory=list)
    rgb: list[Path] = field(default_factory=list)

    @property
    def visible(self) -> list[Path]:
        return self.vis or self.rgb

    @property
    def is_pair(self) -> bool:
        return len(self.ir) == len(self.visible) == 1


def pair_by_tokens(root: Path, ir_root: Path | None = None) -> TokenPairing:
    """Pair the pictures below ``root`` by their names without the marks of their kind.

    A folder with one picture of each kind is a scene whatever their names are, and the pair has the folder's name.
    ir_root: the infrared pictures are in this folder instead, the visible ones in ``root``.
    """
    pairs: list[Pair] = []
    problems: list[str] = []
    neither: list[Path] = []
    for relative, files in _by_folder(root, ir_root).items():
        groups, unknown = _groups(files)
        if len(files) == 2 and len(unknown) == 1 and len(groups) == 1:  # bunker: IR_bunker_g.bmp and bunker_r.bmp
            only = next(iter(groups.values()))
            if only.ir and not _NEAR.search(unknown[0].stem):
                only.vis.append(unknown.pop())
        scene = _merged(groups)
        if scene.is_pair:
            name = relative if relative != Path(".") else Path(_key(scene.ir[0])[1] or scene.visible[0].stem)
            pairs.append(Pair(scene.ir[0], scene.visible[0], name))
            neither += unknown
            continue
        for key, group in sorted(groups.items()):
            if group.is_pair:
                pairs.append(Pair(group.ir[0], group.visible[0], relative / key))
            elif len(group.ir) > 1 or len(group.visible) > 1:
                several = ", ".join(str(path) for path in group.ir + group.visible)
                problems.append(f"{several}: more than one picture of a kind has this name")
            else:
                problems += [f"{path}: no visible picture of this name" for path in group.ir]
                problems += [f"{path}: no infrared picture of this name" for path in group.visible]
        neither += unknown
    return TokenPairing(tuple(pairs), tuple(problems), _note(neither))


def _by_folder(root: Path, ir_root: Path | None) -> dict[Path, list[Path]]:
    folders: dict[Path, list[Path]] = defaultdict(list)
    for base in (root, ir_root):
        if base is None:
            continue
        for path in sorted(base.rglob("*")):
            if is_picture_name(path.name) and path.is_file():
                folders[path.parent.relative_to(base)].append(path)
    return dict(sorted(folders.items()))


def _groups(files: list[Path]) -> tuple[dict[str, _Group], list[Path]]:
    groups: dict[str, _Group] = defaultdict(_Group)
    unknown = []
    for path in files:
        kind, key = _key(path)
        if kind is None:
            unknown.append(path)
        else:
            getattr(groups[key], kind).append(path)
    return dict(groups), unknown


def _key(path: Path) -> tuple[str | None, str]:
    """The kind by the first mark in the name, and the name without it."""
    found = [(match.start(), kind, match) for kind, pattern in (("ir", _IR), ("vis", _VIS), ("rgb", _RGB))
             if (match := pattern.search(path.stem))]  # fmt: skip
    if not found:
        return None, path.stem
    _, kind, match = min(found, key=lambda entry: entry[0])
    rest = re.sub(r"([_\-. ])[_\-. ]+", r"\1", path.stem[: match.start()] + path.stem[match.end() :])
    return kind, rest.strip("_-. ")


def _merged(groups: dict[str, _Group]) -> _Group:
    whole = _Group()
    for group in groups.values():
        whole.ir += group.ir
        whole.vis += group.vis
        whole.rgb += group.rgb
    return whole


def _note(neither: list[Path]) -> tuple[str, ...]:
    if not neither:
        return ()
    names = ", ".join(str(path) for path in neither[:_NAMED])
    more = f" and {len(neither) - _NAMED} more" if len(neither) > _NAMED else ""
    pictures = "picture was" if len(neither) == 1 else "pictures were"
    return (f"{len(neither)} {pictures} left out, named neither infrared nor visible: {names}{more}",)
