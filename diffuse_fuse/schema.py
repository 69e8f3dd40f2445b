"""The names and versions of the JSON that dfuse prints and writes; docs/json.md says what each holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A version goes up where a key goes or changes its meaning or type; new keys may come within one.
VERSIONS = {
    "fuse": 1,
    "fuse-plan": 1,
    "video": 1,
    "align": 1,
    "eval": 1,
    "picture": 1,
    "unreadable": 1,
    "folder": 1,
    "metric": 1,
    "metrics": 1,
    "model": 1,
    "export": 1,
    "bench": 1,
    "info": 1,
}


def headed(kind: str, whole: Mapping[str, Any]) -> dict[str, Any]:
    """``whole`` behind the key ``schema``, which says what it is: "dfuse.fuse/1", for example."""
    return {"schema": f"dfuse.{kind}/{VERSIONS[kind]}", **whole}
