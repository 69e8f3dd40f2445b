"""``dfuse train``, a command for each kind of weights: parse, build the task, train, say where the weights are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diffuse_fuse.cli.train_pairs import find_pairs, require_here

if TYPE_CHECKING:
    from diffuse_fuse.training.augment import Augment

app = typer.Typer(
    help="Train weights: by a recipe, or one stage (diffusion model, fusion model, student) by itself.",
    no_args_is_help=True,
)

Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data", help="A data set's folder as for dfuse eval, its address, or a table of pairs; may be repeated."
    ),
]
IrFolder = Annotated[
    Path | None, typer.Option("--ir", metavar="DIR", help="Instead of --data: the folder of infrared pictures.")
]
VisFolder = Annotated[
    Path | None, typer.Option("--vis", metavar="DIR", help="With --ir: the folder of visible pictures.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the run: weights, state, log, preview.")]
Val = Annotated[
    list[Path] | None,
    typer.Option("--val", help="Validation pairs, given like --data; by default every 12th training pair."),
]
Minutes = Annotated[float | None, typer.Option("--minutes", min=0.01, help="Train for this many minutes.")]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Train for this many steps.")]
Resume = Annotated[bool, typer.Option("--resume", help="Resume from the last checkpoint in --out.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Start again, and replace the run in --out.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Crops per step.")]
Crop = Annotated[int, typer.Option("--crop", min=16, help="Side of a crop in pixels.")]
CropSize = Annotated[
    str, typer.Option("--crop", help="Size of a crop in pixels: one side, or width and height such as 448x256.")
]
Rate = Annotated[float, typer.Option("--lr", min=0.0, help="Learning rate.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads.")]
Precision = Annotated[str, typer.Option("--precision", help="auto, fp32 or bf16; auto uses bf16 where it is fast.")]
Optimizer = Annotated[
    str,
    typer.Option("--optimizer", help="adamw, or muon, which learns more per step but takes longer for it."),
]
Compile = Annotated[
    bool,
    typer.Option("--compile", help="Compile the network first (1.3× faster), unless that fails or loses gradients."),
]
Checkpoint = Annotated[float, typer.Option("--checkpoint-minutes", min=0.0, help="Minutes between checkpoints.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress bar.")]


@app.command()
def diffusion(
    out: Out,
    data: Data = None,
    ir: IrFolder = None,
    vis: VisFolder = None,
    val: Val = None,
    minutes: Minutes = None,
    steps: Steps = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    batch: Batch = 8,
    crop: Crop = 128,
    lr: Rate = 4e-4,
    prediction: Annotated[
        str, typer.Option("--prediction", help="What the UNet predicts: v, or eps, the noise itself as in DDPM.")
    ] = "v",
    init: Annotated[
        str | None, typer.Option("--init", help="Diffusion weights (name or file) to continue from.")
    ] = None,
    linear_path: Annotated[
        str,
        typer.Option(
            "--linear-path",
            help="The Wiener filter beside the network, for v. keep: that of --init, else a new one; fit: a new one, "
            "and a new share of the network in the result; none: without.",
        ),
    ] = "keep",
    schedule: Annotated[str, typer.Option("--schedule", help="Noise schedule: linear or cosine.")] = "linear",
    channels: Annotated[
        str, typer.Option("--channels", help="Channels per level, from half resolution downwards.")
    ] = "64,96,160,256",
    blocks: Annotated[str, typer.Option("--blocks", help="Residual blocks per level.")] = "1,1,2,2",
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = "auto",
    optimizer: Optimizer = "adamw",
    compile_: Compile = False,
    checkpoint_minutes: Checkpoint = 3.0,
    quiet: Quiet = False,
) -> None:
    """Train the diffusion model of four-channel pictures (R, G, B, IR) by algorithm 1 of DDPM."""
    from diffuse_fuse.diffusion.schedule import Schedule
    from diffuse_fuse.networks.unet import UNetConfig
    from diffuse_fuse.training.augment import Augment
    from diffuse_fuse.training.diffusion import DiffusionTask, choose_linear_path, start_model

    settings = _settings(
        out, minutes, steps, resume=resume, overwrite=overwrite, lr=lr, precision=precision, optimizer=optimizer,
        compile=compile_, checkpoint_minutes=checkpoint_minutes, quiet=quiet,
    )  # fmt: skip
    train_pairs, val_pairs = find_pairs(data, val, ir, vis)
    config = UNetConfig(channels=_numbers("--channels", channels), blocks=_numbers("--blocks", blocks))
    model, source = start_model(config, Schedule(schedule), prediction, init, seed)
    model = choose_linear_path(model, linear_path, train_pairs, crop, trained=init is not None)
    task = DiffusionTask(
        model,
        train_pairs,
        val_pairs,
        augment=Augment(crop=crop),
        batch=batch,
        seed=seed,
        source=source,
        device=chosen_device(device, threads),
    )
    _train(task, settings, len(train_pairs), len(val_pairs))


@app.command()
def fusion(
    out: Out,
    data: Data = None,
    ir: IrFolder = None,
    vis: VisFolder = None,
    diffusion: Annotated[
        str | None,
        typer.Option("--diffusion", help="Diffusion weights (name or file); by default the UNet starts at random."),
    ] = None,
    init: Annotated[str | None, typer.Option("--init", help="Fusion model (name or file) to fine-tune.")] = None,
    val: Val = None,
    minutes: Minutes = None,
    steps: Steps = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    unet: Annotated[
        str, typer.Option("--unet", help="How to train the UNet: frozen, finetune or distill.")
    ] = "finetune",
    feature_steps: Annotated[
        str, typer.Option("--feature-steps", help="Time steps of the features, such as 50 or 5,50,200.")
    ] = "50",
    noise: Annotated[str, typer.Option("--noise", help="Noise of the features: none or fixed.")] = "none",
    batch: Batch = 6,
    relit: Annotated[
        int | None,
        typer.Option(
            "--relit", min=0, help="Crops per step to re-light as dfuse fuse does by day; by default half of them."
        ),
    ] = None,
    crop: CropSize = "128",
    lr: Rate = 4e-4,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = "auto",
    optimizer: Optimizer = "adamw",
    compile_: Compile = False,
    checkpoint_minutes: Checkpoint = 3.0,
    quiet: Quiet = False,
) -> None:
    """Train the fusion model: a head on the diffusion UNet's decoder features, and optionally the UNet too."""
    from diffuse_fuse.training.fusion import FUSION_AUGMENT, FusionTask, start_model

    settings = _settings(
        out, minutes, steps, resume=resume, overwrite=overwrite, lr=lr, precision=precision, optimizer=optimizer,
        compile=compile_, checkpoint_minutes=checkpoint_minutes, quiet=quiet,
    )  # fmt: skip
    train_pairs, val_pairs = find_pairs(data, val, ir, vis)
    model, source = start_model(diffusion, init, _numbers("--feature-steps", feature_steps), noise, seed)
    task = FusionTask(
        model,
        train_pairs,
        val_pairs,
        unet=unet,
        augment=_cropped(FUSION_AUGMENT, crop),
        batch=batch,
        relit=batch // 2 if relit is None else relit,
        seed=seed,
        source=source,
        device=chosen_device(device, threads),
    )
    _train(task, settings, len(train_pairs), len(val_pairs))


