"""A folder of pictures in a few lines: what kinds of files it holds, when and where they were taken, how they pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diffuse_fuse.errors import ImageError
from diffuse_fuse.images.describe import Facts, describe
from diffuse_fuse.images.options import DEFAULT, LoadOptions
from diffuse_fuse.images.pairing import NO_RULES, Rules, pair_sources
from diffuse_fuse.images.pairs import Pairing, find_pictures


@dataclass(frozen=True)
class Kind:
    """Files that are alike. first, last: when they were taken.

    kind: "infrared" or "visible", by the pairs; of files without a pair "infrared" where they are radiometric, "both"
    where they hold a visible picture too, else "other".
    thermal: lowest and highest value and unit of all, for infrared and radiometric files. place: south, west, north
    and east in degrees.
    """

    kind: str
    files: int
    format: str
    width: int
    height: int
    bits: int
    content: str
    camera: str | None
    thermal: tuple[float, float, str] | None
    first: str | None
    last: str | None
    place: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class Flight:
    """A folder: its kinds of files, the most frequent first, what pairs, and files that cannot be read."""

    path: str
    files: int
    kinds: tuple[Kind, ...]
    pairing: Pairing
    errors: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``dfuse inspect --json`` prints them."""
        found = self.pairing
        return {
            "path": self.path,
            "files": self.files,
            "kinds": [asdict(kind) for kind in self.kinds],
            "pairs": len(found.pairs),
            "unpaired": {"ir": list(map(str, found.ir_only)), "vis": list(map(str, found.vis_only))},
            "ambiguous": list(map(str, found.ambiguous)),
            "passed_over": list(map(str, found.passed_over)),
            "notes": list(found.notes),
            "errors": list(self.errors),
        }


def summarise(
    root: Path,
    recursive: bool = False,
    rules: Rules = NO_RULES,
    options: LoadOptions = DEFAULT,
    on_file: Callable[[], None] = lambda: None,
) -> Flight:
    """Look at every picture of a folder.

    Raises DataError when it cannot be read, UsageError for rules that fit no file.
    """
    pairing = pair_sources(root, None, recursive, rules=rules)
    roles: dict[Path, str] = {}
    for pair in pairing.pairs:
        roles |= {pair.ir: "infrared", pair.vis: "visible"}
    roles |= dict.fromkeys(pairing.ir_only, "infrared") | dict.fromkeys(pairing.vis_only, "visible")
    files = sorted({*find_pictures(root, recursive), *roles})
    groups: dict[tuple[Any, ...], list[Facts]] = {}
    errors = []
    for path in files:
        try:
            facts = describe(path, options)
        except ImageError as error:
            errors.append(str(error))
        else:
            kind = roles.get(path) or _kind_alone(facts)
            alike = (kind, facts.format, facts.width, facts.height, facts.bits, facts.content, facts.camera)
            groups.setdefault(alike, []).append(facts)
        on_file()
    kinds = [_kind(alike, found) for alike, found in groups.items()]
    kinds.sort(key=lambda kind: (-kind.files, kind.kind, kind.format))
    return Flight(str(root), len(files), tuple(kinds), pairing, tuple(errors))


def _kind_alone(facts: Facts) -> str:
    """The kind of a file that is in no pair."""
    inside = {picture.kind for picture in facts.embedded}
    if facts.channels == 4 or "visible" in inside:
        return "both"
    return "infrared" if inside else "other"


def _kind(alike: tuple[Any, ...], found: list[Facts]) -> Kind:
    kind, name, width, height, bits, content, camera = alike
    times = sorted(facts.time for facts in found if facts.time)
    places = [facts.gps for facts in found if facts.gps]
    return Kind(
        kind,
        len(found),
        name,
        width,
        height,
        bits,
        content,
        camera,
        _thermal(kind, [facts.thermal for facts in found if facts.thermal]),
        times[0] if times else None,
        times[-1] if times else None,
        _box(places) if places else None,
    )


def _thermal(kind: str, found: list[dict[str, Any]]) -> tuple[float, float, str] | None:
    units = {thermal["unit"] for thermal in found}
    if len(units) != 1 or (kind not in ("infrared", "both") and units <= {"levels", "values"}):
        return None
    return min(thermal["min"] for thermal in found), max(thermal["max"] for thermal in found), units.pop()


def _box(places: Iterable[tuple[float, float]]) -> tuple[float, float, float, float]:
    norths, easts = zip(*places, strict=True)
    return min(norths), min(easts), max(norths), max(easts)
