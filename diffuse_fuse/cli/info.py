"""``dfuse info``: what a bug report needs."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Annotated, Any

import typer

import diffuse_fuse
from diffuse_fuse.cli import report
from diffuse_fuse.errors import WeightsError
from diffuse_fuse.schema import headed

_PACKAGES = ("numpy", "scipy", "scikit-image", "safetensors", "typer", "rich")
_OPTIONAL = ("onnxruntime", "onnx", "onnxscript", "av")  # of the extras onnx and video


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Print what a bug report needs: versions, devices, threads, weights."""
    facts = collect()
    if as_json:
        report.print_json(headed("info", facts))
    else:
        rows = [(key, _plain(value)) for key, value in facts.items() if not isinstance(value, dict)]
        for group in (value for value in facts.values() if isinstance(value, dict)):
            rows += [(key, _plain(value)) for key, value in group.items()]
        typer.echo(report.table(rows))


def collect() -> dict[str, Any]:
    """Everything ``dfuse info`` prints, as plain values; needs no weights and no GPU."""
    import cv2
    import torch

    from diffuse_fuse import models

    try:
        card = models.find("default")
        weights: dict[str, str | None] = {
            "weights": card.name,
            "weights file": str(card.path),
            "weights sha256": card.sha256,
        }
    except WeightsError as error:
        weights = {"weights": None, "weights error": str(error)}
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {
        "dfuse": diffuse_fuse.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {"torch": torch.__version__, "opencv": cv2.__version__, **_versions(_PACKAGES + _OPTIONAL)},
        "devices": {
            "cuda": gpus,
            "cuda version": torch.version.cuda,
            "mps": torch.backends.mps.is_available(),
            "cpu cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
        "default weights": weights,
    }


def _versions(packages: tuple[str, ...]) -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value)
