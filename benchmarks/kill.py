"""Does a run that is killed again and again end with the same bytes as one that nobody disturbs?

    python benchmarks/kill.py [--pairs 2000] [--kills 20] [--size 32] [--model FILE] [--workers N] [--seed 0]

Makes pairs of noise, fuses them once undisturbed, and once into another folder where ``dfuse fuse`` is killed (SIGKILL,
which no program can catch) at random moments and started again with the same command: one time in five at any moment
of its start, else while it works. Then every file of the two folders is compared, metrics.csv too.
Without --model it is a small untrained one, so that much is read and written in little time. Exit code 1: not equal.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from diffuse_fuse.images.write import write_image

_LOOK_EVERY = 0.005  # seconds
_IN_THE_START = 0.2  # share of the kills
_METRICS = "metrics.csv"


@dataclass(frozen=True)
class Undisturbed:
    """Seconds from the start to the first picture, and to the end."""

    start: float
    whole: float


@dataclass(frozen=True)
class Killed:
    """pictures: there after each kill. half_written: temporary files that were found then, all kills together."""

    pictures: tuple[int, ...]
    half_written: int


def undisturbed(command: Sequence[str], out: Path) -> Undisturbed:
    """Runs ``command``, which writes into ``out``. Raises RuntimeError when it fails."""
    begun = time.perf_counter()
    process = started(command)
    first = None
    while process.poll() is None:
        if first is None and pictures(out):
            first = time.perf_counter() - begun
        time.sleep(_LOOK_EVERY)
    whole = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {process.stderr.read()}")
    return Undisturbed(first or whole, whole)


def killed(
    command: Sequence[str],
    out: Path,
    pairs: int,
    kills: int,
    usual: Undisturbed,
    seed: int = 0,
    doomed: Sequence[str] | None = None,
) -> Killed:
    """Starts ``command`` and kills it ``kills`` times, then lets it end.

    The moments are drawn so that the run is not over before the last one: while it works, within the time that is left
    divided by the kills that are left. Where it was faster than that, there are fewer kills. ``doomed`` is started
    instead of ``command`` by all runs but the last: a command that never ends by itself is killed every time, however
    fast or busy the machine. Raises RuntimeError when the last run fails.
    """
    rng = random.Random(seed)
    rate = pairs / max(usual.whole - usual.start, 1e-3)  # pictures a second
    there, half_written = [], 0
    for number in range(kills):
        before = pictures(out)
        process = started(doomed or command)
        if rng.random() < _IN_THE_START:
            time.sleep(rng.uniform(0, usual.start))
        else:
            while pictures(out) == before and process.poll() is None:
                time.sleep(_LOOK_EVERY)
            time.sleep(rng.uniform(0, 1.2 * (pairs - before) / rate / (kills - number + 1)))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        there.append(pictures(out))
        half_written += sum(name.endswith(".tmp") for name in _files(out))
    undisturbed(command, out)
    return Killed(tuple(there), half_written)


def differences(one: Path, other: Path) -> list[str]:
    """Files, by their path below the folder, that are not in both or not the same bytes."""
    hashes = [
        {name: hashlib.sha256(path.read_bytes()).digest() for name, path in _files(f).items()} for f in (one, other)
    ]
    return sorted(name for name in hashes[0].keys() | hashes[1].keys() if hashes[0].get(name) != hashes[1].get(name))


def make_pairs(folder: Path, pairs: int, size: int, seed: int = 0) -> None:
    """ir/ and vi/ with noise, each picture another."""
    rng = np.random.default_rng(seed)
    for number in range(pairs):
        noise = rng.integers(0, 256, (size, size, 4), dtype=np.uint8)
        write_image(folder / "ir" / f"{number:05}.png", noise[..., 3])
        write_image(folder / "vi" / f"{number:05}.png", noise[..., :3])


def main(
    pairs: Annotated[int, typer.Option(min=1)] = 2000,
    kills: Annotated[int, typer.Option(min=0)] = 20,
    size: Annotated[int, typer.Option(min=16, help="Of the pictures, in pixels.")] = 32,
    model: Annotated[str | None, typer.Option(help="Weights; a small untrained model unless given.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="As for dfuse fuse.")] = None,
    seed: Annotated[int, typer.Option(help="Of the pictures and the moments.")] = 0,
) -> None:
    """Prints what was done, and whether all files are equal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pairs(folder, pairs, size, seed)
        weights = model or str(untrained(folder / "untrained.safetensors"))
        command = [sys.executable, "-m", "diffuse_fuse", "fuse", str(folder / "ir"), str(folder / "vi")]
        command += ["--model", weights, *(["--workers", str(workers)] if workers else []), "-o"]
        calm, rough = folder / "calm", folder / "rough"
        usual = undisturbed([*command, str(calm)], calm)
        print(f"{pairs} pairs of {size}×{size} undisturbed: {usual.whole:.1f} s, the first after {usual.start:.1f} s")
        start = time.perf_counter()
        done = killed([*command, str(rough)], rough, pairs, kills, usual, seed)
        print(f"killed {len(done.pictures)} times and ended, {time.perf_counter() - start:.1f} s in all")
        print(f"pictures there after each kill: {', '.join(map(str, done.pictures))}")
        print(f"temporary files found after the kills: {done.half_written}")
        odd = differences(calm, rough)
        print(f"files compared: {len(_files(calm))}, of them {_METRICS}; different or left over: {len(odd)} {odd[:5]}")
        if odd:
            raise typer.Exit(1)


def started(command: Sequence[str]) -> subprocess.Popen[str]:
    """A run; what it says on stderr can be read."""
    # not into a pipe that nobody empties: what the run says is little, and read at its end
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _files(folder: Path) -> dict[str, Path]:
    paths = folder.rglob("*") if folder.is_dir() else ()
    return {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}


def pictures(out: Path) -> int:
    """How many there are."""
    try:
        return sum(entry.name.endswith(".png") for entry in out.iterdir())
    except FileNotFoundError:
        return 0


def untrained(path: Path) -> Path:
    import torch

    from diffuse_fuse.checkpoint import Weights, save_weights
    from diffuse_fuse.diffusion.schedule import Schedule
    from diffuse_fuse.fusion.model import FeatureConfig, FusionModel
    from diffuse_fuse.networks.unet import UNetConfig

    torch.manual_seed(0)
    model = FusionModel(UNetConfig(channels=(8, 8), blocks=(1, 1)), Schedule("linear"), FeatureConfig())
    save_weights(path, Weights("fusion", model.config(), {"data": "none"}, model.state_dict()))
    return path


if __name__ == "__main__":
    typer.run(main)
