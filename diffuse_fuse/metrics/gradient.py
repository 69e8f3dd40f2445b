"""Edges carried over, lost and invented: Qabf, Nabf, Labf."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from diffuse_fuse.metrics.bands import Band, total
from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.filters import sobel
from diffuse_fuse.metrics.metric import Metric


@dataclass(frozen=True)
class _Edges:
    """Strength and orientation of a picture's edges, h×w each; orientation in −π/2…π/2."""

    strength: Array
    angle: Array


@dataclass(frozen=True)
class _Flow:
    """Of Petrović's framework, sums of (1 − Q_AF) w_A + (1 − Q_BF) w_B: where the fused edge is the strongest of all
    three, and elsewhere; and of the weights."""

    invented: float
    lost: float
    total: float  # Σ w_A + w_B


def qabf(t: Triple) -> float:
    """Edge information kept, 0…about .975 (Xydeas and Petrović 2000): Σ (Q_AF g_A + Q_BF g_B) / Σ (g_A + g_B)."""
    return _qabf(t, 1)


def nabf(t: Triple) -> float:
    """Invented edges, 0…1 (Shreyamsha Kumar 2013): Σ_{g_F > g_A, g_B} [(1−Q_AF) w_A + (1−Q_BF) w_B] / Σ (w_A+w_B)."""
    flow = t.once(_flow)
    return flow.invented / flow.total


def labf(t: Triple) -> float:
    """Lost edges, 0…1 (Petrović 2005): Σ_{g_F ≤ g_A or g_B} [(1−Q_AF) w_A + (1−Q_BF) w_B] / Σ (w_A + w_B)."""
    flow = t.once(_flow)
    return flow.lost / flow.total


def _qabf_unit(t: Triple) -> float:
    return _qabf(t, 255)


def _nabf_tang(t: Triple) -> float:
    # the driver hands (ir, vis, fused) to a function of (fused, ir, vis)
    flow = _petrovic(t.vis, t.fused, t.ir)
    return flow.invented / flow.total


def _qabf(t: Triple, white: float) -> float:
    """Qabf of the grey levels divided by ``white``."""

    def values(band: Band) -> tuple[float, float]:
        ir, vis, fused = (_matlab_edges(plane[band.rows] / white, band.inner) for plane in (t.ir, t.vis, t.fused))
        kept = _kept(ir, fused)
        kept *= ir.strength
        more = _kept(vis, fused)
        more *= vis.strength
        kept += more
        return float(kept.sum()), float(ir.strength.sum()) + float(vis.strength.sum())

    kept, strength = total(t.shape, 1, values)
    return float(kept / strength) if strength else math.nan


def _matlab_edges(image: Array, rows: slice) -> _Edges:
    right, below = (difference[rows] for difference in sobel(image, "zero"))
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = np.arctan(-below / right)
    # where the horizontal difference is 0 the original says +π/2, whatever the sign of the vertical one
    angle[right == 0] = math.pi / 2
    return _Edges(np.sqrt(right * right + below * below), angle)


def _kept(source: _Edges, fused: _Edges) -> Array:
    """Q_AF: which share of each edge of the source is found in the fused picture, strength times orientation."""
    weaker = np.minimum(source.strength, fused.strength)
    stronger = np.maximum(source.strength, fused.strength)
    # equal strengths give the strength itself, not 1: a slip of the original that all evaluators share
    ratio = np.where(weaker == stronger, weaker, weaker / np.where(stronger > 0, stronger, 1))
    alike = 1 - np.abs(source.angle - fused.angle) / (math.pi / 2)
    strength = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5)))
    orientation = 0.9879 / (1 + np.exp(-22 * (alike - 0.8)))
    kept: Array = strength * orientation
    return kept


def _petrovic_edges(image: Array, rows: slice) -> _Edges:
    right, below = (difference[rows] / 8 for difference in sobel(image, "mirror"))
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = np.arctan(right / below)
    angle[(right == 0) & (below == 0)] = 0
    return _Edges(np.sqrt(right * right + below * below), angle)


def _flow(t: Triple) -> _Flow:
    return _petrovic(t.ir, t.vis, t.fused)


