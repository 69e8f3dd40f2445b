"""How the pairs of an evaluation are brought to one size where the visible camera sees more."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diffuse_fuse.alignment import Aligner
from diffuse_fuse.images.decode import ReadBytes, read_bytes
from diffuse_fuse.images.field import Field, GivenField
from diffuse_fuse.images.load import LoadedPair, load_pair
from diffuse_fuse.images.options import DEFAULT, LoadOptions

_WHITE = 250.0  # mean level of a border of a JPEG that was white


@dataclass(frozen=True)
class Reading:
    """As ``dfuse fuse`` reads a pair: with a field that is given, in a rig's file, or to be looked for.

    border: pixels around pictures that nothing was measured in, where both pictures are white there.
    """

    load: LoadOptions = DEFAULT
    aligner: Aligner | None = None
    border: int = 0

    def pair(self, ir: Path, vis: Path, read_file: ReadBytes = read_bytes) -> LoadedPair:
        """Both pictures, cut and moved. Raises what ``load_pair`` and ``Aligner.load`` raise."""
        if self.aligner is None:
            return self._framed(load_pair(ir, vis, self.load, read_file))
        return self.aligner.load(ir, vis, self.load, read_file)[0]

    def _framed(self, pair: LoadedPair) -> LoadedPair:
        """The pair with its border among the holes."""
        if not self.border or min(pair.vis.shape[:2]) <= 2 * self.border:
            return pair
        frame = np.ones(pair.vis.shape[:2], bool)
        frame[self.border : -self.border, self.border : -self.border] = False
        if min(float(picture[frame].mean()) for picture in pair.as_bytes()) < _WHITE:
            return pair
        return replace(pair, holes=frame if pair.holes is None else frame | pair.holes)

    def settled(self, pair: LoadedPair) -> Reading:
        """The same for one pair, without looking for its field again."""
        found = pair.located.field if pair.located else None
        if self.aligner is None or not self.aligner.search or found is None:
            return self
        return Reading(replace(self.load, field=_as_given(found)), None)

    def mark(self, sha256: str) -> str:
        """A checksum of a file's contents that also tells how they were read."""
        said = [
            self.load.field and self.load.field.as_json(),
            self.aligner and self.aligner.calibration and self.aligner.calibration.as_dict(),
            self.load.nodata,
            *([self.border] if self.border else []),
            *([self.load.page, self.load.of_the_file()] if self.load.page > 1 or self.load.of_the_file() else []),
        ]
        return hashlib.sha256(json.dumps([sha256, said]).encode()).hexdigest()


def _as_given(field: Field) -> GivenField:
    return GivenField(None, field.x, field.y, field.w, field.h, fractions=False)
