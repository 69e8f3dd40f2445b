"""The logs of the training runs in docs/runs: what each reached, with the curves that are drawn of them."""

from __future__ import annotations

import json
from pathlib import Path

HEAD = """# Training runs

Each run leaves `log.jsonl`, one JSON object a line. Logs of runs that led to the shipped weights are kept in
`docs/runs/`, and the commands of all runs in the [model card](../weights.md). "Validation" is the smallest loss on the
validation pairs. Losses of two runs compare only where both have the same terms: terms came and went over time.

| run | steps | hours | last loss | validation | log |
|---|---:|---:|---:|---:|---|
"""


def page(root: Path) -> str:
    """A table of the logs, then the curves."""
    folder = root / "docs" / "runs"
    text = HEAD
    for path in sorted(folder.glob("*.jsonl"), key=lambda path: _order(path.stem)):
        text += _row(path)
    text += "\n## Curves\n\n"
    for curve in sorted((root / "docs").glob("curve-*.svg"), key=lambda path: _order(path.stem)):
        name = curve.stem.removeprefix("curve-")
        text += f"### {name}\n\n![Loss of the run {name} over its steps](../{curve.name})\n\n"
    return text


def _row(path: Path) -> str:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    losses = [line["loss"] for line in lines if "loss" in line]
    judged = [line["val_loss"] for line in lines if "val_loss" in line]
    seconds = max(line.get("seconds", 0) for line in lines)
    steps = max(line.get("step", 0) for line in lines)
    best = f"{min(judged):.4f}" if judged else "–"
    log = f"[{path.name}](../runs/{path.name})"
    return f"| {path.stem} | {steps} | {seconds / 3600:.1f} | {losses[-1]:.4f} | {best} | {log} |\n"


def _order(stem: str) -> tuple[str, int]:
    name, _, number = stem.rpartition("-")
    return (name, int(number)) if number.isdigit() else (stem, 1)
