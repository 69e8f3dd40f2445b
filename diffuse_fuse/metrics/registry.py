"""All metrics by name, in the order in which tables show them, and ``compute``."""

from __future__ import annotations

import hashlib
import inspect
import secrets
from collections.abc import Iterable

from diffuse_fuse.arguments import text, texts
from diffuse_fuse.errors import MetricError, UnknownMetricError, meant
from diffuse_fuse.metrics import (
    colour,
    contrast,
    correlation,
    fmi,
    gradient,
    information,
    perceptual,
    phase,
    piella,
    structure,
    targets,
    tone,
    vif,
)
from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.metric import Function, Metric

_FAMILIES = (
    contrast, information, correlation, vif, gradient, structure, fmi, phase, perceptual, piella,
    colour, targets, tone,
)  # fmt: skip
_ORDER = (
    *("EN", "SD", "SF", "AG", "Qsf"),
    *("MI", "NMI", "CC", "SCD", "MSE", "PSNR"),
    *("VIF", "VIF_ir", "VIF_vis", "VIFF"),
    *("Qabf", "Nabf", "Labf"),
    *("SSIM", "MS_SSIM", "FMI_pixel", "FMI_dct", "FMI_w", "FMI_raw"),
    *("Qp", "Qcb", "Qcv", "Qw", "Qe", "Qs", "Qy"),
    *("DeltaE", "dE_ab", "dC", "dC_signed", "dHue", "dL"),
    *("HTV", "Tone", "Darkened", "Bleached"),
)
_DEFINED = {metric.name: metric for family in _FAMILIES for metric in family.METRICS}

REGISTRY: dict[str, Metric] = {name: _DEFINED[name] for name in _ORDER}
DEFAULT = ("EN", "SD", "SF", "AG", "MI", "VIF", "SCD", "Qabf", "Nabf", "SSIM", "MS_SSIM", "DeltaE", "dC")
FUSE = ("EN", "SD", "SF", "AG", "MI", "VIF", "Qabf", "SCD", "DeltaE")


def compute(
    ir: Array,
    vis: Array,
    fused: Array,
    names: Iterable[str] | str | None = None,
    convention: str = "plain",
) -> dict[str, float]:
    """Metrics of one fused picture, in the order asked; what they share is computed once.

    ir, vis, fused: uint8, H×W or H×W×3 (RGB), equal sizes. names: metric names; None for ``DEFAULT``, "all" for
    every one. convention: a name of ``CONVENTIONS``; a metric that an evaluator does not have gives its plain
    value. NaN where a metric says nothing about these pictures. Raises MetricError for unknown names and
    conventions, and pictures that are not as said.
    """
    check_convention(convention)
    chosen = select(names)
    triple = Triple(ir, vis, fused)
    return {metric.name: metric.value(triple, convention) for metric in chosen}


def select(names: Iterable[str] | str | None = None) -> list[Metric]:
    """The metrics of the given names; None for ``DEFAULT``, "all" for every one. Raises MetricError if unknown."""
    if names is None:
        names = DEFAULT
    elif isinstance(names, str):
        names = REGISTRY if names == "all" else (names,)
    names = texts(names, "The metrics", "The name of a metric")
    unknown = [name for name in names if name not in REGISTRY]
    if unknown:
        raise UnknownMetricError(
            f"There is no metric {', '.join(map(repr, unknown))}: choose from {', '.join(REGISTRY)}."
            + meant(unknown[0], REGISTRY)
        )
    return [REGISTRY[name] for name in names]


CONVENTIONS: dict[str, str] = {
    "plain": "the metrics as their papers define them, grey levels 0…255, float64",
    "tang": "Linfeng Tang's evaluation driver as it is today (SeAFusion, PIAFusion, PSFusion; Dif-Fusion refers to it)",
    "tang-sheets": "the spreadsheets published with that driver: uint8 arithmetic that saturates",
    "cddfuse": "CDDFuse's Evaluator.py: nats, sums of both sources, errors on 0…255, its SSIM and peak",
}


def check_convention(name: str) -> str:
    """``name``; raises UnknownMetricError when it is no convention."""
    if text(name, "The convention") not in CONVENTIONS:
        raise UnknownMetricError(
            f"There is no convention {name!r}: choose from {', '.join(CONVENTIONS)}." + meant(name, CONVENTIONS)
        )
    return name


def register(metric: Metric) -> Metric:
    """Add a metric of one's own: ``compute`` and ``evaluate`` then know it by its name, in any convention.

    The name is that of no shipped metric, whatever the case; one's own metric of this name is replaced. A script whose
    evaluation has several workers registers at its top level, where they do so as well. Returns ``metric``. Raises
    MetricError for a name that is taken and for an unknown direction.
    """
    if metric.direction not in ("up", "down", "none"):
        raise MetricError(f"The direction of {metric.name} is 'up', 'down' or 'none', not {metric.direction!r}.")
    if metric.name.lower() in {name.lower() for name in _ORDER}:
        raise MetricError(f"{metric.name} is the name of a metric of dfuse: call yours something else.")
    if not metric.name or metric.name.lower() == "all" or "," in metric.name:
        raise MetricError(f"{metric.name!r} cannot be the name of a metric: use letters and digits, and not 'all'.")
    REGISTRY[metric.name] = metric
    return metric


def code_of(names: Iterable[str]) -> str:
    """What values of these metrics depend on besides dfuse's code: a checksum of registered functions, "" for none.

    It sees a function's own lines, and not those of what it calls. A function whose lines cannot be found is another
    one in each process.
    """
    own = [REGISTRY[name] for name in sorted(names) if name not in _DEFINED]
    lines = [_lines(function) for metric in own for function in (metric.function, *metric.variants.values())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] if own else ""


def _lines(function: Function) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return _UNKNOWN


_UNKNOWN = secrets.token_hex(8)
