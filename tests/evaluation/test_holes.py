"""Pixels of infrared files without a measurement are not scored, and a note says so."""

from pathlib import Path

import numpy as np
import tifffile

from diffuse_fuse import metrics
from diffuse_fuse.cli.commands import main
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


def test_a_value_that_only_the_user_knows(tmp_path):
    """--nodata: the scores are those of the part without it, and the cache tells both apart."""
    write_set(tmp_path, 17.25)
    for name in "ab":
        write_image(tmp_path / "mine" / f"{name}.png", picture(30, 3, (60, 72)))
    sets = [tmp_path / side for side in ("ir", "vi", "mine")]
    call = ["eval", "--ir", str(sets[0]), "--vis", str(sets[1]), "--fused", f"mine={sets[2]}", "--metrics", "EN,MI"]
    plain, told = tmp_path / "out", ["--nodata", "17.25"]
    values, notes = [], []
    for more in ([], told, []):
        assert main([*call, "-o", str(plain), "--workers", "1", *more]) == 0
        values.append((plain / "per_image.csv").read_text())
        notes.append("(up to 25.0%)" in (plain / "summary.json").read_text())
    assert values[0] == values[2] != values[1] and notes == [False, True, False]