@app.command()
def student(
    out: Out,
    data: Data = None,
    ir: IrFolder = None,
    vis: VisFolder = None,
    teacher: Annotated[
        str, typer.Option("--teacher", metavar="NAME|FILE", help="Fusion weights that the student learns from.")
    ] = "default",
    size: Annotated[str, typer.Option("--size", help="Size of the student: fast or tiny.")] = "fast",
    init: Annotated[
        str | None, typer.Option("--init", help="Student of this size (name or file) to continue from.")
    ] = None,
    teacher_weight: Annotated[
        float, typer.Option("--teacher-weight", min=0.0, help="Weight of the distance to the teacher's luma.")
    ] = 100.0,
    judged: Annotated[
        int, typer.Option("--judged", min=0, help="Crops per batch for the fusion losses, which are slow.")
    ] = 1,
    reuse: Annotated[int, typer.Option("--reuse", min=1, help="Steps per batch of the teacher, which is slow.")] = 8,
    val: Val = None,
    minutes: Minutes = None,
    steps: Steps = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    batch: Batch = 6,
    crop: CropSize = "160",
    lr: Rate = 1e-3,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = "auto",
    optimizer: Optimizer = "adamw",
    compile_: Compile = False,
    checkpoint_minutes: Checkpoint = 3.0,
    quiet: Quiet = False,
) -> None:
    """Train a student: a small network that approximates a fusion model at a fraction of its cost."""
    from diffuse_fuse import models
    from diffuse_fuse.checkpoint import load_weights
    from diffuse_fuse.fusion.model import model_of
    from diffuse_fuse.training.student import STUDENT_AUGMENT, StudentTask, start_student

    settings = _settings(
        out, minutes, steps, resume=resume, overwrite=overwrite, lr=lr, precision=precision, optimizer=optimizer,
        compile=compile_, checkpoint_minutes=checkpoint_minutes, quiet=quiet,
    )  # fmt: skip
    (model, start), path = start_student(size, seed, init), models.locate(teacher)
    weights = load_weights(path, models.FUSES)
    train_pairs, val_pairs = find_pairs(data, val, ir, vis)
    task = StudentTask(
        model,
        model_of(weights, path),
        train_pairs,
        val_pairs,
        teacher_weight=teacher_weight,
        judged=judged,
        reuse=reuse,
        augment=_cropped(STUDENT_AUGMENT, crop),
        batch=batch,
        seed=seed,
        source=f"{path.stem} {weights.sha256}",
        start=start,
        device=chosen_device(device, threads),
    )
    _train(task, settings, len(train_pairs), len(val_pairs))


