import cv2
import numpy as np
import pytest

from diffuse_fuse.errors import UsageError
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


def _painted(levels, name):
    bgr = cv2.applyColorMap(levels, getattr(cv2, f"COLORMAP_{name}"))
    return np.ascontiguousarray(bgr[..., ::-1])


@pytest.mark.parametrize("name", ["HSV", "TWILIGHT", "WINTER", "SPRING", "OCEAN", "PINK", "SUMMER"])
def test_an_unknown_palette_is_never_taken_for_its_opposite(levels, name):
    painted = _painted(levels, name)
    found = palette.find(painted)
    if found is not None:
        assert np.corrcoef(palette.invert(painted, found.colours)[0].ravel(), levels.ravel())[0, 1] > 0.9


def test_colours_that_two_palettes_order_differently_are_of_none(levels):
    ramp = palette.known()[0].colours
    assert palette.find(ramp[levels], ("turned", ramp[::-1].copy())) is None


@pytest.mark.parametrize("name", ["H20T.JPG", "M2EA.JPG"])
def test_the_irons_of_dji_follow_the_counts_beside_them(dji, name):
    from scipy.stats import spearmanr

    from diffuse_fuse.images.thermal.dji import read_dji

    data = (dji / name).read_bytes()
    image, counts = decode(data, name).array, read_dji(data)
    found = palette.find(image)
    assert found.name.startswith("DJI iron")
    assert spearmanr(palette.invert(image, found.colours)[0].ravel(), counts.ravel()).statistic > 0.9


def test_a_named_palette_is_taken(levels):
    painted = _painted(levels, "SUMMER")
    picture = cv2.imencode(".png", painted[..., ::-1])[1].tobytes()
    jet = cv2.imencode(".png", _painted(levels, "JET")[..., ::-1])[1].tobytes()
    assert read_thermal(jet, "a.png", named="jet").palette == "jet"
    plain, turned = (read_thermal(jet, "a.png", named=name).values for name in ("jet", "jet-reversed"))
    assert np.corrcoef(plain.ravel(), turned.ravel())[0, 1] < -0.99
    assert np.array_equal(read_thermal(jet, "a.png", named="reversed").values, 255 - plain)
    assert read_thermal(picture, "a.png", named="JET").palette == "jet"  # asked for, so not looked for


@pytest.mark.parametrize("kind", ["wide.png", "high.png", "levels.csv", "unit.txt"])
def test_a_palette_is_read_from_a_file(levels, tmp_path, kind):
    colours = _painted(np.arange(256, dtype=np.uint8)[None], "SUMMER")[0]
    path = tmp_path / kind
    if kind == "wide.png":
        cv2.imwrite(str(path), np.repeat(colours[None, :, ::-1], 12, axis=0))
    elif kind == "high.png":
        cv2.imwrite(str(path), np.repeat(colours[::-1, None, ::-1], 12, axis=1))
    elif kind == "levels.csv":
        path.write_text("i,r,g,b\n" + "\n".join(f"{i},{r},{g},{b}" for i, (r, g, b) in enumerate(colours)))
    else:
        path.write_text("\n".join(" ".join(f"{v / 255:.5f}" for v in colour) for colour in colours))
    picture = cv2.imencode(".png", colours[levels][..., ::-1])[1].tobytes()
    thermal = read_thermal(picture, "a.png", named=str(path))
    assert thermal.palette == kind
    assert np.abs(thermal.values.astype(int) - levels).max() <= 1


@pytest.mark.parametrize(
    "content", [b"hello", b"\x89PNG\r\n\x1a\n", b"", b"1 2 3\n", b"-1 2 3\n4 5 6\n", b"1.2.3 4 5\n" * 3]
)
def test_a_file_that_is_no_palette(tmp_path, content):
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(UsageError, match="neither a picture of a colour bar"):
        palette.named(str(tmp_path / "p"))
    with pytest.raises(UsageError, match="neither a file nor one of iron"):
        palette.named("irno")


def test_a_photograph_is_no_bar(tmp_path, street):
    """It would be taken for colours that mean nothing; a bar has one colour across, but for a frame and noise."""
    bar = np.tile(palette.known()[0].colours[None], (24, 1, 1)).astype(np.int16)
    bar += np.random.default_rng(0).integers(-8, 9, bar.shape)
    bar[[0, -1]] = 0
    for name, picture in (
        ("photo.png", street("day", 320, 240)[1]),
        ("bar.png", np.clip(bar, 0, 255).astype(np.uint8)),
    ):
        cv2.imwrite(str(tmp_path / name), picture[..., ::-1])
    assert len(palette.named(str(tmp_path / "bar.png")).colours) == 256
    with pytest.raises(UsageError, match="photo.png is neither a picture of a colour bar"):
        palette.named(str(tmp_path / "photo.png"))
