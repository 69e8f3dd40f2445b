"""What does each term of the loss do, and what each data set? A student trained from nothing without it.

    python benchmarks/terms.py --data DIR [--data DIR …] --val DIR --steps 1500 --out runs/terms [--compile]

Every row is a "tiny" student that starts from max(Y, IR), learns for the same number of steps from the fusion losses
alone, without a teacher, and is judged on the whole pictures of --val. "without X" has every term but X; "paper" only
the two of the paper (intensity, gradient: Yue et al. 2023, eq. 11 to 13); "only X" sees one of the data folders. Rows
with the same data see the same crops in the same order. "all" is trained with three seeds: the spread is what chance
does. Rows that are done already are kept, so a stopped run goes on where it was. The table is written to OUT/terms.md
and printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated

import typer
from contestants import markdown, number, run
from judging import FLAT, judge

from diffuse_fuse.fusion.losses import LossWeights
from diffuse_fuse.training.fusion import FUSION_AUGMENT
from diffuse_fuse.training.loop import Settings, train
from diffuse_fuse.training.pairs import PairSet
from diffuse_fuse.training.student import StudentTask, start_student

NAMES = ("EN", "SD", "SF", "VIF", "VIF_ir", "VIF_vis", "SCD", "Qabf", "Nabf", "SSIM", "MS_SSIM", "dC", "HTV")
SEEDS = 3
GROUPS = (
    ("vif",),
    ("qabf",),
    ("ssim",),
    ("scd",),
    ("contrast",),
    ("chroma",),
    ("intensity", "gradient"),
    ("artefact", "drift"),
    ("targets",),
)
PAPER = ("intensity", "gradient", "range")
BATCH, CROP, RATE = 2, 192, 1e-3


@dataclass(frozen=True)
class Row:
    """One training: its losses, the number of the data folder that it sees (None: all), its seed."""

    name: str
    losses: LossWeights
    folder: int | None = None
    seed: int = 0


def main(
    data: Annotated[list[Path], typer.Option(help="Training pairs.")],
    val: Annotated[Path, typer.Option(help="Pairs to judge on.")],
    out: Annotated[Path, typer.Option(help="Folder of the runs and of the table.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps of each row.")] = 1500,
    only: Annotated[str, typer.Option(help="Only the rows whose name holds this, such as without or seed.")] = "",
    compile_: Annotated[bool, typer.Option("--compile", help="Compile the network.")] = False,
) -> None:
    """Trains and judges every row, then prints the table."""
    held_out, loaded = PairSet.from_folders([val]), {}
    results = []
    for row in (row for row in rows(data) if only in row.name):
        file = out / row.name.replace(" ", "-").replace("/", "-") / "result.json"
        if not file.exists():
            seen = tuple(data) if row.folder is None else (data[row.folder],)
            pairs = loaded.setdefault(seen, PairSet.from_folders(seen))
            file.parent.mkdir(parents=True, exist_ok=True)
            weights = learn(row, pairs, held_out, Settings(file.parent, steps=steps, lr=RATE, compile=compile_))
            file.write_text(json.dumps(judge(weights, val, NAMES)))
        results.append((row.name, json.loads(file.read_text())))
    names = (*NAMES, *FLAT)
    table = markdown(
        (f"{steps} steps each", *names),
        [[name, *(number(scores[metric]) for metric in names)] for name, scores in results],
    )
    (out / "terms.md").write_text(table + "\n")
    print(table)


def rows(data: list[Path]) -> Iterator[Row]:
    """All of them, the yardstick first."""
    every = LossWeights()
    for seed in range(SEEDS):
        yield Row(f"all, seed {seed}", every, seed=seed)
    for group in GROUPS:
        yield Row(f"without {', '.join(group)}", replace(every, **dict.fromkeys(group, 0.0)))
    others = [term.name for term in fields(LossWeights) if term.name not in PAPER]
    yield Row("paper", replace(every, **dict.fromkeys(others, 0.0)))
    for index, folder in enumerate(data):
        yield Row(f"only {'/'.join(folder.resolve().parts[-2:])}", every, folder=index)


def learn(row: Row, pairs: PairSet, held_out: PairSet, settings: Settings) -> Path:
    """The weights that the row's training ends with."""
    student, start = start_student("tiny", row.seed)
    task = StudentTask(
        student,
        start_student("tiny", row.seed)[0],  # gives max(Y, IR); its weight is 0
        pairs,
        held_out,
        teacher_weight=0.0,
        judged=BATCH,
        losses=row.losses,
        augment=replace(FUSION_AUGMENT, crop=CROP),
        batch=BATCH,
        seed=row.seed,
        source="none",
        start=start,
    )
    train(task, replace(settings, resume=True, quiet=True))
    return settings.out / "weights.safetensors"


if __name__ == "__main__":
    run(main)
