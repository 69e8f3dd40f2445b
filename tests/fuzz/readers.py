"""Reads a file as dfuse would, by what its name says it is: whatever comes of it is sound, or one sentence."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from diffuse_fuse.errors import DfuseError
from diffuse_fuse.images import encode
from diffuse_fuse.images.container import read_blocks
from diffuse_fuse.images.decode import decode
from diffuse_fuse.images.describe import describe
from diffuse_fuse.images.load import LoadedPair, load_pair
from diffuse_fuse.images.metadata import OutputMetadata, read_source
from diffuse_fuse.images.options import LoadOptions, RawLayout
from diffuse_fuse.images.provenance import read_provenance
from tests.fuzz.seeds import PROVENANCE

_MAX_PIXELS = 4_000_000  # so that a case whose header grew takes milliseconds
_MAX_LARGE = 20_000_000
_MEMORY = r"not enough memory|[Oo]ut of memory|cannot allocate|MemoryError|Insufficient memory"
_PAIR = (np.full((36, 40), 90, np.uint8), np.full((36, 40, 3), 99, np.uint8))


class _Brighter:
    """In place of a network."""

    def fuse(self, ir: np.ndarray, vis: np.ndarray, *, light: object = None) -> np.ndarray:
        return np.maximum(vis, ir[..., None])


class NotOneSentence(AssertionError):
    """dfuse refused a file in another way than by one sentence."""


def read(path: Path, name: str, partner: Path, rng: random.Random) -> str:
    """Read ``path``, a damaged ``name``; "read" or "refused". Raises whatever else comes of it."""
    reader = _READERS.get(name.rpartition(".")[2], _picture)
    try:
        reader(path, name, partner, rng)
    except DfuseError as error:
        _require_sentence(str(error))
        if reader is _picture and re.search(_MEMORY, str(error)):  # a graph may ask for much, a picture may not
            raise NotOneSentence(f"takes too much memory: {error}") from error
        return "refused"
    return "read"


def _require_sentence(text: str) -> None:
    if not text or "\n" in text or not text.endswith("."):
        raise NotOneSentence(f"not one sentence: {text!r}")
    if "bug in dfuse" in text:
        raise NotOneSentence(text)


def _picture(path: Path, name: str, partner: Path, rng: random.Random) -> None:
    """In one of its roles."""
    options = LoadOptions(
        page=rng.choice((1, 1, 2)),
        thermal_range=rng.choice((None, None, (10.0, 40.0))),
        polarity=rng.choice(("white-hot", "black-hot", "auto")),
        size=rng.choice(("vis", "ir")),
        ir_band=rng.choice((None, None, None, 4, 6)),
        vis_bands=rng.choice((None, None, None, (3, 2, 1), (1,))),
        vis_page=rng.choice((None, None, None, 2)),
        thermal_unit=rng.choice((None, None, "cK")),
        palette=rng.choice((None, None, "jet", "reversed")),
        raw=RawLayout(40, 36) if name.endswith(".raw") else None,
        max_pixels=_MAX_LARGE if name.startswith(("large", "many", "claim")) else _MAX_PIXELS,
    )
    role = rng.choice((lambda: load_pair(path, path, options), lambda: load_pair(path, partner, options),
                       lambda: load_pair(partner, path, options), lambda: describe(path, options)))  # fmt: skip
    noted = read_provenance(path)  # never an error
    if noted:
        json.dumps(noted.as_dict(), allow_nan=False)
    result = role()
    if isinstance(result, LoadedPair):
        ir, vis = result.ir, result.vis
        kinds = ir.dtype in ("u1", "f4") and vis.dtype in ("u1", "u2")
        sound = kinds and ir.shape == vis.shape[:2] and vis.shape[2] == 3
        if not sound or not np.isfinite(ir).all() or ir.min() < 0 or ir.max() > (255 if ir.dtype == np.uint8 else 1):
            raise AssertionError(f"no pair: {ir.dtype} {ir.shape}, {vis.dtype} {vis.shape}")
        _write(result, rng.choice((encode.png, encode.jpeg, encode.webp, encode.tiff)))
    else:
        json.dumps(result.as_dict(), allow_nan=False)


def _write(pair: LoadedPair, encoder: Callable[[np.ndarray, OutputMetadata], bytes]) -> None:
    """What a damaged file says of itself must not keep the fused picture from being written, whole and readable."""
    picture = np.full((16, 20, 3), 99, np.uint8)
    data = encoder(picture, OutputMetadata(pair.metadata, PROVENANCE))
    if decode(data, "fused").array.shape != picture.shape or read_blocks(io.BytesIO(data)).xmp is None:
        raise AssertionError("the fused picture cannot be read")
    if read_source(data).exif != pair.metadata.exif:
        raise AssertionError("what was kept is not kept again")


def _rig(path: Path, name: str, partner: Path, rng: random.Random) -> None:
    from diffuse_fuse.alignment import Aligner, load_calibration

    aligner = Aligner(calibration=load_calibration(path))
    json.dumps(aligner.align(*_PAIR).report, allow_nan=False)


def _table(path: Path, name: str, partner: Path, rng: random.Random) -> None:
    from diffuse_fuse.batch import plan_manifest
    from diffuse_fuse.metrics_file import MetricsFile

    if name == "metrics.csv":
        scores = MetricsFile(path.parent)
        scores.add(path.parent / "a.png", {"EN": 1.0})
        scores.save()
        return
    plan = plan_manifest(path, path.parent / "out", depth=rng.choice((8, 16)))
    for result in plan.failed[:50]:
        _require_sentence(str(result.error))
    for job in plan.jobs[:50]:
        str(job)


def _cache(path: Path, name: str, partner: Path, rng: random.Random) -> None:
    from diffuse_fuse.evaluation.cache import Cache

    found = Cache(path.parent)
    found.values("a", ["EN"])
    found.made(partner)


def _weights(path: Path, name: str, partner: Path, rng: random.Random) -> None:
    from diffuse_fuse import models
    from diffuse_fuse.fusion.fuser import Fuser

    if rng.random() < 0.3:
        models.find(path)
    else:
        fused = Fuser(path, device="cpu").fuse(*_PAIR)
        if fused.shape != (36, 40, 3):
            raise AssertionError(f"no picture: {fused.shape}")


def _graph(path: Path, name: str, partner: Path, rng: random.Random) -> None:
    from diffuse_fuse.onnx.fuser import OnnxFuser

    fused = OnnxFuser(path, threads=1).fuse(*_PAIR)
    if fused.shape != (36, 40, 3) or fused.dtype != np.uint8:
        raise AssertionError(f"no picture: {fused.dtype} {fused.shape}")


def _state(path: Path, name: str, partner: Path, rng: random.Random) -> None:
    from diffuse_fuse.training.state import load_state

    load_state(path)


def _video(path: Path, name: str, partner: Path, rng: random.Random) -> None:
    from diffuse_fuse.video import run

    twin = path.with_name("twin" + path.suffix)  # one file twice is refused
    twin.write_bytes(path.read_bytes())
    frames = run.open_sources(path, twin, fps := rng.choice((None, Fraction(25))))
    out = path.with_name("out.mp4")
    stop = iter([False] * 8)
    try:
        summary = run.fuse_video(
            *(frames, _Brighter(), out, False, run.VideoOptions(fps=fps), path), stop=lambda: next(stop, True)
        )
    finally:
        left = [found.name for found in path.parent.glob("*out.mp4*")]
        out.unlink(missing_ok=True)
        twin.unlink(missing_ok=True)
    json.dumps(summary.as_dict(), allow_nan=False)
    for text in summary.warnings:
        _require_sentence(text)
    if left != [out.name] * bool(summary.frames):
        raise AssertionError(f"{summary.frames} frames were written, and {left} is there")


_READERS: dict[str, Callable[[Path, str, Path, random.Random], None]] = {
    "json": _rig, "csv": _table, "jsonl": _cache, "safetensors": _weights, "onnx": _graph, "pt": _state,
    "mp4": _video, "avi": _video, "mkv": _video,
}  # fmt: skip
