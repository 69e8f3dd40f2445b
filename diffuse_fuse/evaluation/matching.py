"""A folder of a method's results → the pair that each picture belongs to, by names, and never another method's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diffuse_fuse.errors import DataError
from diffuse_fuse.images.names import is_picture_name
from diffuse_fuse.images.pairing import glob_parts
from diffuse_fuse.images.pairs import Pair

Affix = tuple[str, str]

# What programs write around a name that says nothing about the method.
_PLAIN = re.compile(r"(fused?|fusion|results?|out(put)?s?|imgs?|images?|pred(ictions?)?|f|test|\d*)")
_NAMED = 12


@dataclass(frozen=True)
class Results:
    """A folder of results against the pairs: files by pair name, pairs without a file, files without a pair."""

    files: dict[str, Path]
    missing: tuple[str, ...]
    extra: tuple[Path, ...]
    affix: Affix = ("", "")


def match_results(folder: Path, pairs: Sequence[Pair], name: str = "", pattern: str | None = None) -> Results:
    """Find each pair's result by name: the path below the folder, or the stem of either source; case plays no part.

    When none fits, names that carry one prefix or suffix (00020N_SeAFusion) are tried without it: that which holds
    ``name``, the method's own; else the only one. pattern: names such as "*_SeAFusion.png"; what * stands for is the
    pair's name. Raises DataError when the folder holds no picture, two for one pair, or several methods' and none of
    this name.
    """
    files = [path for path in sorted(folder.rglob("*")) if is_picture_name(path.name) and path.is_file()]
    if not files:
        raise DataError(f"There are no pictures in {folder}.")
    keys = {path: path.relative_to(folder).with_suffix("").as_posix().lower() for path in files}
    affix = ("", "")
    if pattern:
        keys = _by_pattern(folder, files, pattern)
        found = _assign(keys, pairs)
        if not found:
            raise DataError(f"{name}: no picture in {folder} that {pattern} fits is named like a pair.")
    else:
        votes = _affixes(list(keys.values()), pairs)
        own = [affix for affix in votes if any(affix) and _words("_".join(affix)) == _words(name)]
        found = {} if own and votes[own[0]] >= votes["", ""] else _assign(keys, pairs)
    if not found:
        affix = _own_affix(votes, name, folder)
        prefix, suffix = affix
        stripped = {
            path: key[len(prefix) : len(key) - len(suffix)]
            for path, key in keys.items()
            if key.startswith(prefix) and key.endswith(suffix) and len(key) > len(prefix) + len(suffix)
        }
        found = _assign(stripped, pairs) if any(affix) else {}
    used = set(found.values())
    missing = tuple(text for pair in pairs if (text := pair_name(pair)) not in found)
    return Results(found, missing, tuple(path for path in files if path not in used), affix)


def pair_name(pair: Pair) -> str:
    """How a pair is called everywhere: the path below its folder, with forward slashes."""
    return pair.relative.as_posix()


def _by_pattern(folder: Path, files: Sequence[Path], pattern: str) -> dict[Path, str]:
    parts = glob_parts(pattern)
    keys = {}
    for path in files:
        whole = path.relative_to(folder).as_posix()
        for text in (whole, path.relative_to(folder).with_suffix("").as_posix(), path.name, path.stem):
            stars = parts(text)
            if stars:
                keys[path] = re.sub(r"\.(png|jpe?g|tiff?|bmp|webp)$", "", "".join(stars))
                break
    return keys


def _aliases(pair: Pair) -> list[str]:
    whole = pair_name(pair).lower()
    flat = whole.replace("/", "_")
    return list(dict.fromkeys([whole, flat, pair.relative.name.lower(), pair.vis.stem.lower(), pair.ir.stem.lower()]))


def _assign(keys: Mapping[Path, str], pairs: Sequence[Pair]) -> dict[str, Path]:
    by_key: dict[str, list[Path]] = {}
    for path, key in keys.items():
        by_key.setdefault(key, []).append(path)
    shared: dict[str, int] = {}
    for pair in pairs:
        for alias in _aliases(pair):
            shared[alias] = shared.get(alias, 0) + 1
    found = {}
    for pair in pairs:
        # an alias that several pairs share (I00019 of each video) says nothing
        usable = [alias for alias in _aliases(pair) if shared[alias] == 1 and alias in by_key]
        if not usable:
            continue
        paths = by_key[usable[0]]
        if len(paths) > 1:
            several = ", ".join(str(path) for path in paths)
            raise DataError(f"{len(paths)} pictures are named like {pair_name(pair)} ({several}): keep one.")
        found[pair_name(pair)] = paths[0]
    return found


def _affixes(keys: Sequence[str], pairs: Sequence[Pair]) -> Counter[Affix]:
    """What stands before and after the pairs' names in the files' names, with how many files have it."""
    votes: Counter[Affix] = Counter()
    names = sorted({alias for pair in pairs for alias in _aliases(pair)}, key=len, reverse=True)
    for key in keys:
        # whole words first: in 00001_mine the pair 0 is not meant
        words = (re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", key) for name in names if name in key)
        inside = next(filter(None, words), None)
        inside = inside or next((re.search(re.escape(name), key) for name in names if name in key), None)
        if inside:
            votes[key[: inside.start()], key[inside.end() :]] += 1
    return votes


def _own_affix(votes: Counter[Affix], name: str, folder: Path) -> Affix:
    """The prefix and suffix of the method called ``name``; ("", "") when no file is named like a pair.

    Raises DataError where the folder holds several methods' pictures and which are its own cannot be told.
    """
    if len(votes) <= 1:
        return next(iter(votes), ("", ""))
    own = _words(name)
    for fits in (lambda words: words == own, lambda words: own != [] and _holds(words, own)):
        fitting = [affix for affix in votes if fits([word for part in affix for word in _words(part)])]
        if fitting:
            best = max(fitting, key=lambda affix: votes[affix])
            if len(fitting) == 1 or all(votes[affix] < votes[best] for affix in fitting if affix != best):
                return best
            break
    likely = [affix for affix in votes if votes[affix] * 2 >= max(votes.values())]
    if len(likely) == 1 and all(_PLAIN.fullmatch(word) for part in likely[0] for word in _words(part)):
        return likely[0]
    patterns = [f"{prefix}*{suffix}" for prefix, suffix in sorted(votes, key=lambda affix: -votes[affix])]
    more = f" and {len(patterns) - _NAMED} more" if len(patterns) > _NAMED else ""
    raise DataError(
        f"{folder} holds the pictures of several methods ({', '.join(patterns[:_NAMED])}{more}) and none is called "
        f"'{name}': give the folder of one, its name, or NAME={folder}:PATTERN."
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _holds(words: Sequence[str], own: Sequence[str]) -> bool:
    """True where ``own`` stands among the words, one after the other."""
    return any(list(words[start : start + len(own)]) == list(own) for start in range(len(words)))
