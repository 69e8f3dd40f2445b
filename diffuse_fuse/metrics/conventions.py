"""The evaluators whose numbers a table may hold, by name."""

from __future__ import annotations

from diffuse_fuse.arguments import text
from diffuse_fuse.errors import UnknownMetricError, meant

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
