"""What files do not say, said on the command line."""

import json

import cv2
import numpy as np
import pytest
import tifffile

from diffuse_fuse.cli.options import RawType, ThermalUnit, file_options
from diffuse_fuse.errors import UsageError


@pytest.fixture
def bands(tmp_path):
    """Six bands of 40×48, the last one thermal in hundredths of a kelvin."""
    y, x = np.mgrid[:40, :48]
    noise = np.random.default_rng(0).integers(0, 30, (40, 48))
    array = np.stack([x * 900, y * 900, x * 400 + y * 400, x * 90, y * 90, 29000 + 20 * x + noise])
    path = tmp_path / "altum.tif"
    tifffile.imwrite(path, array.astype(np.uint16), photometric="minisblack", planarconfig="separate")
    return path


def test_inspect_takes_bands_and_units(dfuse, bands):
    result = dfuse("inspect", bands, "--ir-band", 6, "--vis-bands", "3,2,1", "--thermal-unit", "cK", "--json")
    assert result.returncode == 0
    (facts,) = json.loads(result.stdout)
    assert facts["thermal"]["unit"] == "°C" and 15 < facts["thermal"]["min"] < 27
    assert any("Band 6 of the file is read as the infrared picture" in text for text in facts["warnings"])


def test_fuse_takes_a_file_alone(dfuse, tiny_model, bands, tmp_path):
    out = tmp_path / "out.png"
    options = ("--ir-band", 6, "--vis-bands", "3,2,1", "--thermal-unit", "cK", "--thermal-range", 16, 30)
    result = dfuse("fuse", bands, "-o", out, *options, "--model", tiny_model)
    assert result.returncode == 0 and cv2.imread(str(out)).shape == (40, 48, 3)
    assert "Almost nothing lies" not in result.stderr


def test_a_folder_of_four_channel_files(dfuse, tiny_model, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(2):
        cv2.imwrite(str(folder / f"0000{number}D.png"), rng.integers(1, 255, (40, 48, 4)).astype(np.uint8))
    result = dfuse("fuse", folder, "-o", tmp_path / "out", "--model", tiny_model)
    assert result.returncode == 0 and len(list((tmp_path / "out").glob("*.png"))) == 2


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"vis_bands": "a,b"}, "--vis-bands takes numbers"),
        ({"raw_size": "640"}, "--raw-size takes width and height"),
        ({"palette": "irno"}, "neither a file nor one of iron"),
    ],
)
def test_wrong_options(given, match):
    arguments = dict.fromkeys(("ir_band", "vis_bands", "vis_page", "palette", "unit", "raw_size"))
    with pytest.raises(UsageError, match=match):
        file_options(**{**arguments, **given}, raw_type=RawType.uint16)


def test_options_become_arguments():
    given = file_options(6, "3,2,1", None, "jet", ThermalUnit.centikelvin, "640x512", RawType.float32)
    assert given["vis_bands"] == (3, 2, 1) and given["thermal_unit"] == "cK"
    assert (given["raw"].width, given["raw"].height, given["raw"].kind) == (640, 512, "float32")
