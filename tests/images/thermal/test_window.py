import cv2
import numpy as np
import pytest

from diffuse_fuse.images.load import load_pair, load_range
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.thermal import Thermal, read_thermal, series_range, to_unit
from diffuse_fuse.images.thermal.polarity import looks_black_hot

from .. import flir_file as make


@pytest.fixture
def hot(celsius):
    """A few hot things on an even ground, uint8 120×160."""
    y, x = np.mgrid[:120, :160]
    scene = 70 + 8 * np.sin(x / 30.0) + np.random.default_rng(2).normal(0, 2, (120, 160))
    for place in ((40, 30), (90, 70), (130, 100)):
        scene += 120 * ((x - place[0]) ** 2 + (y - place[1]) ** 2 < 25)
    return np.clip(scene, 0, 255).astype(np.uint8)


def test_8_bit_pictures_stay_as_they_are(hot):
    assert to_unit(Thermal(hot, "levels")) is hot
    assert np.array_equal(to_unit(Thermal(hot, "levels"), black_hot=True), 255 - hot)


def test_a_given_range_is_kept_exactly(celsius):
    unit = to_unit(Thermal(celsius, "°C"), (15.0, 25.0))
    assert unit.dtype == np.float32 and np.allclose(unit, np.clip((celsius - 15) / 10, 0, 1))
    assert np.allclose(to_unit(Thermal(celsius, "°C"), (15.0, 25.0), black_hot=True), 1 - unit)


def test_two_pictures_of_a_series_agree_with_one_range_only(celsius):
    warmer = Thermal(celsius + 20, "°C")
    cooler = Thermal(celsius, "°C")
    common = series_range([(12.0, 30.0), (32.0, 50.0)])
    assert common == (12.0, 50.0) and series_range([]) is None
    same = to_unit(cooler, common), to_unit(warmer, common)
    assert np.all(same[0] < same[1])
    assert np.allclose(to_unit(cooler), to_unit(warmer), atol=1e-6)  # each by itself: the 20 degrees are gone


def test_the_range_of_a_file_and_its_unit(tmp_path, celsius, hot):
    data = make.r_jpeg(
        make.encode(".jpg", np.zeros((24, 32, 3), np.uint8)),
        {0x01: make.raw_record(make.counts_of(celsius)), 0x20: make.camera_record()},
    )
    (tmp_path / "a.jpg").write_bytes(data)
    (low, high), unit = load_range(tmp_path / "a.jpg")
    assert unit == "°C" and abs(low - np.percentile(celsius, 0.5)) < 0.05 and high > 28
    (tmp_path / "b.png").write_bytes(make.encode(".png", hot))
    assert load_range(tmp_path / "b.png") is None


def test_a_range_that_shows_nothing_is_said(tmp_path, celsius):
    np.save(tmp_path / "ir.npy", celsius)
    (tmp_path / "vis.png").write_bytes(make.encode(".png", np.zeros((24, 32, 3), np.uint8)))
    pair = load_pair(tmp_path / "ir.npy", tmp_path / "vis.png", LoadOptions(thermal_range=(290.0, 310.0)))
    assert "Almost nothing lies in the thermal range 290 to 310" in pair.warnings[0]
    assert load_pair(tmp_path / "ir.npy", tmp_path / "vis.png", LoadOptions(thermal_range=(10.0, 30.0))).warnings == ()


def test_polarity_is_seen_where_it_is_plain(hot):
    assert looks_black_hot(hot) is False and looks_black_hot(255 - hot) is True
    assert looks_black_hot(hot.astype(np.float64) / 50) is False
    with np.errstate(all="raise", under="ignore"):
        assert looks_black_hot(hot.astype(np.float32) * np.float32(1e27)) is False  # a damaged file may claim that
    even = np.random.default_rng(0).normal(100, 5, (120, 160))
    assert looks_black_hot(even) is None and looks_black_hot(np.zeros((20, 30), np.uint8)) is None


def test_auto_turns_a_black_hot_picture_round_and_says_so(tmp_path, hot):
    (tmp_path / "vis.png").write_bytes(make.encode(".png", np.zeros((120, 160, 3), np.uint8)))
    (tmp_path / "ir.png").write_bytes(make.encode(".png", 255 - hot))
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png", LoadOptions(polarity="auto"))
    assert np.array_equal(pair.ir, hot) and "looks black-hot" in pair.warnings[0]
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png")
    assert np.array_equal(pair.ir, 255 - hot) and "add --polarity black-hot" in pair.warnings[0]
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png", LoadOptions(polarity="black-hot"))
    assert np.array_equal(pair.ir, hot) and pair.warnings == ()


def test_auto_leaves_temperatures_alone(tmp_path, celsius):
    cold = np.full_like(celsius, 20)
    cold[6:8, 8:10] = 5  # a small cold thing: as grey levels it would look black-hot
    data = make.r_jpeg(
        make.encode(".jpg", np.zeros((24, 32, 3), np.uint8)),
        {0x01: make.raw_record(make.counts_of(cold)), 0x20: make.camera_record()},
    )
    (tmp_path / "ir.jpg").write_bytes(data)
    (tmp_path / "vis.png").write_bytes(make.encode(".png", np.zeros((24, 32, 3), np.uint8)))
    auto = load_pair(tmp_path / "ir.jpg", tmp_path / "vis.png", LoadOptions(polarity="auto"))
    assert looks_black_hot(read_thermal(data, "ir.jpg").values) is True
    assert np.array_equal(auto.ir, load_pair(tmp_path / "ir.jpg", tmp_path / "vis.png").ir) and auto.warnings == ()


def test_pages_of_a_tiff(tmp_path, celsius):
    import tifffile

    pages = np.stack([celsius + 10 * number for number in range(3)]).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    for number in range(3):
        thermal = read_thermal((tmp_path / "a.tif").read_bytes(), "a.tif", page=number + 1)
        assert np.array_equal(thermal.values, pages[number]) and thermal.unit == "values"


def test_dji_counts(photo):
    counts = (8000 + np.arange(48 * 64).reshape(48, 64)).astype(np.uint16)
    for stored in (counts, counts[::2, ::2]):
        thermal = read_thermal(make.dji_jpeg(make.encode(".jpg", photo), stored, piece=500), "a.jpg")
        assert thermal.unit == "counts" and np.array_equal(thermal.values, stored)
    odd = read_thermal(make.dji_jpeg(make.encode(".jpg", photo), counts[:40]), "a.jpg")
    assert odd.unit == "levels"  # segments of another size are something else


def test_a_dji_file_without_counts_says_what_to_do(photo):
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x drone-dji:ImageSource='InfraredCamera'/>"
    jpeg = make.encode(".jpg", photo)
    data = jpeg[:2] + b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp + jpeg[2:]
    assert "temperatures as TIFF" in read_thermal(data, "a.jpg").warnings[0]


def test_several_pages_are_mentioned(tmp_path):
    np.save(tmp_path / "ir.npy", np.random.default_rng(0).random((5, 24, 32)))
    (tmp_path / "vis.png").write_bytes(cv2.imencode(".png", np.zeros((24, 32, 3), np.uint8))[1].tobytes())
    warnings = load_pair(tmp_path / "ir.npy", tmp_path / "vis.png").warnings
    assert warnings == ("The infrared file holds 5 pictures: dfuse uses number 1 (--page chooses another).",)
    assert load_pair(tmp_path / "ir.npy", tmp_path / "vis.png", LoadOptions(page=2)).warnings == ()
