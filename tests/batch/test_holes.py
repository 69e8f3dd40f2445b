"""Pixels without a measurement in a run: left out of the range of a series and of the metrics, said once."""

import numpy as np
import pytest
import tifffile

from diffuse_fuse import metrics
from diffuse_fuse.batch import Job, Recipe, run
from diffuse_fuse.batch.session import with_series_range
from diffuse_fuse.batch.steps import measured
from diffuse_fuse.images.arrays import to_uint8_grey
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_image

from .conftest import AverageFuser

SIZE = (80, 120)


def write_pair(folder, name: str, warmer: float, fill: float) -> Job:
    rng = np.random.default_rng(len(name))
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    celsius = (15 + warmer + 5 * np.sin(x / 9.0) + rng.normal(0, 0.2, SIZE)).astype(np.float32)
    celsius[:20] = fill
    tifffile.imwrite(folder / f"{name}_ir.tif", celsius, photometric="minisblack")
    vis = np.clip(120 + 60 * np.cos(y / 7.0)[..., None] + rng.normal(0, 5, (*SIZE, 3)), 0, 255).astype(np.uint8)
    write_image(folder / f"{name}_vis.png", vis)
    return Job(folder / f"{name}_ir.tif", folder / f"{name}_vis.png", folder / f"{name}.png")


@pytest.mark.parametrize("fill", [-10000, np.nan])
def test_a_pair_with_holes(tmp_path, fill):
    job = write_pair(tmp_path, "a", 0, fill)
    (result,) = run([job], AverageFuser(), recipe=Recipe())
    assert len(result.warnings) == 1 and "25.0% of its pixels" in result.warnings[0]
    pair, fused = load_pair(job.ir, job.vis), read_image(job.out)
    assert np.array_equal(fused[:20], pair.vis[:20]) and not np.array_equal(fused[40:], pair.vis[40:])
    part = np.s_[20:]
    own = metrics.compute(to_uint8_grey(pair.ir)[part], pair.vis[part], fused[part], metrics.FUSE)
    assert result.metrics == pytest.approx(dict(own))


def test_a_fused_picture_of_another_size_is_not_cut_to_fit(tmp_path):
    job = write_pair(tmp_path, "a", 0, np.nan)
    larger = np.full((SIZE[0] + 30, SIZE[1] + 30, 3), 90, np.uint8)
    values, warnings = measured(load_pair(job.ir, job.vis), larger)
    assert not values and "cannot be computed" in warnings[0]


def test_the_range_of_a_series(tmp_path):
    jobs = [write_pair(tmp_path, name, warmer, -32767) for name, warmer in (("a", 0), ("b", 8))]
    load, unit = with_series_range(jobs, LoadOptions(), 1)
    assert unit == "values" and 9 < load.thermal_range[0] < 11 and 27 < load.thermal_range[1] < 29


def test_the_option_is_noted_only_where_it_is_given(tmp_path):
    assert "nodata" not in Recipe().options(tmp_path / "a.png")
    assert Recipe(LoadOptions(nodata=0.0)).options(tmp_path / "a.png")["nodata"] == 0