def _settings(out: Path, minutes: float | None, steps: int | None, **rest: Any) -> Any:
    from diffuse_fuse.training.loop import Settings

    require_here("--out", out, "copy the weights there when they are made")
    return Settings(out=out, minutes=minutes, steps=steps, **rest)


def chosen_device(name: str, threads: int | None) -> str:
    """The device, after threads were set and torchrun's ranks joined."""
    import torch

    from diffuse_fuse.networks.device import choose_device
    from diffuse_fuse.training import ranks

    if threads is not None:
        torch.set_num_threads(threads)
    device = choose_device(name)
    ranks.join(device)
    return device


def _numbers(option: str, text: str) -> tuple[int, ...]:
    from diffuse_fuse.errors import UsageError

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} takes whole numbers separated by commas, such as 5,50,200, not '{text}'.") from None


def _cropped(augment: Augment, text: str) -> Augment:
    """``augment`` with crops of the size "256" or "448x256"."""
    from dataclasses import replace

    from diffuse_fuse.diffusion.pictures import parse_size

    if "x" not in text:
        return replace(augment, crop=parse_size(f"{text}x{text}")[0])
    width, height = parse_size(text)
    return replace(augment, crop=height, width=width)


def _train(task: Any, settings: Any, count: int, held_out: int) -> None:
    from diffuse_fuse.errors import counted
    from diffuse_fuse.training import ranks
    from diffuse_fuse.training.loop import train

    if ranks.is_first():
        also = f", {ranks.count()} ranks" if ranks.count() > 1 else ""
        typer.echo(f"{counted(count, 'pair')} for training, {held_out} for validation{also}", err=True)
    try:
        best = train(task, settings)
    finally:
        first = ranks.is_first()
        ranks.leave()
    if first:
        typer.echo(best)
