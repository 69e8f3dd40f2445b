"""The numeric quality targets of the shipped model on one data set, each with what is reached.

    python benchmarks/targets.py PEERS.csv SUMMARY.csv|SUMMARY.json [--row dfuse] [--optimum OPTIMUM.csv]

PEERS.csv and the evaluation are as for joint_table.py, whose ranking is used. The evaluation must hold the row that is
judged and the baseline "max", and all metrics (``dfuse eval DATASET --baselines --metrics all -o OUT``): a target whose
columns are not there is said to be open. OPTIMUM.csv has the scores of pictures that were optimised one by one, by
"stem"; the row's share of them is taken over the same pairs from the evaluation's per_image.csv, which must lie beside
the summary. That neutral stays neutral is no number of an evaluation, and not judged here. Exit code 1 when a target is
missed or open.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from joint_table import NAIVE, Rows, comparable, mean_rank, read_csv, read_evaluation

NABF = 0.02  # so much is never held against a model
ROUNDING = 0.005  # chroma that grey pictures have by the rounding of CIELAB


@dataclass(frozen=True)
class Target:
    """One line: what is asked, the bound and the value reached (NaN where unknown), and which way is good."""

    name: str
    bound: float
    reached: float
    at_least: bool
    source: str

    @property
    def verdict(self) -> str:
        """pass, FAIL or open."""
        if math.isnan(self.bound) or math.isnan(self.reached):
            return "open"
        met = self.reached >= self.bound if self.at_least else self.reached <= self.bound
        return "pass" if met else "FAIL"


def main(
    peers: Annotated[Path, typer.Argument(help="Table of other methods.")],
    evaluation: Annotated[Path, typer.Argument(help="summary.csv or summary.json of dfuse eval.")],
    row: Annotated[str, typer.Option(help="The row of the evaluation that is judged.")] = "dfuse",
    optimum: Annotated[Path | None, typer.Option(help="Scores of the best possible pictures, by pair.")] = None,
) -> None:
    """Prints the table of targets."""
    own = read_evaluation(evaluation)
    if row not in own:
        raise typer.BadParameter(f"The evaluation has no row '{row}', but {', '.join(own)}.")
    found = targets(read_csv(peers), own, row)
    if optimum:
        found += shares(optimum, evaluation.with_name("per_image.csv"), row)
    print(table(found))
    if any(target.verdict != "pass" for target in found):
        raise typer.Exit(1)


def targets(peers: Rows, own: Rows, row: str) -> list[Target]:
    """Every numeric target for ``own[row]``, against the peers that cover as many pairs, and the baseline max."""
    mine = own[row]
    rows, _ = comparable({**peers, row: mine})
    if row not in rows:
        raise typer.BadParameter(f"'{row}' covers fewer pairs than the peers: evaluate the whole set.")
    rank = mean_rank(rows)
    others = {name: values for name, values in rows.items() if name != row}
    learned = {name: values for name, values in others.items() if name not in NAIVE}
    if not learned:
        raise typer.BadParameter("The table of peers has no learned method over as many pairs.")
    best = min(learned, key=lambda name: rank[name])
    reference = learned[best]
    found = [Target("mean rank", min(rank[name] for name in others), rank[row], False, "best of all other rows")]
    for metric, share in (("VIF", 1.10), ("Qabf", 1.05)):
        top = max(learned, key=lambda name: _or(learned[name].get(metric), -math.inf))
        found.append(_share(metric, share, learned[top], mine, top))
    found.append(Target("min(VIF_ir, VIF_vis)", _weaker(reference), _weaker(mine), True, best))
    for metric, share in (("SCD", 1.0), ("SSIM", 0.98), ("MS_SSIM", 0.98), ("EN", 0.95), ("SD", 0.95), ("SF", 0.8)):
        found.append(_share(metric, share, reference, mine, best))
    nabf = reference.get("Nabf", math.nan)
    found.append(Target("Nabf", max(0.5 * nabf, NABF), mine.get("Nabf", math.nan), False, f"half of {best}, or {NABF}"))
    # this evaluation's own max, where there is one, has columns that the peers' table lacks
    naive = {**peers.get("max", {}), **own.get("max", {})}
    bound = naive.get("dC", math.nan)
    found.append(Target("dC", max(bound, ROUNDING), mine.get("dC", math.nan), False, f"max, or {ROUNDING}"))
    # what lightness explains is its own difference, both in units of CIELAB; max() keeps a NaN that comes first
    lighter, further = (mine.get(metric, math.nan) - naive.get(metric, math.nan) for metric in ("dL", "DeltaE"))
    found.append(Target("DeltaE − max's", max(lighter, 0.0), further, False, "dL − max's, or 0"))
    return found


def shares(optimum: Path, per_image: Path, row: str) -> list[Target]:
    """Mean score of the row over mean score of the optimum, on the optimum's pairs."""
    with open(optimum, encoding="utf-8", newline="") as file:
        best = {line["stem"]: line for line in csv.DictReader(file)}
    with open(per_image, encoding="utf-8", newline="") as file:
        mine = {line["image"]: line for line in csv.DictReader(file) if line["method"] == row}
    lacking = sorted(best.keys() - mine.keys())
    if lacking:
        raise typer.BadParameter(f"{per_image} has no {row} of {', '.join(lacking)}: evaluate the whole set.")
    found = []
    for metric in ("VIF", "Qabf", "SCD"):
        reached, bound = (sum(float(lines[stem][metric]) for stem in best) for lines in (mine, best))
        found.append(Target(f"{metric}, share of optimum", 0.95, reached / bound, True, f"{len(best)} pairs"))
    return found


def table(found: list[Target]) -> str:
    """Markdown, one line a target, with the count of those met at the end."""
    lines = ["| target | | bound | reached | | against |", "|---|---|---:|---:|---|---|"]
    for target in found:
        bound, reached = ("–" if math.isnan(value) else f"{value:.3f}" for value in (target.bound, target.reached))
        sign = "≥" if target.at_least else "≤"
        lines.append(f"| {target.name} | {sign} | {bound} | {reached} | {target.verdict} | {target.source} |")
    met = sum(target.verdict == "pass" for target in found)
    return "\n".join([*lines, "", f"{met} of {len(found)} targets met."])


def _share(metric: str, share: float, of: dict[str, float], mine: dict[str, float], name: str) -> Target:
    source = name if share == 1 else f"{share:g} × {name}"
    return Target(metric, share * of.get(metric, math.nan), mine.get(metric, math.nan), True, source)


def _weaker(values: dict[str, float]) -> float:
    """The smaller half of VIF; tables of peers call the visible one VIF_vi."""
    halves = [values.get("VIF_ir", math.nan), values.get("VIF_vis", values.get("VIF_vi", math.nan))]
    return math.nan if any(map(math.isnan, halves)) else min(halves)


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None or math.isnan(value) else value


if __name__ == "__main__":
    typer.run(main)
