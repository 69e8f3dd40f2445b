"""A small data set on disk, and evaluations made up of numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse.evaluation.methods import Method
from diffuse_fuse.evaluation.result import Evaluation
from diffuse_fuse.images.write import write_image

SIZE = (40, 56)


def picture(seed: int, channels: int = 3, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A smooth scene with noise, different for each seed: uint8 H×W×3, or H×W for one channel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]] / max(size)
    planes = [
        127 + 90 * np.sin(5 * x * rng.uniform(0.5, 2) + 4 * y + rng.uniform(0, 6)) + rng.normal(0, 8, size)
        for _ in range(channels)
    ]
    image = np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)
    return image if channels == 3 else image[..., 0]


def write_pairs(ir_dir: Path, vis_dir: Path, names: list[str], suffix: str = ".png") -> None:
    for index, name in enumerate(names):
        write_image(ir_dir / f"{name}{suffix}", picture(2 * index, 1))
        write_image(vis_dir / f"{name}{suffix}", picture(2 * index + 1))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three pairs in ir/ and vi/."""
    root = tmp_path / "set"
    write_pairs(root / "ir", root / "vi", ["a", "b", "c"])
    return root


@pytest.fixture
def make_evaluation() -> Callable[..., Evaluation]:
    """values (methods × pairs × metrics), directions, kinds → an Evaluation."""

    def make(
        values: np.ndarray, directions: tuple[str, ...] | None = None, kinds: tuple[str, ...] | None = None, **others
    ) -> Evaluation:
        methods, pairs, metrics = values.shape
        names = ("EN", "SD", "VIF", "Qabf", "Nabf", "DeltaE")[:metrics]
        directions = directions or ("up",) * metrics
        kinds = kinds or ("function",) * methods
        given = {
            "dataset": "made up",
            "root": Path("made_up"),
            "layout": "ir + vi",
            "fingerprint": "0" * 64,
            "pairs": tuple(f"p{index}" for index in range(pairs)),
            "pairs_in_set": pairs,
            "methods": tuple(Method(f"m{index}", kind, None) for index, kind in enumerate(kinds)),
            "metrics": names,
            "directions": dict(zip(names, directions, strict=True)),
            "convention": "plain",
            "values": values.astype(float),
            "scored": np.isfinite(values).any(axis=2),
            "seed": 0,
            "version": "0",
            "metric_code": "code",
            "date": "2026-01-01T00:00:00+00:00",
        }
        return Evaluation(**{**given, **others})

    return make


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real pictures beside the repository, which is never part of it."""
    folder = Path(os.environ.get("DFUSE_SHARED") or Path(__file__).resolve().parents[3] / "shared")
    if not (folder / "peers").is_dir():
        pytest.skip(f"no real pictures: {folder} has no peers/ (DFUSE_SHARED names another folder)")
    return folder
