"""``report.html``: one file that shows an evaluation in any browser, without a network.

The page is assembled from ``page/`` and the viewer of ``diffuse_fuse.viewer``: styles and scripts are put into it, with
the numbers as one JSON object. Thumbnails are always inside; the larger pictures as long as they are few, otherwise the
page links to ``report_files`` beside it.
"""

from __future__ import annotations

import base64
import json
import math
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffuse_fuse import viewer
from diffuse_fuse.evaluation import tables
from diffuse_fuse.evaluation.plan import report_folder
from diffuse_fuse.evaluation.result import plain

if TYPE_CHECKING:
    from diffuse_fuse.evaluation.result import Evaluation

EMBED_BYTES = 16_000_000  # of pictures; a page with more is slow to open and to send
_SCRIPTS = ("base.js", "summary.js", "viewer.js", "pairs.js", "plots.js")
_SIGNIFICANT = 6


def html(evaluation: Evaluation, folder: Path) -> str:
    """The page; ``folder`` is where it will lie and holds the pictures that the run left."""
    data = json.dumps(_data(evaluation, folder), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    parts = {
        "STYLE": "\n".join([*map(viewer.part, viewer.STYLES), _part("style.css")]),
        "SCRIPT": "\n".join([*map(viewer.part, viewer.SCRIPTS), *map(_part, _SCRIPTS)]),
        # inside a script element only "</" and "<!--" could end it
        "DATA": data.replace("<", "\\u003c"),
    }
    # in one pass, so that a mark inside the data is not taken for one
    return re.sub(r"/\*(STYLE|SCRIPT|DATA)\*/", lambda mark: parts[mark[1]], _part("page.html"))


def _part(name: str) -> str:
    return (resources.files("diffuse_fuse.evaluation") / "page" / name).read_text(encoding="utf-8")


def _data(evaluation: Evaluation, folder: Path) -> dict[str, Any]:
    from diffuse_fuse.metrics import REGISTRY

    means, rows = evaluation.means, tables.rows(evaluation)
    return {
        "heading": tables.heading(evaluation),
        "dataset": evaluation.dataset,
        "layout": evaluation.layout,
        "inSet": evaluation.pairs_in_set,
        "convention": evaluation.convention,
        "version": evaluation.version,
        "metricCode": evaluation.metric_code,
        "date": evaluation.date,
        "fingerprint": evaluation.fingerprint,
        "seed": evaluation.seed,
        "metrics": [
            {"name": name, "better": evaluation.directions[name], "summary": REGISTRY[name].summary}
            for name in evaluation.metrics
        ],
        "methods": [
            {
                "name": row.name,
                "kind": row.kind,
                "facts": method.facts,
                "pairs": row.pairs,
                "comparable": row.comparable,
                "cells": row.cells,
                "marks": row.marks,
                "mean": _numbers(means.mean[index]),
                "low": _numbers(means.low[index]),
                "high": _numbers(means.high[index]),
            }
            for index, (row, method) in enumerate(zip(rows, evaluation.methods, strict=True))
        ],
        "footnotes": tables.footnotes(evaluation),
        "pairs": evaluation.pairs,
        "values": [[_numbers(cell) for cell in method] for method in evaluation.values],
        "scored": [[bool(there) for there in method] for method in evaluation.scored],
        "against": {
            "p": [_numbers(line) for line in evaluation.comparisons.p_holm],
            "difference": [_numbers(line) for line in evaluation.comparisons.difference],
            "wins": [_numbers(line) for line in evaluation.comparisons.wins],
        },
        "correlation": [_numbers(line) for line in evaluation.correlation],
        "withinPairs": evaluation.correlation_is_within_pairs,
        "problems": evaluation.problems,
        "notes": evaluation.notes,
        "views": [
            {"ir": view.ir, "vis": view.vis, "methods": view.methods, "size": view.size} for view in evaluation.views
        ],
        **_pictures(evaluation, folder),
    }


def _pictures(evaluation: Evaluation, folder: Path) -> dict[str, Any]:
    """Addresses of all pictures: of thumbnails always as data, of views as data if they are small together."""
    where = report_folder(folder)
    used = {stem for view in evaluation.views for stem in (view.ir, view.vis, *view.methods.values())}
    stems = sorted(stem for stem in used if (where / f"{stem}.webp").exists() and (where / f"{stem}_s.webp").exists())
    embed = sum((where / f"{stem}.webp").stat().st_size for stem in stems) <= EMBED_BYTES
    link = f"{where.name}/"
    return {
        "embedded": embed,
        "pictures": {stem: _data_uri(where / f"{stem}.webp") if embed else f"{link}{stem}.webp" for stem in stems},
        "thumbnails": {stem: _data_uri(where / f"{stem}_s.webp") for stem in stems},
    }


def _data_uri(path: Path) -> str:
    return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _numbers(values: Any) -> list[float | None]:
    return [_short(plain(value)) for value in values]


def _short(value: float | None) -> float | None:
    """Six significant digits: more would only make the page larger."""
    if value is None or value == 0:
        return value
    return round(value, _SIGNIFICANT - 1 - math.floor(math.log10(abs(value))))
