"""Pairs whose files differ by a mark of their kind: IR_lake_g.bmp and VIS_lake_r.bmp, FLIR_00002_RGB.jpg and
FLIR_00002_PreviewData.jpeg, thermal/7400i.bmp and visual/7400v.bmp. The TNO archive and the aligned FLIR set are
like that."""

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
_NIR = re.compile(r"(?<![a-z])nir(?![a-z])", re.IGNORECASE)
_II = re.compile(r"(?<![a-z])ii(?![a-z])", re.IGNORECASE)
# The sequences of TNO keep their frames in two folders: rad/RADheli0.bmp and dhv/DHVheli0.bmp.
_SEQUENCES = {"thermal": "ir", "rad": "ir", "visual": "vis", "dhv": "vis"}
_FRAME = re.compile(r"^(rad|dhv)|(?<=\d)[iv]$", re.IGNORECASE)
# Three scenes of its Athena camera are numbered: 1_fk_ge_03_005.bmp is visible, 2_fk_ge_03_005.bmp infrared.
_ATHENA = "athena_images"
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
    def spare(self) -> list[Path]:
        """Colour pictures beside a visible one: composites of several cameras."""
        return self.rgb if self.vis else []

    @property
    def is_pair(self) -> bool:
        return len(self.ir) == len(self.visible) == 1


def pair_by_tokens(root: Path, ir_root: Path | None = None) -> TokenPairing:
    """Pair the pictures below ``root`` by their names without the marks of their kind.

    A folder with one picture of each kind is a scene whatever their names are, and the pair has the folder's name. A
    visible picture whose only companion is a near infrared one is left out with a note: it lacks nothing.
    ir_root: the infrared pictures are in this folder instead, the visible ones in ``root``.
    """
    pairs: list[Pair] = []
    problems: list[str] = []
    neither: list[Path] = []
    for relative, files in _by_scene(root, ir_root).items():
        groups, unknown = _groups(files)
        if len(files) == 2:
            unknown = _by_elimination(groups, unknown)
        scene = _merged(groups)
        if scene.is_pair:
            name = relative if relative != Path(".") else Path(_key(scene.ir[0])[1] or scene.visible[0].stem)
            pairs.append(Pair(scene.ir[0], scene.visible[0], name))
            neither += scene.spare + unknown
            continue
        if not scene.ir and len(scene.visible) == 1 and unknown and all(_NIR.search(path.stem) for path in unknown):
            neither += scene.visible + unknown
            continue
        for key, group in sorted(groups.items()):
            if group.is_pair:
                pairs.append(Pair(group.ir[0], group.visible[0], relative / key))
                neither += group.spare
            elif len(group.ir) > 1 or len(group.visible) > 1:
                several = ", ".join(str(path) for path in group.ir + group.visible)
                problems.append(f"{several}: more than one picture of a kind has this name")
            else:
                problems += [f"{path}: no visible picture of this name" for path in group.ir]
                problems += [f"{path}: no infrared picture of this name" for path in group.visible]
        neither += unknown
    return TokenPairing(tuple(pairs), tuple(problems), _note(neither))


def _by_scene(root: Path, ir_root: Path | None) -> dict[Path, list[Path]]:
    """Pictures by the folder that holds them; the two folders of a sequence are one scene, named by what holds both."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for base in (root, ir_root):
        if base is None:
            continue
        for path in sorted(base.rglob("*")):
            if is_picture_name(path.name) and path.is_file():
                inside = path.parent.relative_to(base)
                scene = inside.parent if inside.name.lower() in _SEQUENCES else inside
                folders[scene].append(path)
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
    """The kind by the first mark in the name, or by a sequence's folder, and the name without it."""
    found = [(match.start(), kind, match) for kind, pattern in (("ir", _IR), ("vis", _VIS), ("rgb", _RGB))
             if (match := pattern.search(path.stem))]  # fmt: skip
    if not found:
        folder = _SEQUENCES.get(path.parent.name.lower())
        return folder, _FRAME.sub("", path.stem) if folder else path.stem
    _, kind, match = min(found, key=lambda entry: entry[0])
    rest = re.sub(r"([_\-. ])[_\-. ]+", r"\1", path.stem[: match.start()] + path.stem[match.end() :])
    return kind, rest.strip("_-. ")


def _by_elimination(groups: dict[str, _Group], unknown: list[Path]) -> list[Path]:
    """Puts the unmarked files of a scene of two where they must belong; returns those that stay unknown."""
    if len(unknown) == 1 and len(groups) == 1:  # bunker: IR_bunker_g.bmp and bunker_r.bmp
        only = next(iter(groups.values()))
        stem = unknown[0].stem
        if only.ir and not _NIR.search(stem) and not _II.search(stem):
            only.vis.append(unknown[0])
            return []
    elif len(unknown) == 2 and _ATHENA in {part.lower() for part in unknown[0].parts}:
        first, second = sorted(unknown)
        if first.stem[:2] == "1_" and second.stem[:2] == "2_" and first.stem[2:] == second.stem[2:]:
            groups[first.stem[2:]] = _Group(ir=[second], vis=[first])
            return []
    return unknown


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
    return (f"{len(neither)} {pictures} left out, without a pair of infrared and visible: {names}{more}",)
