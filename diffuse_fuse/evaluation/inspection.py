"""Every file is looked at before anything is computed: can it be read, what size has it, was it compressed?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from diffuse_fuse.errors import DfuseError, counted
from diffuse_fuse.evaluation.matching import Results, pair_name
from diffuse_fuse.evaluation.methods import Method
from diffuse_fuse.evaluation.reading import Reading
from diffuse_fuse.images import headerless
from diffuse_fuse.images.arrays import is_grey, to_one_channel
from diffuse_fuse.images.decode import ReadBytes, decode, read_bytes
from diffuse_fuse.images.header import LONGEST_START, format_of
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.names import is_headerless
from diffuse_fuse.images.options import MAX_PIXELS
from diffuse_fuse.images.pairs import Pair

# Median of ``jpeg_trace`` over a folder from which results are called former JPEGs. Measured on three methods and three
# data sets: lossless results have 0.18 to 0.34, the same through JPEG of quality 75 have 0.54 to 0.96, of quality 90
# 0.19 to 0.38: a high quality is not recognised.
_JPEG_TRACE = 0.46
_NAMED = 5

# Rows 0 to 2 of the orthonormal discrete cosine transform of length 8.
_COSINES = np.sqrt([[1 / 8], [2 / 8], [2 / 8]]) * np.cos(np.outer(np.arange(3), 2 * np.arange(8) + 1) * np.pi / 16)


@dataclass(frozen=True)
class Picture:
    """What a file holds. size: (H, W). jpeg: see ``jpeg_trace``. error: why it cannot be used.

    sha256: of the file, or, with what is said of how it is read, of both; contents: then of the file alone.
    """

    path: Path
    sha256: str = ""
    size: tuple[int, int] = (0, 0)
    grey: bool = False
    lossy: str | None = None
    jpeg: float = 0.0
    error: str | None = None
    contents: str = ""

    @property
    def of_file(self) -> str:
        """SHA-256 of the file's contents."""
        return self.contents or self.sha256


@dataclass(frozen=True)
class Case:
    """A pair that can be scored: its sources, the results of folders by the method's name, and how the sources are
    brought together where they do not show the same."""

    name: str
    ir: Picture
    vis: Picture
    results: dict[str, Picture]
    reading: Reading | None = None


