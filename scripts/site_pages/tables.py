"""Formats, layouts of data sets, metrics and models, as the code's registries have them."""

from __future__ import annotations

from functools import cache
from typing import get_args

from diffuse_fuse import models
from diffuse_fuse.cli.metrics import _BETTER as BETTER
from diffuse_fuse.evaluation import layouts
from diffuse_fuse.images import encode, names, options, overlay, pairs
from diffuse_fuse.metrics import CONVENTIONS, DEFAULT, FUSE, REGISTRY
from diffuse_fuse.video import sink


@cache
def pages() -> dict[str, tuple[str, str]]:
    """Address → title and text."""
    return {
        "tables/formats.md": ("Formats", _formats()),
        "tables/layouts.md": ("Layouts of data sets", _layouts()),
        "tables/metrics.md": ("Metrics", _metrics()),
        "tables/models.md": ("Models", _models()),
    }


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", r"\|").replace("\n", " ") for cell in cells) + " |\n"


def _codes(values: object) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _formats() -> str:
    text = "# Formats\n\nGenerated from the code. [Cameras and formats](../cameras.md) says what is read of each.\n\n"
    text += "## Read\n\nIn a folder these suffixes are pictures. A file that is named is judged by its content.\n\n"
    text += f"{_codes(sorted(names.SUFFIXES))}\n\n"
    text += "These hold numbers. In a folder one stands for a picture where no picture has its name.\n\n"
    text += f"{_codes(sorted(names.NUMBERS))}\n\n## Written\n\n| suffix | bits a channel | metadata |\n|---|---|---|\n"
    for suffix in encode.ENCODERS:
        depth = "8 or 16" if suffix in encode.DEEP else "8"
        text += _row(f"`{suffix}`", depth, "none" if suffix in encode.BARE else "colour profile, EXIF, provenance")
    text += f"\n## Videos written\n\nThe codec is `{sink.CODEC}` unless the suffix or `--codec` says another.\n\n"
    text += f"{_codes(sink.SUFFIXES)}, or a folder of frames\n\n## Names of options\n\n| option | values |\n|---|---|\n"
    text += _row("`--thermal-unit`", _codes(get_args(options.ThermalUnit)))
    text += _row("`--raw-type`", _codes(get_args(options.RawType)))
    text += _row("`--overlay`", _codes(overlay.palettes()))
    return text


def _layouts() -> str:
    text = "# Layouts of data sets\n\n"
    text += "Generated from `diffuse_fuse/evaluation/layouts.py`. `dfuse eval` and `dfuse train` know these sets "
    text += "as they are downloaded. The first layout that a folder has is taken. `*` stands for any name. Where a "
    text += "set is split, `eval` takes the test part and `train` the training part.\n\n"
    text += "Any other folder with `ir/` and `vis/` works too, and so does one that `--ir` and `--vis`, `--manifest` "
    text += "or patterns describe: see [Scoring a data set](../evaluation.md).\n\n"
    text += "| data set | infrared | visible | files pair by |\n|---|---|---|---|\n"
    for known in layouts.TABLE:
        visible = f"`{known.vis}`" if known.vis else "the same folder"
        text += _row(known.name, f"`{known.ir}`", visible, _pairing(known.how))
    text += f"\nFolders of these names hold infrared pictures: {_codes(pairs.IR_NAMES)}. These hold visible ones: "
    return text + f"{_codes(pairs.VIS_NAMES)}.\n"


def _pairing(how: str) -> str:
    if not how:
        return "equal names, or names that differ by a mark of their kind"
    if how == "same file":
        return "one file with four channels"
    return f"the map `{how}`" if how.endswith(".json") else f"the patterns {_codes(how.split())}"


def _metrics() -> str:
    text = "# Metrics\n\nGenerated from the registry; `dfuse metrics NAME` prints the same. "
    text += f"`dfuse eval` computes these unless `--metrics` says others: {', '.join(DEFAULT)}. "
    text += f"`dfuse fuse` prints {', '.join(FUSE)}.\n\n| metric | better | range | what it measures | ms |\n"
    text += "|---|:-:|---|---|---:|\n"
    arrows = {"up": "↑", "down": "↓", "none": "·"}
    for metric in REGISTRY.values():
        link = f"[{metric.name}](#{metric.name.lower()})"
        text += _row(link, arrows[metric.direction], metric.range, metric.summary, f"{metric.cost:g}")
    text += "\nms: CPU time of a 640×480 pair, by itself.\n\n## Conventions\n\n| name | |\n|---|---|\n"
    text += "".join(_row(f"`{name}`", meaning) for name, meaning in CONVENTIONS.items())
    return text + "".join(_card(metric) for metric in REGISTRY.values())


def _card(metric) -> str:
    rows = {
        "definition": metric.equation,
        "paper": metric.paper,
        "range": f"{metric.range}, {BETTER[metric.direction]}",
        "looks at": "colour" if metric.colour else "luma",
        "plain convention": metric.convention,
        "differs in": ", ".join(f"`{name}`" for name in metric.variants),
        "others print": metric.others,
        "pitfalls": metric.pitfalls,
        "degenerate": metric.degenerate,
    }
    text = f"\n## {metric.name}\n\n{metric.summary[0].upper()}{metric.summary[1:]}.\n\n| | |\n|---|---|\n"
    return text + "".join(_row(name, _plain(value)) for name, value in rows.items() if value)


def _plain(text: str) -> str:
    """Equations are text: their stars and underscores are no emphasis."""
    return text if "`" in text else text.replace("*", r"\*").replace("_", r"\_").replace("<", "&lt;")


def _models() -> str:
    text = "# Models\n\nGenerated from the weights that come with dfuse; `dfuse models` prints their cards, and the "
    text += "[model card](../weights.md) says how they were trained.\n\n"
    text += "| name | kind | parameters | megabytes | SHA-256 |\n|---|---|---:|---:|---|\n"
    for card in models.available():
        name = f"`{card.name}`" + (" (the default)" if card.is_default else "")
        text += _row(name, card.kind, f"{card.parameters:,}", f"{card.bytes / 1e6:.1f}", f"`{card.sha256[:16]}…`")
    return text + f"\n{models.DATA_TERMS}\n"
