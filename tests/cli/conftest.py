from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from diffuse_fuse.images.write import write_image

Dfuse = Callable[..., subprocess.CompletedProcess[str]]


def command() -> list[str]:
    """The installed command of this Python, or the module where the scripts are not beside the interpreter."""
    script = shutil.which("dfuse", path=str(Path(sys.executable).parent))
    return [script] if script else [sys.executable, "-m", "diffuse_fuse"]


@pytest.fixture
def dfuse(tmp_path: Path) -> Dfuse:
    """Run ``dfuse`` with these arguments in the temporary folder, as a user would."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
        return subprocess.run(
            [*command(), *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env=environment,
            timeout=120,
        )

    return run


@pytest.fixture
def pair(tmp_path: Path, scene) -> tuple[str, str]:
    """The names of a pair in the temporary folder."""
    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1])
    return "ir.png", "vis.png"


@pytest.fixture
def folders(tmp_path: Path, scene) -> tuple[str, str]:
    """The names of two folders with three pairs, a damaged one, one without partner and a Thumbs.db."""
    for number in range(4):
        write_image(tmp_path / "ir" / f"{number}.png", scene[0])
        write_image(tmp_path / "vi" / f"{number}.jpg", scene[1])
    (tmp_path / "ir" / "3.png").write_text("a text")
    write_image(tmp_path / "ir" / "alone.png", scene[0])
    (tmp_path / "vi" / "Thumbs.db").write_bytes(b"\0")
    return "ir", "vi"