def _petrovic(ir: Array, vis: Array, fused: Array) -> _Flow:
    """Of three lumas, uint8 H×W."""

    def values(band: Band) -> tuple[float, float, float]:
        a, b, f = (_petrovic_edges(plane[band.rows].astype(np.float64), band.inner) for plane in (ir, vis, fused))
        weight_a, weight_b = _petrovic_weight(a.strength), _petrovic_weight(b.strength)
        unkept = (1 - _petrovic_kept(a, f)) * weight_a + (1 - _petrovic_kept(b, f)) * weight_b
        invented = (f.strength > a.strength) & (f.strength > b.strength)
        weights = float(weight_a.sum() + weight_b.sum())
        return float(unkept[invented].sum()), float(unkept[~invented].sum()), weights

    return _Flow(*map(float, total(fused.shape, 1, values)))


def _petrovic_weight(strength: Array) -> Array:
    return np.where(strength >= 2, strength * np.sqrt(strength), 0.001)


def _petrovic_kept(source: _Edges, fused: _Edges) -> Array:
    stronger = np.maximum(source.strength, fused.strength)
    ratio = np.minimum(source.strength, fused.strength) / np.where(stronger > 0, stronger, 1)
    alike = np.abs(np.abs(source.angle - fused.angle) - math.pi / 2) * (2 / math.pi)
    strength = 1 + np.exp(-19 * (ratio - 0.5))
    orientation = 1 + np.exp(-22 * (alike - 0.5))
    kept: Array = np.sqrt(0.9999 * 0.9995 / (strength * orientation))
    return kept


_KUMAR = "Shreyamsha Kumar, Signal, Image and Video Processing 7 (2013) 1125"

METRICS = (
    Metric(
        name="Qabf",
        direction="up",
        range="0 … ≈0.975",
        summary="share of the sources' edges that the fused picture kept",
        equation="Σ (Q_AF g_A + Q_BF g_B) / Σ (g_A + g_B), Q = Q_strength · Q_orientation",
        paper="Xydeas, Petrović, Electronics Letters 36 (2000) 308",
        convention="Sobel with zero padding, grey levels 0…255, weights g",
        pitfalls="A perfect result gives .975, not 1; the orientation difference does not wrap; equal strengths "
        "count as the strength itself. max(Y, IR) scores above most networks.",
        others="tang, cddfuse, IVIF_ZOO: this number. tang-sheets: pictures in 0…1, −0.1 %, up to 2.5 %. VIFB "
        "averages R, G, B. imageFusionMetrics' Xydeas and Petrović's own are other numbers (+73 %).",
        degenerate="NaN when neither source has an edge (both black); a grey constant has edges at the zero border.",
        cost=15,
        function=qabf,
        variants={"tang-sheets": _qabf_unit},
    ),
    Metric(
        name="Nabf",
        direction="down",
        range="0 … 1",
        summary="edges of the fused picture that neither source has: artefacts, noise, halos",
        equation="Σ_{g_F > g_A, g_F > g_B} [(1 − Q_AF) w_A + (1 − Q_BF) w_B] / Σ (w_A + w_B), w = g^1.5 or .001",
        paper=_KUMAR,
        convention="Sobel/8 with mirrored borders, grey levels 0…255, T_d = 2",
        pitfalls="A copy of a source scores 0.",
        others="tang: its driver passes the pictures in the wrong order, −78 %, meaningless. IVIF_ZOO: 1e-4.",
        degenerate="0 when all three are equal, and for a constant fused picture.",
        cost=16,
        function=nabf,
        variants={"tang": _nabf_tang, "tang-sheets": _nabf_tang},
    ),
    Metric(
        name="Labf",
        direction="down",
        range="0 … 1",
        summary="edges of the sources that the fused picture lost",
        equation="Σ_{g_F ≤ g_A or g_F ≤ g_B} [(1 − Q_AF) w_A + (1 − Q_BF) w_B] / Σ (w_A + w_B)",
        paper="Petrović, Xydeas, ICCV 2005; in the form of " + _KUMAR,
        convention="as Nabf; Petrović's own Q + Labf + Nabf = 1",
        pitfalls="Not the complement of Qabf above, whose constants and borders differ.",
        others="IVIF_ZOO: 'F ≤ min' instead of 'F ≤ A or F ≤ B'.",
        degenerate="About .99 for three flat pictures: no edge to keep, and none kept.",
        cost=16,
        function=labf,
    ),
)
