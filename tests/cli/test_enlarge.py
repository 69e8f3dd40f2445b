"""``dfuse fuse --enlarge``: a small infrared picture beside a large visible one."""

import json

import cv2
import numpy as np
import pytest

from diffuse_fuse import Fuser, models
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images.provenance import read_provenance
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.write import write_image

needs_weights = pytest.mark.skipif(
    not (models.folder() / "diffusion.safetensors").is_file(), reason="the diffusion weights are not there"
)


@pytest.fixture
def small(tmp_path):
    """A pair of 24×16 and 96×64 pixels: ir/a.png and vis/a.png; as arrays."""
    y, x = np.mgrid[:64, :96]
    body = ((x - 40) ** 2 + (y - 30) ** 2 < 150) | ((x - 75) ** 2 + (y - 45) ** 2 < 60)
    ir = cv2.resize((60 + 150 * body).astype(np.uint8), (24, 16), interpolation=cv2.INTER_AREA)
    vis = np.stack([2 * x, 3 * y, 90 + 80 * body], axis=-1).astype(np.uint8)
    write_image(tmp_path / "ir" / "a.png", ir)
    write_image(tmp_path / "vis" / "a.png", vis)
    return ir, vis


@pytest.mark.parametrize("way", ["auto", "guided", pytest.param("prior", marks=needs_weights)])
def test_the_picture_is_that_of_the_library_and_says_how(dfuse, tmp_path, small, way):
    done = dfuse(
        *("fuse", "ir/a.png", "vis/a.png", "-o", "out.png", "--model", "tiny", "--no-metrics", "--enlarge", way)
    )
    assert done.returncode == 0, done.stderr
    with pytest.warns(UserWarning, match="24×16"):
        expected = Fuser("tiny", threads=1, enlarge=way).fuse(*small)
    assert np.abs(read_visible(tmp_path / "out.png").astype(int) - expected).max() <= 1
    noted = read_provenance(tmp_path / "out.png").options["enlarge"]
    assert noted.startswith({"auto": "cubic"}.get(way, way))


def test_another_way_makes_a_folder_again(dfuse, small):
    common = ("fuse", "ir", "vis", "-o", "out", "--model", "tiny", "--no-metrics", "--json")
    first, again, other = (dfuse(*common, *more) for more in ((), ("--enlarge", "cubic"), ("--enlarge", "guided")))
    assert first.returncode == again.returncode == other.returncode == 0, first.stderr
    assert json.loads(again.stdout)["results"][0]["status"] == "skipped"  # auto is cubic
    assert json.loads(other.stdout)["results"][0]["redone"] == "the options changed"


def test_an_unknown_way_is_refused(dfuse, small):
    done = dfuse("fuse", "ir/a.png", "vis/a.png", "-o", "out.png", "--enlarge", "lanczos")
    assert done.returncode == 2 and "lanczos" in done.stderr and "Traceback" not in done.stderr
    with pytest.raises(UsageError, match="'lanczos': use one of auto, cubic, guided, prior"):
        Fuser("tiny", enlarge="lanczos")
