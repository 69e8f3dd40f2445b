"""Which way of using the diffusion UNet makes the best fusion model? Trained at equal budget, judged alike.

    python benchmarks/ablation.py --diffusion weights/diffusion.safetensors \\
        --data DIR [--data DIR …] --val DIR --steps 400 --out runs/ablation

Every row sees the same crops in the same order for the same number of steps; it differs in what its name says.
The metrics are means over the whole pictures of --val. Rows that are done already are kept, so a stopped ablation
goes on where it was. The table is written to OUT/ablation.md and printed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from judging import judge

from diffuse_fuse.diffusion.schedule import Schedule
from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
from diffuse_fuse.networks.unet import UNetConfig
from diffuse_fuse.training.fusion import FUSION_AUGMENT, FusionTask, start_model
from diffuse_fuse.training.loop import Settings, train
from diffuse_fuse.training.pairs import PairSet

NAMES = ("EN", "SD", "SF", "MI", "VIF", "VIF_ir", "VIF_vis", "SCD", "Qabf", "Nabf", "SSIM", "MS_SSIM", "dC")


@dataclass(frozen=True)
class Row:
    """One way of making the features. ``start``: "diffusion" (the pretrained UNet), "random" (the same network,
    initialised at random) or "plain" (no UNet: a residual CNN at half resolution, of about the same cost)."""

    start: str
    unet: str
    steps: tuple[int, ...] = (50,)
    noise: str = "none"
    seed: int = 0
    crop: int = 128
    batch: int = 4

    @property
    def name(self) -> str:
        """Also the name of the row's folder."""
        steps = "+".join(map(str, self.steps))
        return f"{self.start}-{self.unet}-t{steps}-{self.noise}-{self.batch}x{self.crop}-s{self.seed}"


# The main comparison first: a start that was trained, the same at random, and no UNet, with three seeds.
ROWS = (
    *(Row(start, "finetune", seed=seed) for seed in range(3) for start in ("diffusion", "random", "plain")),
    Row("diffusion", "frozen"),
    Row("random", "frozen"),
    Row("diffusion", "distill"),
    Row("diffusion", "frozen", steps=(5,)),
    Row("diffusion", "frozen", steps=(200,)),
    Row("diffusion", "frozen", noise="fixed"),
    Row("diffusion", "frozen", steps=(5, 50, 200), noise="fixed"),
    *(Row("diffusion", "finetune", noise="fixed", seed=seed) for seed in range(3)),
    Row("diffusion", "finetune", steps=(5,)),
    Row("diffusion", "finetune", steps=(200,)),
    Row("diffusion", "finetune", steps=(200,), noise="fixed"),
)

# One level of 96 channels with three blocks: 174 kMAC a pixel with the head, where the UNet comes to 161.
PLAIN = UNetConfig(channels=(96,), blocks=(1,))


def main(
    diffusion: Annotated[Path, typer.Option(help="Diffusion weights.")],
    data: Annotated[list[Path], typer.Option(help="Training pairs.")],
    val: Annotated[Path, typer.Option(help="Pairs to judge on.")],
    out: Annotated[Path, typer.Option(help="Folder of the runs and of the table.")],
    steps: Annotated[int, typer.Option(help="Steps of each row.")] = 400,
    only: Annotated[str, typer.Option(help="Only the rows whose name holds this, such as frozen or s0.")] = "",
    compile_: Annotated[bool, typer.Option("--compile", help="Compile the networks.")] = False,
) -> None:
    """Trains and judges every row, then prints the table."""
    pairs, held_out = PairSet.from_folders(data), PairSet.from_folders([val])
    results = []
    for row in (row for row in ROWS if only in row.name):
        file = out / row.name / "result.json"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(_one(row, diffusion, pairs, held_out, val, steps, file.parent, compile_)))
        results.append({"name": row.name, **json.loads(file.read_text())})
    table = _table(results, steps)
    (out / "ablation.md").write_text(table)
    print(table)


def _one(
    row: Row, diffusion: Path, pairs: PairSet, held_out: PairSet, val: Path, steps: int, out: Path, compile_: bool
) -> dict[str, float]:
    torch.compiler.reset()
    if row.start == "plain":
        torch.manual_seed(row.seed)
        model, source = FusionModel(PLAIN, Schedule(), FeatureConfig(row.steps, row.noise)), "plain"
    else:
        pretrained = diffusion if row.start == "diffusion" else None
        model, source = start_model(pretrained, None, row.steps, row.noise, row.seed)
    task = FusionTask(
        model,
        pairs,
        held_out,
        unet=row.unet,
        augment=replace(FUSION_AUGMENT, crop=row.crop),
        batch=row.batch,
        source=source,
        seed=row.seed,
    )
    settings = Settings(out, steps=steps, resume=True, warmup=50, ema=0.99, compile=compile_)
    train(task, settings)
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    last = [entry for entry in log if "val_loss" in entry][-1]
    # All rows with the same seed, batch and crop have seen the same crops: their training losses are comparable.
    recent = [entry["loss"] for entry in log if "loss" in entry and entry["step"] > 0.75 * steps]
    return {
        "minutes": last["seconds"] / 60,
        "train_loss": float(np.mean(recent)),
        "val_loss": last["val_loss"],
        **judge(out / "weights.safetensors", val, NAMES),
    }


def _table(results: list[dict[str, float]], steps: int) -> str:
    columns = ("minutes", "train_loss", "val_loss", *NAMES)
    lines = [
        f"| {steps} steps each | {' | '.join(columns)} |",
        "|---|" + "---:|" * len(columns),
    ]
    for result in results:
        lines.append(f"| {result['name']} | " + " | ".join(f"{result[c]:.3f}" for c in columns) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    typer.run(main)
