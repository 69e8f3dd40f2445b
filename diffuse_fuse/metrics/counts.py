"""How often each grey level occurs, by itself and together with another picture's: exact, and small for any picture.

Entropies, and with them sums of grey values and of their products, need no more than this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffuse_fuse.metrics.context import Array, Triple

_PIXELS = 1 << 20  # counted at once: an index takes eight bytes, the table of pairs half a megabyte
_LEVELS = np.arange(256)


@dataclass(frozen=True)
class Sums:
    """Of grey values over all pixels, exact: of ir (i), vis (v) and fused (f), and of their products."""

    pixels: int
    i: int
    v: int
    f: int
    ii: int
    vv: int
    ff: int
    iv: int
    i_f: int
    v_f: int


def joint(t: Triple) -> tuple[Array, Array]:
    """256×256 counts of the grey levels of (ir, fused) and of (vis, fused); call through ``t.once``."""
    return joint_counts(t.ir, t.fused), joint_counts(t.vis, t.fused)


def levels(t: Triple) -> tuple[Array, Array, Array]:
    """256 counts each of the grey levels of ir, vis and fused."""
    with_ir, with_vis = t.once(joint)
    return with_ir.sum(axis=1), with_vis.sum(axis=1), with_ir.sum(axis=0)


def sums(t: Triple) -> Sums:
    """Sums of grey values and of products; call through ``t.once``."""
    import cv2

    (with_ir, with_vis), (ir, vis, fused) = t.once(joint), t.once(levels)
    ii, vv = _sum(ir, _LEVELS**2), _sum(vis, _LEVELS**2)
    # Σ (ir − vis)² in integers, which rounding restores where the library took a root of it
    apart = round(cv2.norm(t.ir, t.vis, cv2.NORM_L2SQR))
    products = np.outer(_LEVELS, _LEVELS)
    return Sums(
        pixels=t.ir.size,
        i=_sum(ir, _LEVELS),
        v=_sum(vis, _LEVELS),
        f=_sum(fused, _LEVELS),
        ii=ii,
        vv=vv,
        ff=_sum(fused, _LEVELS**2),
        iv=(ii + vv - apart) // 2,
        i_f=_sum(with_ir, products),
        v_f=_sum(with_vis, products),
    )


def joint_counts(a: Array, b: Array) -> Array:
    """256×256 counts of pairs of grey levels of two uint8 pictures."""
    counts = np.zeros(65536, np.int64)
    a, b = a.ravel(), b.ravel()
    for start in range(0, a.size, _PIXELS):
        index = a[start : start + _PIXELS].astype(np.intp)
        index *= 256
        index += b[start : start + _PIXELS]
        counts += np.bincount(index, minlength=65536)
    return counts.reshape(256, 256)


def _sum(counts: Array, values: Array) -> int:
    return int((counts * values).sum())
