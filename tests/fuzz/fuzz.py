"""Damages files at random and reads them: each time a picture, or one clear sentence.

    python -m tests.fuzz.fuzz --cases 5000 --seed 1

prints a summary as JSON; exit code 1 with the failures' names and seeds when there are any. ``--case N`` repeats one.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import json
import random
import struct
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from diffuse_fuse.errors import DfuseError
from diffuse_fuse.images import encode
from diffuse_fuse.images.container import read_blocks
from diffuse_fuse.images.decode import decode
from diffuse_fuse.images.describe import describe
from diffuse_fuse.images.load import LoadedPair, load_pair
from diffuse_fuse.images.metadata import OutputMetadata, read_source
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.provenance import read_provenance
from diffuse_fuse.machine import peak_memory
from tests.fuzz.seeds import PROVENANCE, seeds
from tests.images import flir_file as make

_HANGS = 30  # seconds
_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 20000, 30000)
_MAX_PIXELS = 4_000_000  # so that a case whose header grew takes milliseconds


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to four random damages; half of the PNGs get checksums that fit, so that the decoder sees them."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        rng.choice((_flip, _number, _number, _cut, _remove, _repeat, _noise))(changed, rng)
    if rng.random() < 0.5:
        _mend_checksums(changed)
    return bytes(changed)


def _place(data: bytearray, rng: random.Random) -> int:
    """Any byte, but half of the time one near the beginning, where the headers are."""
    if not data:
        return 0
    return rng.randrange(min(len(data), 400)) if rng.random() < 0.5 else rng.randrange(len(data))


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8)):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _number(data: bytearray, rng: random.Random) -> None:
    at, width = _place(data, rng), rng.choice((1, 2, 4, 8))
    value = rng.choice(_NUMBERS) & (256**width - 1)
    data[at : at + width] = value.to_bytes(width, rng.choice(("big", "little")))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[_place(data, rng) :]


def _remove(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    del data[at : at + rng.randint(1, 64)]


def _repeat(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    data[at:at] = data[at : at + rng.randint(1, 64)]


def _noise(data: bytearray, rng: random.Random) -> None:
    at, length = _place(data, rng), rng.randint(1, 32)
    data[at : at + length] = rng.randbytes(length)


def _mend_checksums(data: bytearray) -> None:
    """Of every PNG in the data, also of one embedded."""
    start = data.find(b"\x89PNG\r\n\x1a\n")
    while start >= 0:
        position = start + 8
        while position + 12 <= len(data):
            end = position + 12 + int.from_bytes(data[position : position + 4], "big")
            if end > len(data):
                break
            struct.pack_into(">I", data, end - 4, zlib.crc32(data[position + 4 : end - 4]))
            position = end
        start = data.find(b"\x89PNG\r\n\x1a\n", start + 8)


def run(cases: int, seed: int, only: int | None = None) -> dict[str, object]:
    """Damage and read ``cases`` files; the summary, with a line for each failure."""
    originals = list(seeds().items())
    failures: list[str] = []
    count = {"picture": 0, "sentence": 0}
    slowest, start = (0.0, ""), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path, partner = Path(folder) / "case.bin", Path(folder) / "partner.png"
        partner.write_bytes(make.encode(".png", np.full((36, 40, 3), 99, np.uint8)))
        for number in range(cases) if only is None else [only]:
            rng = random.Random(seed * 1_000_003 + number)
            name, data = originals[number % len(originals)]
            path.write_bytes(mutated(data, rng))
            faulthandler.dump_traceback_later(_HANGS, exit=True)
            began = time.process_time()  # what the case costs, whatever else the machine does
            try:
                count[_read(path, partner, rng)] += 1
            except Exception as error:
                if only is not None:
                    raise
                failures.append(f"{name}, seed {seed}, case {number}: {type(error).__name__}: {error}")
            slowest = max(slowest, (time.process_time() - began, f"{name}, case {number}"))
    faulthandler.cancel_dump_traceback_later()
    return {
        "cases": cases,
        "files": len(originals),
        **count,
        "failures": failures,
        "seconds": round(time.perf_counter() - start, 1),
        "slowest": slowest[1],
        "slowest_seconds": round(slowest[0], 2),
        "peak_megabytes": (peak_memory() or 0) >> 20,
    }


def _read(path: Path, partner: Path, rng: random.Random) -> str:
    """Read the file in one of its roles; "picture" or "sentence"."""
    options = LoadOptions(
        page=rng.choice((1, 1, 2)),
        thermal_range=rng.choice((None, None, (10.0, 40.0))),
        polarity=rng.choice(("white-hot", "black-hot", "auto")),
        size=rng.choice(("vis", "ir")),
        max_pixels=_MAX_PIXELS,
    )
    role = rng.choice((lambda: load_pair(path, path, options), lambda: load_pair(path, partner, options),
                       lambda: load_pair(partner, path, options), lambda: describe(path, options)))  # fmt: skip
    noted = read_provenance(path)  # never an error
    if noted:
        json.dumps(noted.as_dict(), allow_nan=False)
    try:
        result = role()
    except DfuseError as error:
        text = str(error)
        if not text or "\n" in text or not text.endswith("."):
            raise AssertionError(f"not one sentence: {text!r}") from error
        return "sentence"
    if isinstance(result, LoadedPair):
        ir, vis = result.ir, result.vis
        kinds = ir.dtype in ("u1", "f4") and vis.dtype in ("u1", "u2")
        sound = kinds and ir.shape == vis.shape[:2] and vis.shape[2] == 3
        if not sound or not np.isfinite(ir).all() or ir.min() < 0 or ir.max() > (255 if ir.dtype == np.uint8 else 1):
            raise AssertionError(f"no pair: {ir.dtype} {ir.shape}, {vis.dtype} {vis.shape}")
        _write(result, rng.choice((encode.png, encode.jpeg, encode.webp, encode.tiff)))
    else:
        json.dumps(result.as_dict(), allow_nan=False)
    return "picture"


def _write(pair: LoadedPair, encoder: Callable[[np.ndarray, OutputMetadata], bytes]) -> None:
    """What a damaged file says of itself must not keep the fused picture from being written, whole and readable."""
    picture = np.full((16, 20, 3), 99, np.uint8)
    data = encoder(picture, OutputMetadata(pair.metadata, PROVENANCE))
    if decode(data, "fused").array.shape != picture.shape or read_blocks(io.BytesIO(data)).xmp is None:
        raise AssertionError("the fused picture cannot be read")
    if read_source(data).exif != pair.metadata.exif:
        raise AssertionError("what was kept is not kept again")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="only this one, with its traceback")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    summary = run(arguments.cases, arguments.seed, arguments.case)
    print(json.dumps(summary, indent=2))
    sys.exit(bool(summary["failures"]))
