"""What a metric is: its number and everything that a reader of the number should know."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from diffuse_fuse.metrics.context import Array, Triple

Function = Callable[[Triple], float]


@dataclass(frozen=True)
class Metric:
    """One metric in its plain convention, with what other conventions print under its name.

    name: as in tables. direction: "up", "down", or "none" where neither is better. range: possible values.
    convention: what the plain number is, where programs differ. paper, equation: where it comes from.
    colour: True when it looks at colour. cost: CPU milliseconds of a 640×480 pair on one core, by itself.
    summary: one line. pitfalls: what misleads. others: what other programs print. degenerate: its value where
    the equation has none; NaN means that the metric says nothing about these pictures.
    """

    name: str
    direction: str
    range: str
    summary: str
    equation: str
    paper: str
    convention: str
    cost: float
    function: Function = field(repr=False)
    colour: bool = False
    pitfalls: str = ""
    others: str = ""
    degenerate: str = ""
    variants: Mapping[str, Function] = field(default_factory=dict, repr=False)

    def value(self, triple: Triple, convention: str = "plain") -> float:
        """The metric's value; a convention that has no number of its own under this name gives the plain one."""
        return float(self.variants.get(convention, self.function)(triple))

    def as_dict(self) -> dict[str, Any]:
        """Everything but the functions, as JSON can hold it; ``variants`` are the conventions that differ."""
        hidden = {"function", "variants"}
        plain = {key: value for key, value in vars(self).items() if key not in hidden}
        return {**plain, "variants": sorted(self.variants)}


def public(function: Function) -> Callable[[Array, Array, Array], float]:
    """A function of a ``Triple`` → the same of three pictures, with its documentation."""

    def metric(ir: Array, vis: Array, fused: Array) -> float:
        return float(function(Triple(ir, vis, fused)))

    metric.__name__ = metric.__qualname__ = function.__name__
    metric.__module__ = "diffuse_fuse.metrics"
    metric.__doc__ = (
        f"{inspect.getdoc(function)}\n\n"
        "ir, vis, fused: uint8, H×W or H×W×3 (RGB), equal sizes. Raises MetricError otherwise."
    )
    return metric
