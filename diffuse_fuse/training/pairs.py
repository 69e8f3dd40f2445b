"""Training pairs in memory: folders with an infrared and a visible subfolder, decoded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffuse_fuse.errors import DataError
from diffuse_fuse.evaluation.given import given_dataset
from diffuse_fuse.evaluation.layouts import Dataset
from diffuse_fuse.images import load_pair

CACHE_BYTES = 3 << 30  # decoded pairs kept in memory; beyond it a pair is decoded anew each time


class PairSet:
    """The pairs of one or several data folders, as uint8 (H, W, 4): R, G, B, IR.

    A small data set is drawn more often a pair than a large one: a folder's share of the draws is proportional
    to the square root of its size, so that four pairs of one camera are not lost among three hundred of others.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Path, Path]],
        folder: Sequence[int] | np.ndarray | None = None,
        names: Sequence[str] = (),
    ) -> None:
        if not pairs:
            raise DataError("There are no pairs to train on.")
        self.pairs = list(pairs)
        self.names = tuple(names)  # of the data folders, for the card of the weights
        self._cache: dict[int, np.ndarray] = {}
        self._cached_bytes = 0
        self._sizes: dict[int, tuple[int, int]] = {}
        self.folders = np.asarray(folder if folder is not None else [0] * len(pairs))  # the number of each pair's
        sizes = np.bincount(self.folders)
        self.share = (np.sqrt(sizes) / np.sqrt(sizes).sum() / np.maximum(sizes, 1))[self.folders]

    @classmethod
    def from_folders(cls, roots: Sequence[Path | str]) -> PairSet:
        """All pairs of ``roots``: data sets in any layout that ``dfuse eval`` knows, or tables of pairs (CSV files)."""
        return cls.from_datasets([_found(Path(root)) for root in roots])

    @classmethod
    def from_datasets(cls, found: Sequence[Dataset]) -> PairSet:
        """All pairs of data sets that were found or given, see ``evaluation.given``."""
        pairs = [(pair.ir, pair.vis) for dataset in found for pair in dataset.pairs]
        folder = [number for number, dataset in enumerate(found) for _ in dataset.pairs]
        return cls(pairs, folder, ["/".join(dataset.root.resolve().parts[-2:]) for dataset in found])

    def split(self, every: int) -> tuple[PairSet, PairSet]:
        """(training, validation): every ``every``-th pair in order of name is held out, at least one."""
        held = [i for i in range(len(self.pairs)) if i % every == every // 2] or [len(self.pairs) - 1]
        kept = [i for i in range(len(self.pairs)) if i not in set(held)]
        if not kept:
            raise DataError("One pair is not enough to train on and to validate with: give more, or --val.")
        train, val = (PairSet([self.pairs[i] for i in part], self.folders[part], self.names) for part in (kept, held))
        return train, val

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> np.ndarray:
        if index in self._cache:
            return self._cache[index]
        pair = _read(*self.pairs[index])
        self._sizes[index] = pair.shape[:2]
        if self._cached_bytes + pair.nbytes <= CACHE_BYTES:
            self._cache[index] = pair
            self._cached_bytes += pair.nbytes
        return pair

    def size(self, index: int) -> tuple[int, int]:
        """Height and width of a pair, which is only read where it has never been."""
        return self._sizes[index] if index in self._sizes else self[index].shape[:2]


def _found(root: Path) -> Dataset:
    return given_dataset(manifest=root) if root.is_file() else given_dataset(root, train=True)


def _read(ir_path: Path, vis_path: Path) -> np.ndarray:
    pair = load_pair(ir_path, vis_path)
    ir, vis = pair.as_bytes()
    return np.dstack([vis, ir])
