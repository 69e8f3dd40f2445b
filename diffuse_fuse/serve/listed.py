"""What the service says about itself: models, bounds, metrics, palettes. Nothing of it names a path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import diffuse_fuse
from diffuse_fuse import metrics
from diffuse_fuse.models import DATA_TERMS, ModelCard
from diffuse_fuse.serve.settings import Settings
from diffuse_fuse.viewer.palettes import palettes

_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")


def model(card: ModelCard, is_default: bool) -> dict[str, Any]:
    """A card without the path of its file."""
    return {
        "name": card.name,
        "default": is_default,
        "kind": card.kind,
        "parameters": card.parameters,
        "bytes": card.bytes,
        "sha256": card.sha256,
        "data_terms": DATA_TERMS,
        "card": card.card,
    }


def setup(settings: Settings, cards: Iterable[ModelCard], default: str) -> dict[str, Any]:
    """What the page has to know."""
    return {
        "version": diffuse_fuse.__version__,
        "local": settings.is_local,
        "maxBytes": settings.max_bytes,
        "models": [{"name": card.name, "kind": card.kind, "default": card.name == default} for card in cards],
        "metrics": [
            {key: getattr(metrics.REGISTRY[name], key) for key in ("name", "direction", "range", "summary", "pitfalls")}
            for name in metrics.FUSE
        ],
        "palettes": palettes(),
        "can": ["align", "formats", "gps", "measure", "programs", "radiometric"],
        "shown": "jpg",
    }


def in_fields(text: str) -> str:
    """A sentence for the command line with its options as form fields: --thermal-range → thermal_range."""
    return _OPTION.sub(lambda option: option[1].replace("-", "_"), text)
