"""Pixels of infrared files without a measurement are not scored, and a note says so."""

from pathlib import Path

import numpy as np
import tifffile

from diffuse_fuse import metrics
from diffuse_fuse.evaluation import evaluate
from diffuse_fuse.evaluation.score import read_pair
from diffuse_fuse.images.write import write_image

from .conftest import picture


def write_set(root: Path, fill: float) -> None:
    for number, name in enumerate("ab"):
        celsius = picture(number, 1, (60, 72)).astype(np.float32) / 8
        if name == "b":
            celsius[:, :18] = fill
        (root / "ir").mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(root / "ir" / f"{name}.tif", celsius, photometric="minisblack")
        write_image(root / "vi" / f"{name}.png", picture(number + 10, 3, (60, 72)))


def test_the_measured_part_is_scored(tmp_path):
    def darker(ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        return np.maximum(vis, ir[..., None]) // 2

    for fill in (-9999, np.nan):
        root = tmp_path / str(fill)
        write_set(root, fill)
        found = evaluate(root, {"darker": darker}, metrics="EN,MI,VIF,Qabf")
        assert len(found.notes) == 1 and "1 infrared picture has pixels without a measurement (up to 25.0%)" in str(
            found.notes
        )
        ir, vis = read_pair(root / "ir" / "b.tif", root / "vi" / "b.png")
        part = np.s_[:, 18:]
        own = metrics.compute(ir[part], vis[part], darker(ir, vis)[part], found.metrics)
        assert np.allclose(found.values[0, 1], [own[name] for name in found.metrics])