@dataclass(frozen=True)
class Inspection:
    """Cases in order; ``problems`` leave a number out of the table, ``notes`` are to be known when reading it."""

    cases: tuple[Case, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def inspect(
    pairs: Sequence[Pair],
    folders: Mapping[str, tuple[Method, Results]],
    threads: int = 1,
    reading: Reading | None = None,
    read_file: ReadBytes = read_bytes,
) -> Inspection:
    """Look at the files of all pairs and of all folders of results.

    folders: by the method's name, the method and what ``match_results`` found. Sources that cannot be used take their
    pair out; results that cannot be used leave a gap in their row. Never raises for a bad file.
    reading: how the sources of each pair are brought to one size; without, they must have one. read_file: what reads
    the files.
    """
    sources = [path for pair in pairs for path in (pair.ir, pair.vis)]
    fused = [path for _, results in folders.values() for path in results.files.values()]
    with ThreadPoolExecutor(max(1, threads)) as pool:  # decoding releases the interpreter's lock
        lenient = reading is not None and bool(reading.load.of_the_file())
        pictures = dict(
            zip(sources, pool.map(partial(look_at, lenient=lenient, read_file=read_file), sources), strict=True)
        )
        both = [pair.ir for pair in pairs if pair.ir == pair.vis]
        with_both = partial(_with_both, read_file)
        pictures |= zip(both, pool.map(with_both, (pictures[path] for path in both)), strict=True)
        pictures |= zip(fused, pool.map(partial(look_at, trace=True, read_file=read_file), fused), strict=True)
    readings: dict[str, Reading] = {}
    for pair in pairs if reading else ():
        assert reading is not None
        both_pictures = pictures[pair.ir], pictures[pair.vis]
        cut, readings[pair_name(pair)] = _together(pair, both_pictures, reading, read_file)
        pictures[pair.ir], pictures[pair.vis] = cut
    problems: list[str] = []
    notes: list[str] = []
    usable: list[Pair] = []
    for pair in pairs:
        wrong = _wrong_with_pair(pictures[pair.ir], pictures[pair.vis])
        problems += wrong
        if not wrong:
            usable.append(pair)
    kept: dict[str, dict[str, Picture]] = {}
    for name, (method, results) in folders.items():
        kept[name], bad, odd = _results_of(name, method.source, results, usable, pictures)
        problems += bad
        notes += odd
    cases = tuple(
        Case(
            pair_name(pair),
            pictures[pair.ir],
            pictures[pair.vis],
            {name: found[pair_name(pair)] for name, found in kept.items() if pair_name(pair) in found},
            readings.get(pair_name(pair)),
        )
        for pair in usable
    )
    return Inspection(cases, tuple(problems), tuple(notes))


def look_at(path: Path, trace: bool = False, lenient: bool = False, read_file: ReadBytes = read_bytes) -> Picture:
    """Read and decode one file; ``trace`` asks for ``jpeg_trace``, which takes as long as decoding.

    lenient: a file that cannot be decoded without options may be one with them, which is for later to say.
    """
    data = b""
    try:
        data = read_file(path)
        if is_headerless(path) and format_of(data[:LONGEST_START]) is None:
            headerless.picture(data, path, None, 1, MAX_PIXELS)  # raises, and says what to do
        image = decode(data, path).array
    except DfuseError as error:
        if lenient and data:
            return Picture(path, hashlib.sha256(data).hexdigest())
        return Picture(path, error=str(error))
    except OSError as error:
        return Picture(path, error=f"{path} cannot be opened: {error.strerror or error}.")
    return Picture(
        path,
        hashlib.sha256(data).hexdigest(),
        image.shape[:2],
        is_grey(image),
        _lossy(data),
        jpeg_trace(to_one_channel(image)) if trace else 0.0,
    )


def _with_both(read_file: ReadBytes, picture: Picture) -> Picture:
    """A file that must hold both pictures of a pair, with the size that they have together."""
    if picture.error:
        return picture
    try:
        loaded = load_pair(picture.path, picture.path, read_file=read_file)
    except DfuseError as error:
        return replace(picture, error=str(error))
    return replace(picture, size=loaded.vis.shape[:2])


def _together(
    pair: Pair, sources: tuple[Picture, Picture], reading: Reading, read_file: ReadBytes
) -> tuple[tuple[Picture, Picture], Reading]:
    """Both sources with the size that they have together, or with why they have none; and how they are read."""
    ir, vis = sources
    if ir.error or vis.error:
        return (ir, vis), reading
    try:
        loaded = reading.pair(pair.ir, pair.vis, read_file)
    except DfuseError as error:
        return (replace(ir, error=f"{pair.ir} and {pair.vis}: {error}"), vis), reading
    own = reading.settled(loaded)
    cut = [
        replace(each, size=loaded.vis.shape[:2], sha256=own.mark(each.sha256), contents=each.sha256)
        for each in (ir, vis)
    ]
    return (cut[0], cut[1]), own


def jpeg_trace(grey: np.ndarray) -> float:
    """How clearly the picture was a JPEG once, from 0 (not at all) to 1, whatever its file format is now.

    A JPEG stores multiples of a step for each frequency of its 8×8 blocks, and the decoded picture still has them:
    the mean of cos(2π c / step) over its coefficients c, at the best step, is near 1 there and near 0 elsewhere. The
    median over seven low frequencies is returned. ``grey`` H×W, 0 to 255; small pictures give 0.
    """
    height, width = (length // 8 * 8 for length in grey.shape)
    if not height or not width:
        return 0.0
    blocks = grey[:height, :width].astype(np.float32).reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2)
    peaks = []
    for u, v in ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1)):
        size = np.abs(np.einsum("...ij,i,j->...", blocks, _COSINES[u], _COSINES[v], optimize=True)).ravel()
        peak = 0.0
        for step in range(3, 41):
            clear = size[size > 0.75 * step]  # zero is a multiple of every step and says nothing
            if clear.size < 100:
                break
            peak = max(peak, float(np.cos(2 * np.pi / step * clear).mean()))
        peaks.append(peak)
    return float(np.median(peaks))


