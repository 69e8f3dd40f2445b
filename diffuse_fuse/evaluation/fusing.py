"""Where a method's picture of a pair comes from: a file, a baseline's name, or a network that runs now."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffuse_fuse.errors import PairError
from diffuse_fuse.evaluation.cache import Cache, code_version, make_key
from diffuse_fuse.evaluation.inspection import Case
from diffuse_fuse.evaluation.methods import Method
from diffuse_fuse.evaluation.reading import Reading
from diffuse_fuse.evaluation.score import Known, read_pair
from diffuse_fuse.files import sha256
from diffuse_fuse.images import encode, seam
from diffuse_fuse.images.decode import ReadBytes, read_bytes
from diffuse_fuse.images.write import write_bytes
from diffuse_fuse.models import name_of, require_same

_FUSING_CODE = ("diffuse_fuse.fusion", "diffuse_fuse.diffusion", "diffuse_fuse.images", "diffuse_fuse.alignment")


@dataclass(frozen=True)
class Fused:
    """A picture to score and what it is known by; see ``score.Item.picture``."""

    picture: Path | np.ndarray | str
    identity: str


class Fusing:
    """Fuses with models and functions, one pair after the other, in this process: networks use all cores already.

    With an output folder, the pictures are written to ``out/fused/METHOD``, and those of models are not made again.
    read_file: what reads the pairs' files.
    """

    def __init__(self, out: Path | None, device: str = "auto", read_file: ReadBytes = read_bytes) -> None:
        self._read_file = read_file
        self._out = out
        self._device = device
        self._fusers: dict[str, object] = {}

    def picture(self, method: Method, case: Case, cache: Cache) -> Fused | None:
        """The method's picture of a pair, None if a folder has none.

        Raises an ImageError when the pair cannot be fused, ImageWriteError when the result cannot be written.
        """
        if method.kind == "folder":
            result = case.results.get(method.name)
            return Fused(result.path, result.sha256) if result else None
        if method.kind == "baseline":
            return Fused(method.source, make_key(method.identity, case.ir.sha256, case.vis.sha256))
        if method.kind == "model":
            return self._by_model(method, case, cache)
        ir, vis = read_pair(case.ir.path, case.vis.path, case.reading, self._known(case))
        return self._keep(method, case, method.source(ir, vis), cache, f"file {method.name}/{case.name}")

    def _by_model(self, method: Method, case: Case, cache: Cache) -> Fused:
        key = make_key("fused", method.identity, code_version(*_FUSING_CODE), case.ir.sha256, case.vis.sha256)
        file = self._file(method, case)
        known = cache.picture(key)
        if file and known and file.exists() and sha256(file) == known:
            return Fused(file, known)
        pair = (case.reading or Reading()).pair(case.ir.path, case.vis.path, self._known(case))
        made = seam.over_holes(self._fuser(method).fuse(pair.ir, pair.vis), pair.vis, pair.holes)
        return self._keep(method, case, made, cache, key)

    def _keep(self, method: Method, case: Case, image: np.ndarray, cache: Cache, key: str) -> Fused:
        """Check a fresh picture, and write it if there is a place for it; ``key`` is what ``cache`` knows it by."""
        try:
            image = np.asarray(image)
        except ValueError as error:  # lists of different lengths
            raise PairError(f"the method returned something that is not an array ({error})") from None
        if image.dtype != np.uint8 or image.shape[:2] != case.vis.size or image.shape[2:] not in ((), (3,)):
            wanted = "×".join(map(str, case.vis.size))
            raise PairError(f"the method returned {image.dtype} {image.shape}: uint8 {wanted} or {wanted}×3 is needed")
        file = self._file(method, case)
        if file:
            data = encode.png(image)
            digest = hashlib.sha256(data).hexdigest()
            cache.add_picture(key, digest)
            write_bytes(file, data)
            return Fused(file, digest)
        return Fused(image, hashlib.sha256(f"{image.shape}".encode() + image.tobytes()).hexdigest())

    def _file(self, method: Method, case: Case) -> Path | None:
        return fused_file(self._out, method, case) if self._out else None

    def _known(self, case: Case) -> Known:
        return Known({case.ir.path: case.ir.of_file, case.vis.path: case.vis.of_file}, self._read_file)

    def _fuser(self, method: Method):
        if method.name not in self._fusers:
            from diffuse_fuse.fusion.fuser import Fuser

            fuser = Fuser(method.source, device=self._device, balance=method.balance)
            require_same(fuser.weights_sha256, method.facts["sha256"], name_of(method.source))
            self._fusers[method.name] = fuser
        return self._fusers[method.name]


def _known(case: Case) -> Known:
    return Known({case.ir.path: case.ir.of_file, case.vis.path: case.vis.of_file})


def fused_file(out: Path, method: Method, case: Case) -> Path:
    """Where the picture that a model or a function makes of a pair lies in an output folder."""
    return out / "fused" / method.name / f"{case.name}.png"
