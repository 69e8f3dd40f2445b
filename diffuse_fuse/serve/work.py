"""The work on a request: reading, aligning, fusing, measuring, encoding. On threads; nothing touches the disk."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffuse_fuse import backends, models
from diffuse_fuse.alignment import Aligner, Kind
from diffuse_fuse.batch.job import Job, Recipe
from diffuse_fuse.batch.resume import noted_of
from diffuse_fuse.batch.steps import load, measured
from diffuse_fuse.errors import DfuseError, UnknownModelError
from diffuse_fuse.fusion.fuser import Fuser
from diffuse_fuse.images.decode import require_picture_start
from diffuse_fuse.images.describe import describe_bytes
from diffuse_fuse.images.load import LoadedPair
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.provenance import Provenance
from diffuse_fuse.images.seam import over_holes
from diffuse_fuse.images.write import OutputMetadata, encode_image, require_depth
from diffuse_fuse.serve.asked import FuseOptions, ReadOptions
from diffuse_fuse.serve.held import Held
from diffuse_fuse.serve.settings import Settings
from diffuse_fuse.serve.upload import File, plain_name

_SMALL = 2_000_000  # pixels up to which students have several pictures at once, a core each


class StoppedError(Exception):
    """Nobody waits for the picture any more: its time is over, or the client is gone."""


class GoneError(DfuseError):
    """A file that was named by its hash is not held."""


class Patience:
    """How long somebody waits for a picture. Asked between the steps, and now and then within the longest."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.given_up = False

    def check(self, *_: int) -> None:
        """Raises StoppedError when nobody waits any more."""
        if self.given_up or time.monotonic() > self._end:
            raise StoppedError


@dataclass(frozen=True)
class Answer:
    """An encoded picture, and what there is to say about it as JSON can hold it."""

    body: bytes
    suffix: str
    said: dict[str, Any]
    pixels: int


@dataclass(frozen=True)
class _Sources:
    """The files of a request; ``vis`` is ``ir`` where one file holds both pictures."""

    ir: File
    vis: File

    @classmethod
    def of(cls, ir: File, vis: File | None) -> _Sources:
        """The sources of a request, which may lack the visible one."""
        return cls(ir, ir if vis is None or vis.sha256 == ir.sha256 else vis)

    @property
    def job(self) -> Job:
        """As the other rooms name a pair: paths that stand for bytes and are never opened."""
        ir = Path("infrared", self.ir.name)
        vis = ir if self.vis is self.ir else Path("visible", self.vis.name)
        return Job(ir, vis, Path("fused.png"))

    def by_path(self) -> dict[Path, File]:
        job = self.job
        return {job.ir: self.ir, job.vis: self.vis}


