"""Searches the parsers of bytes for inputs that break them, led by what code an input reaches: libFuzzer by atheris.

    pip install -e '.[fuzz]'
    python -m tests.fuzz.guided headers --seconds 300 [--corpus FOLDER]

``fuzz.py`` draws its damages blindly and reads files as a whole; here one kind of parser is called in one process,
thousands of times a second, and an input that reaches a new line is kept and damaged further, bit by bit or by its
structure. What is wrong with an input ends the search with a traceback, exit code 77 and the input in a file.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["diffuse_fuse"]):
    from diffuse_fuse.alignment import load_calibration
    from diffuse_fuse.batch import plan_manifest
    from diffuse_fuse.errors import DfuseError, one_line
    from diffuse_fuse.images import metadata, provenance
    from diffuse_fuse.images.container import read_blocks
    from diffuse_fuse.images.decode import checked_header, decode
    from diffuse_fuse.images.exif import read_notes
    from diffuse_fuse.images.header import LONGEST_START, format_of
    from diffuse_fuse.images.thermal import dji, flir
    from diffuse_fuse.metrics_file import MetricsFile
    from diffuse_fuse.onnx.facts import GraphFacts

from tests.fuzz.damage import mend_checksums
from tests.fuzz.others import other_damage, other_seeds
from tests.fuzz.seeds import PROVENANCE, seeds
from tests.fuzz.structure import restructured

_MOST = 1 << 14  # bytes of an input
_PIXELS = 1 << 16
_SECONDS = 10  # of an input


def headers(data: bytes) -> None:
    """All that is read of a picture without its pixels."""
    with contextlib.suppress(DfuseError):
        checked_header(data, "a", page=2)
    checked_header(data, "a")


def notes(data: bytes) -> None:
    """What a picture says of itself: it is kept, or left out, and never an error."""
    blocks = read_blocks(io.BytesIO(data))
    if blocks.xmp is not None:
        found = provenance.from_packet(blocks.xmp)
        if found:
            json.dumps(found.as_dict(), allow_nan=False)
    read_notes(data)
    whole = metadata.OutputMetadata(metadata.read_source(data), PROVENANCE)
    metadata.exif_for(whole, 20, 16)
    metadata.profile_for(whole, 3)


def radiometric(data: bytes) -> None:
    """The records of cameras."""
    with contextlib.suppress(flir.FlirError):
        flir.read_flir(data)
    if dji.is_dji_thermal(data):
        dji.read_dji(data)


def pixels(data: bytes) -> None:
    """A small picture."""
    decode(data, "a", max_pixels=_PIXELS)


def tables(data: bytes, folder: Path) -> None:
    """A manifest, and a metrics.csv."""
    (folder / "metrics.csv").write_bytes(data)
    with contextlib.suppress(DfuseError):
        for result in plan_manifest(folder / "metrics.csv", folder / "out").failed:
            if result.error != one_line(result.error or ""):
                raise AssertionError(f"not one line: {result.error!r}")
    scores = MetricsFile(folder)
    scores.add(folder / "a.png", {"EN": 1.0})
    scores.save()


def rigs(data: bytes, folder: Path) -> None:
    """A rig's alignment, and what a graph says of itself."""
    with contextlib.suppress(DfuseError):
        GraphFacts.from_properties({"dfuse": data.decode("utf-8", "replace")}, "a")
    (folder / "rig.json").write_bytes(data)
    json.dumps(load_calibration(folder / "rig.json").as_dict(), allow_nan=False)


_OF_FILES: dict[str, Callable[[bytes, Path], None]] = {"tables": tables, "rigs": rigs}
_OF_BYTES: dict[str, Callable[[bytes], None]] = {
    "headers": headers, "notes": notes, "radiometric": radiometric, "pixels": pixels,
}  # fmt: skip
_SUFFIXES = {"tables": (".csv",), "rigs": (".json",)}


def changed(data: bytes, largest: int, seed: int) -> bytes:
    """libFuzzer's own damage, or one by the structure, with checksums that fit in both."""
    rng, found = random.Random(seed), None
    if rng.random() < 0.3:
        suffix = "a.json" if data.lstrip()[:1] == b"{" else "a.csv" if data[:3] == b"ir," else "a"
        try:
            found = other_damage(suffix, data, rng) or restructured(data, rng)
        except Exception:  # it is damaged beyond its structure already
            found = None
    found = bytearray(found if found is not None else atheris.Mutate(data, largest))
    mend_checksums(found)
    return bytes(found[:largest])


def main() -> None:
    """Search in one kind of parser."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=[*_OF_BYTES, *_OF_FILES])
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="keep there what reaches new lines, and begin with it")
    parser.add_argument("--input", type=Path, help="only this one, with its traceback")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work, corpus = Path(folder), given.corpus or Path(folder) / "corpus"

        def check(data: bytes) -> None:
            try:
                if given.kind in _OF_FILES:
                    _OF_FILES[given.kind](data, work)
                else:
                    _OF_BYTES[given.kind](data)
            except DfuseError as error:
                if not str(error).endswith("."):
                    raise AssertionError(f"no sentence: {error}") from error

        if given.input:
            check(given.input.read_bytes())
            return
        corpus.mkdir(parents=True, exist_ok=True)
        for name, data in {**seeds(with_real=False), **other_seeds()}.items():
            is_picture = format_of(data[:LONGEST_START]) is not None
            if len(data) <= _MOST and (name.endswith(_SUFFIXES[given.kind]) if given.kind in _SUFFIXES else is_picture):
                (corpus / name).write_bytes(data)
        options = {"max_total_time": given.seconds, "seed": given.seed, "timeout": _SECONDS, "max_len": _MOST,
                   "rss_limit_mb": 1024, "print_final_stats": 1, "artifact_prefix": f"{given.kind}-"}  # fmt: skip
        atheris.Setup(
            [sys.argv[0], str(corpus), *(f"-{name}={value}" for name, value in options.items())],
            check,
            custom_mutator=changed,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
