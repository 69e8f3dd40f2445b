import pytest

from diffuse_fuse import batch
from diffuse_fuse.errors import DataError
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.write import write_image

from .conftest import radiometric


def test_one_range_for_a_series(tmp_path, scene):
    """Two scenes ten degrees apart: by themselves they look alike, in a series the second is brighter."""
    for number in range(2):
        radiometric(tmp_path / "in" / f"{number}.jpg", 20 + 10 * number + scene[0] / 30.0, scene[1])
    (tmp_path / "in" / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    jobs = batch.plan_single_folder(tmp_path / "in", tmp_path / "out").jobs
    load, unit = batch.with_series_range(jobs, LoadOptions())
    low, high = load.thermal_range
    assert unit == "°C" and 20 < low < 23 and 36 < high < 39
    means = []
    for options in (LoadOptions(), load):
        seen = []

        class Sees:
            def fuse(self, ir, vis, seen=seen):
                seen.append(float(ir.mean()))
                return vis

        batch.run(jobs, Sees(), existing="replace", recipe=batch.Recipe(options, measure=False))
        means.append(seen)
    assert abs(means[0][0] - means[0][1]) < 0.02 and means[1][1] - means[1][0] > 0.4


def test_a_series_needs_one_unit(tmp_path, scene):
    radiometric(tmp_path / "in" / "0.jpg", 20 + scene[0] / 10.0, scene[1])
    write_image(tmp_path / "in" / "1.png", scene[0])
    jobs = batch.plan_single_folder(tmp_path / "in", tmp_path / "out").jobs
    with pytest.raises(DataError, match="8-bit levels and °C"):
        batch.with_series_range(jobs, LoadOptions())
    assert batch.with_series_range(jobs[1:], LoadOptions()) == (LoadOptions(), None)