class Models:
    """The shipped weights, and one's own where the settings name a file: each in memory once, for all requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._fusers: dict[str, Fuser] = {}
        own = models.locate(settings.model)
        cards = [card for card in models.available() if card.kind in models.FUSES]
        if own not in {card.path for card in cards}:
            cards = [models.find(own), *(card for card in cards if card.name != own.stem)]
        self.cards = {card.name: card for card in cards}
        self.default = own.stem

    def name(self, asked: str) -> str:
        """The name of weights that a request means. Raises UnknownModelError."""
        name = self.default if asked == "default" else asked
        if name not in self.cards:
            known = ", ".join(self.cards)
            raise UnknownModelError(f"There is no model {asked!r} here: choose one of {known}.")
        return name

    def fuser(self, name: str) -> Fuser:
        """The fuser of a known name; loaded when first asked for."""
        with self._lock:
            if name not in self._fusers:
                self._fusers[name] = Fuser(self.cards[name].path, self._settings.device)
            return self._fusers[name]

    def is_student(self, name: str) -> bool:
        """True for the small and fast networks."""
        return self.cards[name].kind == "student"


class Work:
    """What the threads do. ``light`` has a thread for each picture that students may have at once, a core each;
    ``heavy`` one with all cores, for larger networks and pictures, and for whoever is alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.models = settings, Models(settings)
        self.files: Held[bytes] = Held(settings.held_bytes // 2, settings.held_seconds)
        self.pairs: Held[LoadedPair] = Held(settings.held_bytes // 2, settings.held_seconds)
        self.at_once, each = backends.frames_at_once(settings.device, settings.threads)
        self.light = ThreadPoolExecutor(self.at_once, "light", lambda: _set_threads(each))
        self.heavy = ThreadPoolExecutor(1, "heavy", lambda: _set_threads(settings.threads))

    def warm_up(self) -> None:
        """Loads the model and fuses once, so that wrong weights end the start and the first request is as fast."""
        fuser = self.models.fuser(self.models.default)
        fuser.fuse(np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3), np.uint8))

    def close(self) -> None:
        """Ends the threads when they are done with what they have."""
        for pool in (self.light, self.heavy):
            pool.shutdown(wait=False, cancel_futures=True)

    def held_file(self, sha256: str | None, name: str | None, side: str) -> File | None:
        """The file with this hash, if one is named; ``name`` is what the client calls it. Raises GoneError."""
        if sha256 is None:
            return None
        data = self.files.get(sha256)
        if data is None:
            raise GoneError(f"The service does not hold the file {side} of this hash, or no longer: send the file.")
        return File(plain_name(name, side), data, sha256)

    def hold(self, files: Mapping[str, File]) -> None:
        """Keeps the bytes of files for a while."""
        for file in files.values():
            self.files.put(file.sha256, file.data, len(file.data))

    def read(self, ir: File, vis: File | None, asked: FuseOptions, patience: Patience) -> tuple[_Sources, LoadedPair]:
        """The pair as arrays, aligned if asked for. Raises DfuseError."""
        patience.check()
        sources, recipe = _Sources.of(ir, vis), self._recipe(asked)
        found = sources.by_path()
        for path, file in found.items():
            require_picture_start(file.data, str(path))
        pair, _ = load(sources.job, recipe, lambda path: found[Path(path)].data)
        if asked.hold:
            self.pairs.put(_key(sources, recipe), pair, pair.ir.nbytes + pair.vis.nbytes)
        patience.check()
        return sources, pair

    def held_pair(self, ir: File, vis: File | None, asked: FuseOptions) -> tuple[_Sources, LoadedPair] | None:
        """What ``read`` returns, where it is held from an earlier request; at once."""
        sources = _Sources.of(ir, vis)
        pair = self.pairs.get(_key(sources, self._recipe(asked)))
        return None if pair is None else (sources, pair)

    def may_be_light(self, asked: FuseOptions) -> bool:
        """True for work that goes beside other work, on a core of its own, unless the picture is large."""
        return asked.picture != "fused" or self.models.is_student(self.models.name(asked.model))

    def is_light(self, asked: FuseOptions, pair: LoadedPair) -> bool:
        """True for work that goes beside other work, on a core of its own."""
        return pair.ir.size <= _SMALL and self.may_be_light(asked)

    def answer(self, sources: _Sources, pair: LoadedPair, asked: FuseOptions, patience: Patience) -> Answer:
        """The picture that was asked for, encoded, and what there is to say. Raises DfuseError, StoppedError."""
        patience.check()
        start = time.perf_counter()
        name, more = "fused", pair.warnings
        values: dict[str, float] = {}
        metadata = None
        if asked.picture != "fused":
            name, picture = asked.picture, _shown(pair, asked.picture)
        else:
            picture = self._fused(pair, asked, patience)
            metadata = OutputMetadata(pair.metadata, self._provenance(sources, asked))
        seconds = time.perf_counter() - start
        if asked.metrics and asked.picture == "fused":
            patience.check()
            values, odd = measured(pair, picture)
            more = (*more, *odd)
        patience.check()
        body = encode_image(f"{name}.{asked.format}", picture, metadata)
        said = {
            "width": picture.shape[1],
            "height": picture.shape[0],
            "model": self.models.name(asked.model),
            "metrics": {key: value if math.isfinite(value) else None for key, value in values.items()},
            "warnings": list(more),
            "ir_sha256": sources.ir.sha256,
            "vis_sha256": sources.vis.sha256,
            "seconds": round(seconds, 4),
        }
        return Answer(body, asked.format, said, picture.shape[0] * picture.shape[1])

    def describe(self, file: File, asked: ReadOptions, patience: Patience) -> dict[str, Any]:
        """What ``dfuse inspect --json`` says of a file."""
        patience.check()
        require_picture_start(file.data, file.name)
        options = LoadOptions(page=asked.page, nodata=asked.nodata, max_pixels=self.settings.max_pixels)
        facts = asdict(describe_bytes(file.data, Path(file.name), options))
        facts["name"] = facts.pop("path")
        return {**facts, "sha256": file.sha256}

    def _fused(self, pair: LoadedPair, asked: FuseOptions, patience: Patience) -> np.ndarray:
        depth = int(asked.depth)
        require_depth(Path(f"fused.{asked.format}"), depth)
        fuser = self.models.fuser(self.models.name(asked.model))
        picture = fuser.with_balance(asked.balance).fuse(pair.ir, pair.vis, on_rows=patience.check, depth=depth)
        return over_holes(picture, pair.vis, pair.holes)

    def _recipe(self, asked: FuseOptions) -> Recipe:
        aligner = None
        if asked.align != "none":
            aligner = Aligner(Kind.similarity if asked.align == "auto" else Kind(asked.align))
        load_options = asked.load_options(self.settings.max_pixels)
        return Recipe(load_options, aligner, measure=asked.metrics, depth=int(asked.depth))  # type: ignore[arg-type]

    def _provenance(self, sources: _Sources, asked: FuseOptions) -> Provenance:
        """The note of ``dfuse fuse``, word for word."""
        card = self.models.cards[self.models.name(asked.model)]
        more = {"denoise": None, "backend": "torch", "balance": asked.balance}
        recipe = replace(self._recipe(asked), model=card.name, weights=card.sha256, more=more)
        job = replace(sources.job, out=Path(f"fused.{asked.format}"))
        return noted_of(job, recipe, {path: file.sha256 for path, file in sources.by_path().items()})


def _shown(pair: LoadedPair, side: str) -> np.ndarray:
    """A source as the fusion takes it, uint8."""
    ir, vis = pair.as_bytes()
    return ir if side == "infrared" else vis


def _key(sources: _Sources, recipe: Recipe) -> str:
    """All that decides about the arrays of a pair; the file names are in their warnings."""
    load_options = {key: value for key, value in asdict(recipe.load).items() if key != "max_pixels"}
    kind = recipe.aligner.kind.value if recipe.aligner else None
    names = [(file.name, file.sha256) for file in (sources.ir, sources.vis)]
    text = json.dumps([names, load_options, kind], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _set_threads(threads: int | None) -> None:
    """PyTorch's threads for work that this thread starts."""
    import torch

    from diffuse_fuse.machine import available_cores

    torch.set_num_threads(threads or available_cores())