def _lossy(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and b"VP8 " in data[12:64]:
        return "lossy WebP"
    return None


def _wrong_with_pair(ir: Picture, vis: Picture) -> list[str]:
    errors = [picture.error for picture in (ir, vis) if picture.error]
    if not errors and ir.size != vis.size:
        errors = [f"{vis.path}: {_size(vis)}, but the infrared picture is {_size(ir)}; not scored"]
    return errors


def _results_of(
    name: str, folder: Path, results: Results, pairs: Sequence[Pair], pictures: Mapping[Path, Picture]
) -> tuple[dict[str, Picture], list[str], list[str]]:
    problems, notes = [], []
    good: dict[str, Picture] = {}
    wrong_size: list[str] = []
    example = ""
    for pair in pairs:
        path = results.files.get(pair_name(pair))
        if path is None:
            continue
        picture, source = pictures[path], pictures[pair.vis]
        if picture.error:
            problems.append(f"{name}: {picture.error}")
        elif picture.size != source.size:
            wrong_size.append(pair_name(pair))
            example = example or f"the first is {_size(picture)} instead of {_size(source)}"
        else:
            good[pair_name(pair)] = picture
    missing = [text for text in results.missing if text in {pair_name(pair) for pair in pairs}]
    if missing:
        problems.append(f"{name}: no result for {len(missing)} of {counted(len(pairs), 'pair')}: {_named(missing)}")
    if wrong_size:
        have, are = ("has", "is") if len(wrong_size) == 1 else ("have", "are")
        problems.append(
            f"{name}: {len(wrong_size)} of {counted(len(pairs), 'result')} {have} another size than the pair and {are} "
            f"not scored ({example}): {_named(wrong_size)}"
        )
    if any(results.affix):
        places = zip(results.affix, ("start", "end"), strict=True)
        around = " and ".join(f"'{text}' at the {where}" for text, where in places if text)
        notes.append(f"{name}: the files match the pairs' names without {around}")
    return good, problems, notes + _quality(name, pairs, good, pictures)


def _quality(
    name: str, pairs: Sequence[Pair], good: Mapping[str, Picture], pictures: Mapping[Path, Picture]
) -> list[str]:
    """Compression and missing colour: the results are scored, and the reader is told."""
    notes = []
    lossy = [pair for pair, picture in good.items() if picture.lossy]
    if lossy:
        kind = good[lossy[0]].lossy
        notes.append(
            f"{name}: {len(lossy)} of {len(good)} results are {kind}, which changes the numbers; "
            "they cannot be compared with lossless results"
        )
    elif good and np.median([picture.jpeg for picture in good.values()]) > _JPEG_TRACE:
        notes.append(
            f"{name}: the results are not JPEGs but show JPEG artefacts: they probably were JPEGs before, "
            "which changes the numbers"
        )
    colour = [pair for pair in pairs if pair_name(pair) in good and not pictures[pair.vis].grey]
    grey = [pair for pair in colour if good[pair_name(pair)].grey]
    if grey:
        notes.append(
            f"{name}: {len(grey)} of {len(good)} results are grey although the visible picture is in colour; "
            "the colour metrics count that as an error"
        )
    return notes


def _size(picture: Picture) -> str:
    height, width = picture.size
    return f"{width}×{height}"


def _named(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
