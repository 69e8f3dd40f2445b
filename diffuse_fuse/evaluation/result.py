"""What an evaluation found, as numbers; ``tables`` and ``report`` make it readable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from diffuse_fuse.evaluation import statistics
from diffuse_fuse.evaluation.methods import Method
from diffuse_fuse.remote.urls import told
from diffuse_fuse.schema import headed


@dataclass(frozen=True)
class Views:
    """The report's pictures of a pair: file stems in the output's ``report_files``, and (height, width)."""

    ir: str
    vis: str
    methods: dict[str, str]
    size: tuple[int, int]


@dataclass(frozen=True)
class Evaluation:
    """Scores of methods on a data set.

    values: float64, methods × pairs × metrics; NaN where a metric is undefined or a picture is missing.
    scored: bool, methods × pairs: was there a picture? views: the report's pictures, in the order of ``pairs``; empty
    without an output folder. problems: what could not be scored (exit code 1). notes: what to know.
    """

    dataset: str
    root: Path
    layout: str
    fingerprint: str
    pairs: tuple[str, ...]
    pairs_in_set: int
    methods: tuple[Method, ...]
    metrics: tuple[str, ...]
    directions: dict[str, str]
    convention: str
    values: np.ndarray
    scored: np.ndarray
    seed: int
    version: str
    metric_code: str
    date: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    views: tuple[Views, ...] = ()

    @property
    def ok(self) -> bool:
        """True when every pair of the data set, or of its drawn part, has a score for every method."""
        return not self.problems

    @cached_property
    def means(self) -> statistics.Means:
        """Mean, interval, standard deviation and count of each method and metric."""
        return statistics.means(self.values, self.seed)

    @cached_property
    def comparisons(self) -> statistics.Comparisons:
        """The first method against the others, by paired tests."""
        return statistics.compare_with_first(self.values)

    @property
    def correlation_is_within_pairs(self) -> bool:
        """Three methods or more: do metrics prefer the same ones? Fewer: are they high on the same pictures?"""
        return len(self.methods) > 2

    @cached_property
    def correlation(self) -> np.ndarray:
        """Rank correlation between the metrics as they are signed so that up is better, metrics × metrics."""
        sign = np.array([-1.0 if self.directions[name] == "down" else 1.0 for name in self.metrics])
        return statistics.rank_correlation(self.values * sign, self.correlation_is_within_pairs)

    def count(self, method: int) -> int:
        """How many pairs a method has pictures of."""
        return int(self.scored[method].sum())

    def comparable(self, method: int) -> bool:
        """True when its mean is over as many pairs as any other's."""
        return self.count(method) == max(self.count(other) for other in range(len(self.methods)))

    def as_dict(self) -> dict[str, Any]:
        """Everything that ``summary.json`` holds: plain values, NaN as None."""
        whole = {
            "dfuse": self.version,
            "date": self.date,
            "dataset": {
                "name": self.dataset,
                "folder": told(str(self.root)),
                "layout": self.layout,
                "pairs": len(self.pairs),
                "pairs_in_set": self.pairs_in_set,
                "fingerprint": self.fingerprint,
            },
            "convention": self.convention,
            "metrics": [{"name": name, "better": self.directions[name]} for name in self.metrics],
            "metric_code": self.metric_code,
            "bootstrap": {"resamples": statistics.RESAMPLES, "seed": self.seed, "level": 0.95},
            "methods": [self._method(row) for row in range(len(self.methods))],
            "correlation": {
                "over": "methods, within pairs" if self.correlation_is_within_pairs else "pairs",
                "metrics": list(self.metrics),
                "spearman": [[plain(value) for value in row] for row in self.correlation],
            },
            "problems": list(self.problems),
            "notes": list(self.notes),
        }
        return headed("eval", whole)

    def _method(self, row: int) -> dict[str, Any]:
        method, means = self.methods[row], self.means
        entry = {
            "name": method.name,
            "kind": method.kind,
            **method.facts,
            "pairs": self.count(row),
            "metrics": {
                name: {
                    "mean": plain(means.mean[row, column]),
                    "low": plain(means.low[row, column]),
                    "high": plain(means.high[row, column]),
                    "std": plain(means.std[row, column]),
                    "n": int(means.count[row, column]),
                }
                for column, name in enumerate(self.metrics)
            },
        }
        if row:
            against = self.comparisons
            entry["first_against_this"] = {
                name: {
                    "median_difference": plain(against.difference[row - 1, column]),
                    "higher_on": plain(against.wins[row - 1, column]),
                    "p": plain(against.p[row - 1, column]),
                    "p_holm": plain(against.p_holm[row - 1, column]),
                }
                for column, name in enumerate(self.metrics)
            }
        return entry


def plain(value: float) -> float | None:
    """What JSON can hold: None for NaN and infinities."""
    return float(value) if math.isfinite(value) else None
