from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diffuse_fuse import metrics
from diffuse_fuse.images.write import write_image

from ..images import flir_file


class AverageFuser:
    """Fuses by averaging, fails on request, and counts its calls."""

    def __init__(self, fail_at: int = -1, error: BaseException | None = None) -> None:
        self.calls, self.fail_at, self.error = 0, fail_at, error

    def fuse(self, ir: np.ndarray, vis: np.ndarray, depth: int = 8) -> np.ndarray:
        self.calls += 1
        if self.calls - 1 == self.fail_at:
            raise self.error
        averaged = (vis // 2 + ir[..., None] // 2).astype(np.uint8)
        return averaged if depth == 8 else averaged.astype(np.uint16) * 257 + 1


@pytest.fixture
def folders(tmp_path, scene):
    """ir/, vi/ with the pairs 0, 1, 2 and sub/3, and out/ that is not there yet."""
    for number in ("0", "1", "2", "sub/3"):
        write_image(tmp_path / "ir" / f"{number}.png", scene[0])
        write_image(tmp_path / "vi" / f"{number}.png", scene[1])
    return tmp_path / "ir", tmp_path / "vi", tmp_path / "out"


def rows(out: Path) -> list[str]:
    """The pictures in metrics.csv, in the file's order."""
    header, *lines = (out / "metrics.csv").read_text(encoding="utf-8").splitlines()
    assert header == ",".join(["picture", *metrics.FUSE])
    return [line.split(",")[0] for line in lines]


def states(results) -> list[str]:
    return [result.status for result in results]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def radiometric(path: Path, celsius: np.ndarray, vis: np.ndarray) -> None:
    """A FLIR radiometric JPEG that holds both pictures."""
    path.parent.mkdir(exist_ok=True)
    records = {
        0x01: flir_file.raw_record(flir_file.counts_of(celsius)),
        0x0E: flir_file.visible_record(flir_file.encode(".png", vis)),
        0x20: flir_file.camera_record(),
        0x2A: flir_file.alignment_record(1.0, 0, 0),
    }
    path.write_bytes(flir_file.r_jpeg(flir_file.encode(".jpg", vis), records))
