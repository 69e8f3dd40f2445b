"""Entropy and mutual information of grey values: EN, MI, NMI."""

from __future__ import annotations

import math

import numpy as np

from diffuse_fuse.metrics.context import Array, Triple
from diffuse_fuse.metrics.counts import joint, levels
from diffuse_fuse.metrics.metric import Metric


def en(t: Triple) -> float:
    """Entropy of the fused picture's grey values in bits, 0…8 (Roberts 2008): EN = −Σ p log₂ p over 256 levels."""
    return t.once(_entropies)[2]


def mi(t: Triple) -> float:
    """Mutual information, bits (Qu 2002): MI = I(ir; fused) + I(vis; fused), I(A; F) = H(A) + H(F) − H(A, F)."""
    return sum(t.once(_shared_information))


def nmi(t: Triple) -> float:
    """Normalised mutual information, 0…2 (Hossny 2008): 2 [I(A;F)/(H(A)+H(F)) + I(B;F)/(H(B)+H(F))]."""
    h_ir, h_vis, h_fused = t.once(_entropies)
    i_ir, i_vis = t.once(_shared_information)
    if h_ir + h_fused == 0 or h_vis + h_fused == 0:
        return math.nan
    return 2 * (i_ir / (h_ir + h_fused) + i_vis / (h_vis + h_fused))


def _mi_tang(t: Triple) -> float:
    # uint8 + 1 saturates, so the levels 254 and 255 share a bin of the joint histogram (not of the single ones)
    h_ir, h_vis, h_fused = t.once(_entropies)
    with_ir, with_vis = (_entropy(_top_merged(counts)) for counts in t.once(joint))
    return h_ir + h_vis + 2 * h_fused - with_ir - with_vis


def _mi_nats(t: Triple) -> float:
    return mi(t) * math.log(2)


def _entropies(t: Triple) -> tuple[float, float, float]:
    ir, vis, fused = (_entropy(counts) for counts in t.once(levels))
    return ir, vis, fused


def _shared_information(t: Triple) -> tuple[float, float]:
    h_ir, h_vis, h_fused = t.once(_entropies)
    with_ir, with_vis = (_entropy(counts) for counts in t.once(joint))
    return max(0.0, h_ir + h_fused - with_ir), max(0.0, h_vis + h_fused - with_vis)


def _top_merged(counts: Array) -> Array:
    """256×256 counts → 255×255, the last two levels of both pictures counted as one."""
    starts = np.arange(255)
    return np.add.reduceat(np.add.reduceat(counts, starts, axis=0), starts, axis=1)


def _entropy(counts: Array) -> float:
    p = counts[counts > 0] / counts.sum()
    # a single level would give -0.0
    return float(-(p * np.log2(p)).sum()) + 0.0


METRICS = (
    Metric(
        name="EN",
        direction="up",
        range="0 … 8 bits",
        summary="entropy of the fused picture's grey values",
        equation="−Σ p log₂ p over 256 grey levels of the fused luma",
        paper="Roberts, van Aardt, Ahmed, J. Appl. Remote Sensing 2 (2008)",
        convention="256 levels, bits",
        pitfalls="Looks at the fused picture alone: noise and stretching raise it.",
        others="IVIF_ZOO adds 1e-7 inside the logarithm: −6e-6 relative.",
        degenerate="0 for a constant picture.",
        cost=4,
        function=en,
    ),
    Metric(
        name="MI",
        direction="up",
        range="0 … 16 bits",
        summary="what the fused grey values tell of both sources",
        equation="I(ir; fused) + I(vis; fused), I(A; F) = H(A) + H(F) − H(A, F)",
        paper="Qu, Zhang, Yan, Electronics Letters 38 (2002) 313",
        convention="256 levels, bits, sum of both sources",
        pitfalls="A copy of either source scores highest; max(Y, IR) beats every network.",
        others="tang: levels 254 and 255 merged in the joint histogram, +0.2 … 1.9 %. cddfuse, VIFB: natural "
        "logarithm, ×0.693. A few papers average, ×0.5.",
        degenerate="0 when the fused picture or both sources are constant; 2 H when all three are equal.",
        cost=4,
        function=mi,
        variants={"tang": _mi_tang, "tang-sheets": _mi_tang, "cddfuse": _mi_nats},
    ),
    Metric(
        name="NMI",
        direction="up",
        range="0 … 2",
        summary="mutual information, freed of the pictures' own entropies",
        equation="2 [I(ir; fused) / (H(ir) + H(fused)) + I(vis; fused) / (H(vis) + H(fused))]",
        paper="Hossny, Nahavandi, Creighton, Electronics Letters 44 (2008) 1066",
        convention="Hossny's normalisation, each source by itself",
        pitfalls="As MI.",
        others="IVIF_ZOO: 2 MI / (H(ir) + H(vis)), 6 % off on average, up to 21 %.",
        degenerate="NaN when the fused picture and a source are both constant.",
        cost=4,
        function=nmi,
    ),
)
