import cv2
import numpy as np
import pytest

from diffuse_fuse.images.decode import decode
from diffuse_fuse.images.thermal import palette, read_thermal

from .. import flir_file as make


@pytest.fixture
def levels():
    """A smooth thermal picture, uint8 120×160, that uses most of the range."""
    y, x = np.mgrid[:120, :160]
    warm = 20 + x + 90 * np.exp(-((x - 100) ** 2 + (y - 50) ** 2) / 500) - 15 * (y > 90)
    return np.clip(warm, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("known", palette.known(), ids=lambda known: known.name)
@pytest.mark.parametrize("quality", [95, 60])
def test_every_known_palette_is_found_and_turned_back(levels, known, quality):
    painted = known.colours[levels]
    data = cv2.imencode(".jpg", painted[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    thermal = read_thermal(data, "a.jpg")
    assert thermal.palette == known.name and thermal.unit == "levels"
    assert np.corrcoef(thermal.values.ravel(), levels.ravel())[0, 1] > 0.98
    assert "false colours" in thermal.warnings[0]


def test_the_palette_of_the_file_is_tried_first(levels):
    """One that only this camera has, and whose brightness says nothing."""
    step = np.linspace(0, 2 * np.pi, 224)
    own = np.stack([128 + 90 * np.cos(step * 0.8), 128 + 90 * np.sin(step * 0.8), 40 + step * 20], -1).astype(np.uint8)
    painted = own[(levels.astype(int) * 223 // 255)]
    assert palette.find(painted) is None
    found = palette.find(painted, ("mine", own))
    assert found.name == "mine"
    values, foreign = palette.invert(painted, found.colours)
    assert np.abs(values.astype(int) - levels).max() <= 2 and foreign == 0
    records = {0x01: make.raw_record(levels.astype(np.uint16), "JPEG-LS"), 0x22: make.palette_record(own)}
    thermal = read_thermal(make.r_jpeg(make.encode(".jpg", painted), records), "a.jpg")
    assert thermal.palette == "Mine" and np.corrcoef(thermal.values.ravel(), levels.ravel())[0, 1] > 0.98


def test_text_over_false_colours_is_said(levels):
    painted = palette.known()[0].colours[levels]
    painted[:14, :80] = (30, 160, 40)
    thermal = read_thermal(cv2.imencode(".png", painted[..., ::-1])[1].tobytes(), "a.png")
    assert thermal.palette == "iron" and "6% of it has other colours" in thermal.warnings[0]


def test_photographs_are_in_no_palette(levels, photo):
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (120, 160, 3)).astype(np.uint8)
    for image in (noise, photo, np.stack([levels, levels[::-1], levels[:, ::-1]], -1)):
        assert palette.find(image) is None
    thermal = read_thermal(cv2.imencode(".png", photo[..., ::-1])[1].tobytes(), "a.png")
    assert thermal.palette is None and "no palette that dfuse knows" in thermal.warnings[0]


def test_grey_is_no_false_colour(levels):
    grey = cv2.imencode(".jpg", np.stack([levels] * 3, -1))[1].tobytes()
    thermal = read_thermal(grey, "a.jpg")
    assert not palette.is_coloured(decode(grey, "a.jpg").array)
    assert thermal.palette is None and thermal.warnings == ()


def test_a_real_picture_in_false_colours_follows_its_raw_data(real):
    """The picture on top of a radiometric file, without the file's thermal data."""
    from scipy.stats import spearmanr

    data = (real / "FLIR.jpg").read_bytes()
    image = decode(data, "FLIR.jpg").array
    found = palette.find(image)
    assert found.name == "iron"
    values = palette.invert(image, found.colours)[0]
    celsius = read_thermal(data, "FLIR.jpg").values
    small = cv2.resize(values, celsius.shape[::-1], interpolation=cv2.INTER_AREA)
    assert spearmanr(small.ravel(), celsius.ravel()).statistic > 0.95
