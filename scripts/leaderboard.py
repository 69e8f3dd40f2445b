"""Rows of the leaderboard, docs/leaderboard.csv: measured from pictures or weights, or taken from an evaluation.

    python scripts/leaderboard.py tno DATA/tno --fused "My method=results/my_method"
    python scripts/leaderboard.py tno DATA/tno --model "mine=runs/mine/best.safetensors"
    python scripts/leaderboard.py tno --summary OUT/summary.json
    python scripts/leaderboard.py tno --peers PEERS/scores_tno.csv

Each set has a checksum of its pairs, names and contents: what was measured on other pairs is refused. A row of the same
name is replaced.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from diffuse_fuse.cli.options import check_balance
from diffuse_fuse.errors import DataError, DfuseError, UsageError
from diffuse_fuse.evaluation import Evaluation, evaluate
from diffuse_fuse.evaluation.methods import Balanced, Row, parse_fused
from diffuse_fuse.files import write_atomically

BOARD = Path(__file__).resolve().parent.parent / "docs" / "leaderboard.csv"
METRICS = (
    *("Tone", "Darkened", "Bleached", "EN", "SD", "SF", "AG", "MI", "VIF", "VIF_ir", "VIF_vis", "SCD", "Qabf", "Nabf"),
    *("SSIM", "MS_SSIM", "DeltaE", "dL", "dC", "HTV"),
)
# kind: "model" (weights of dfuse), "folder" (a method's pictures), "baseline", "table" (somebody else measured them)
COLUMNS = ("set", "method", "kind", "pairs", "fingerprint", *METRICS)
_BASELINES = ("visible", "ir", "max", "average")

Rows = list[dict[str, str]]


def main(
    set_: Annotated[str, typer.Argument(metavar="SET", help="Name of the set on the board.")],
    data: Annotated[Path | None, typer.Argument(metavar="[DATA]", help="Folder of its pairs.")] = None,
    fused: Annotated[list[str] | None, typer.Option(metavar="NAME=DIR", help="Pictures of a method.")] = None,
    model: Annotated[list[str] | None, typer.Option(metavar="NAME=WEIGHTS", help="Weights to fuse with.")] = None,
    balance: Annotated[str, typer.Option(help="That of the weights.")] = "auto",
    summary: Annotated[Path | None, typer.Option(metavar="FILE", help="summary.json of dfuse eval.")] = None,
    peers: Annotated[Path | None, typer.Option(metavar="FILE", help="Table with the columns method, n, EN, …")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that compute metrics.")] = 1,
    board: Annotated[Path, typer.Option(metavar="FILE", help="The board.")] = BOARD,
    new: Annotated[bool, typer.Option("--new", help="Begin a set that the board does not have yet.")] = False,
) -> None:
    """Add rows to the board."""
    try:
        rows = read(board)
        known = sorted({row["set"] for row in rows})
        if set_ not in known and not new:
            raise UsageError(f"The board has no set '{set_}', but {', '.join(known) or 'none'}: --new begins one.")
        given = sum((data is not None, summary is not None, peers is not None))
        if given != 1 or (data is None) != (not fused and not model):
            raise UsageError("Give the folder of the pairs with --fused or --model, or --summary, or --peers.")
        if peers is not None:
            added = from_peers(peers, set_, rows)
        else:
            measured = _summary(summary) if summary else _measured(data, fused, model, balance, workers).as_dict()
            added = from_summary(measured, set_, rows)
        write(board, merged(rows, added))
    except DfuseError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(f"{set_}: {', '.join(row['method'] for row in added) or 'no row is new'}")


def read(board: Path) -> Rows:
    """The rows of a board; none where there is no file. Raises DataError for another table."""
    if not board.exists():
        return []
    with open(board, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise DataError(f"{board} is no leaderboard: its columns are not {', '.join(COLUMNS[:5])} and metrics.")
        return list(reader)


def write(board: Path, rows: Rows) -> None:
    """Replaces the board, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        write_atomically(board, text.getvalue().encode())
    except OSError as error:
        raise DataError(f"{board} cannot be written: {error.strerror or error}.") from None


def merged(rows: Rows, added: Rows) -> Rows:
    """``rows`` with those that are added, each in the place of the row with its set and name; sets stay together."""
    new = {(row["set"], row["method"]): row for row in added}
    kept = [new.pop((row["set"], row["method"]), row) for row in rows]
    return sorted([*kept, *new.values()], key=lambda row: row["set"])


def from_summary(summary: dict[str, Any], set_: str, rows: Rows) -> Rows:
    """The rows of an evaluation. Raises DataError for other pairs than the board's, or missing metrics."""
    try:
        fingerprint = summary["dataset"]["fingerprint"][:16]
        methods, convention = summary["methods"], summary["convention"]
        found = [_of_method(method, set_, fingerprint) for method in methods]
    except (KeyError, TypeError) as error:
        raise DataError(
            f"This is no summary.json of dfuse eval with the metrics {', '.join(METRICS)}: {error}."
        ) from None
    if convention != "plain":
        raise DataError(f"The board holds plain numbers, and these are of the convention {convention}.")
    known = {row["fingerprint"] for row in rows if row["set"] == set_ and row["fingerprint"]}
    if known and fingerprint not in known:
        raise DataError(
            f"These are not the pairs of {set_}: their checksum is {fingerprint}, the board's {known.pop()}."
        )
    return found


def from_peers(table: Path, set_: str, rows: Rows) -> Rows:
    """The rows of a table of others for methods that the board has not measured itself. Raises DataError."""
    measured = {row["method"] for row in rows if row["set"] == set_ and row["kind"] != "table"}
    try:
        with open(table, encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        return [_of_table(line, set_) for line in lines if line["method"] not in measured]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{table} is no table with the columns method, n, EN, …: {error}.") from None


def _summary(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a summary.json: {error}.") from None


def _measured(
    data: Path | None, fused: list[str] | None, models: list[str] | None, balance: str, workers: int
) -> Evaluation:
    assert data is not None
    methods: dict[str, Row] = dict(parse_fused(text) for text in fused or ())
    for text in models or ():
        name, equals, weights = text.partition("=")
        if not equals or not name or not weights:
            raise UsageError(f"--model {text}: give a name and weights, as in --model mine=runs/mine/best.safetensors.")
        methods[name] = Balanced(weights, check_balance(balance))
    result = evaluate(data, methods, METRICS, workers=workers)
    for problem in result.problems:
        typer.echo(f"Problem: {problem.rstrip('.')}.", err=True)
    return result


def _of_method(method: dict[str, Any], set_: str, fingerprint: str) -> dict[str, str]:
    values = {name: _cell(method["metrics"][name]["mean"]) for name in METRICS}
    kind = "folder" if method["kind"] == "function" else method["kind"]
    facts = {"set": set_, "method": method["name"], "kind": kind, "pairs": str(method["pairs"])}
    return {**facts, "fingerprint": fingerprint, **values}


def _of_table(line: dict[str, str], set_: str) -> dict[str, str]:
    line = {**line, "VIF_vis": line.get("VIF_vis", line.get("VIF_vi", ""))}
    values = {name: _cell(float(line.get(name) or "nan")) for name in METRICS}
    kind = "baseline" if line["method"] in _BASELINES else "table"
    return {"set": set_, "method": line["method"], "kind": kind, "pairs": line["n"], "fingerprint": "", **values}


def _cell(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.5f}"


if __name__ == "__main__":
    sys.exit(typer.run(main))
