"""Real R-JPEGs of DJI's cameras, where they are at hand."""

import pytest

from diffuse_fuse.images.exif import read_notes
from diffuse_fuse.images.thermal import read_thermal

from .conftest import SHARED

REAL = SHARED / "data" / "raw_thermal" / "dji"
CAMERAS = ("H20N", "H20T", "M2EA", "M30T", "M3T", "M3TD", "XTS")


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_real_file_is_read(camera):
    path = REAL / f"{camera}.JPG"
    if not path.exists():
        pytest.skip(f"{path} is not there: set DFUSE_SHARED to the folder that holds data/")
    data = path.read_bytes()
    thermal = read_thermal(data, path)
    assert thermal.values.shape == (512, 640)
    if camera != "XTS":  # it keeps its counts otherwise
        assert thermal.unit == "counts" and thermal.values.std() > 1
    assert read_notes(data).zoom == (1.19 if camera == "H20N" else 1.0)
