"""What an exported graph says about itself, in the file's metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from diffuse_fuse.errors import WeightsError

VERSION = 2  # of these facts and of the graph's inputs and outputs; part of the cache's file names
LARGEST_SIDE = 1 << 16  # pixels
LARGEST_MULTIPLE, LARGEST_REACH = 1024, 4096  # pixels; of the shipped models 16 and some hundreds at most
_KEY = "dfuse"


@dataclass(frozen=True)
class GraphFacts:
    """Facts about a graph with the inputs ``ir`` (1, 1, H, W) and ``vis`` (1, 3, H, W) and the output ``fused``
    (1, 3, H, W), all float32 in [0, 1].

    multiple: H and W must be multiples of this. reach: how many pixels beyond its own cells a picture's part must
    hold for these to come out as in the whole. size: the H and W that the graph is for; None: any. model: the name
    of the weights; weights: their SHA-256; card: theirs. dfuse: the version that exported.
    """

    model: str
    weights: str
    multiple: int
    reach: int
    size: tuple[int, int] | None
    card: dict[str, Any]
    dfuse: str

    def as_properties(self) -> dict[str, str]:
        """For the file: one JSON object, and in plain words what other programs may show."""
        return {
            _KEY: json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True),
            "model": self.model,
            "weights_sha256": self.weights,
            "multiple_of": str(self.multiple),
            "dfuse_version": self.dfuse,
        }

    @classmethod
    def from_properties(cls, properties: Mapping[str, str], what: str) -> GraphFacts:
        """The facts of a file; ``what`` names it in errors. Raises WeightsError when dfuse did not write it."""
        try:
            facts = json.loads(properties[_KEY])
            version = int(facts.pop("version"))
            if version > VERSION:
                raise WeightsError(f"{what} has format version {version}, this dfuse reads up to {VERSION}: update it.")
            found = cls(**{**facts, "size": tuple(facts["size"]) if facts["size"] else None})
        except (KeyError, ValueError, OverflowError, TypeError, AttributeError, RecursionError):
            raise WeightsError(f"{what} is an ONNX file, but not one that dfuse export wrote.") from None
        if wrong := found.wrong():
            raise WeightsError(f"{what} is damaged, its metadata say that {wrong}: export it again with dfuse export.")
        return found

    def wrong(self) -> str | None:
        """What cannot be so, as a clause, or None."""
        for name, least, most in (("multiple", 1, LARGEST_MULTIPLE), ("reach", 0, LARGEST_REACH)):
            value = getattr(self, name)
            if not _is_number(value) or not least <= value <= most:
                return f"{name} is {_short(value)}"
        if not all(isinstance(text, str) for text in (self.model, self.weights, self.dfuse)):
            return "names are none"
        if not isinstance(self.card, dict):
            return f"its card is {_short(self.card)}"
        if self.size is None:
            return None
        sides = len(self.size) == 2 and all(_is_number(side) and 0 < side <= LARGEST_SIDE for side in self.size)
        if not sides or any(side % self.multiple for side in self.size):
            return f"its size is {_short(self.size)}"
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
