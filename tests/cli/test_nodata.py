"""--nodata, and what is said of pixels without a value."""

import json

import numpy as np
import pytest
import tifffile

from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_image


@pytest.fixture
def pair(tmp_path):
    """Counts whose left quarter holds one of the scene's own values, 7250, and a grey visible picture."""
    y, x = np.mgrid[:64, :96]
    counts = (7200 + 2 * x + (3 * y) % 50).astype(np.uint16)
    counts[counts == 7250] = 7251
    counts[:, :24] = 7250
    tifffile.imwrite(tmp_path / "ir.tif", counts, photometric="minisblack")
    write_image(tmp_path / "vis.png", np.full((64, 96, 3), 77, np.uint8))


@pytest.mark.usefixtures("pair")
def test_fuse_shows_the_visible_picture_there(dfuse, tiny_model, tmp_path):
    done = dfuse("fuse", "ir.tif", "vis.png", "-o", "out.png", "--model", tiny_model, "--nodata", "7250", "--json")
    (result,) = json.loads(done.stdout)["results"]
    assert done.returncode == 0 and "25.0% of its pixels" in result["warnings"][0] and len(result["warnings"]) == 1
    assert (read_image(tmp_path / "out.png")[:, :24] == 77).all()


@pytest.mark.usefixtures("pair")
def test_inspect_tells_the_share(dfuse):
    (facts,) = json.loads(dfuse("inspect", "ir.tif", "--nodata", "7250", "--json").stdout)
    assert facts["thermal"]["holes"] == 0.25 and "25.0%" in facts["warnings"][0]
