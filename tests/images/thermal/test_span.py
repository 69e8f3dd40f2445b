"""What the camera's screen showed, as a FLIR file says it: a range to ask for, and a limit to the picture's own."""

from __future__ import annotations

import numpy as np
import pytest

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images.describe import describe
from diffuse_fuse.images.load import load_pair, load_range
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.read import read_infrared
from diffuse_fuse.images.thermal import cut_to_span, read_thermal, to_unit
from diffuse_fuse.images.thermal.flir import read_flir

from .. import flir_file as make

SCREEN = np.zeros((24, 32, 3), np.uint8)
CAMERA = LoadOptions(thermal_range="camera")


def r_jpeg(celsius: np.ndarray, order: str = "<", **record: object) -> bytes:
    records = {0x01: make.raw_record(make.counts_of(celsius)), 0x20: make.camera_record(order, **record)}
    return make.r_jpeg(make.encode(".jpg", SCREEN), records)


@pytest.fixture
def under_the_sky(celsius):
    """Half of it a clear sky, which the camera left out of its screen."""
    scene = celsius.copy()
    scene[:12] = -66
    return scene


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_span_is_read_in_degrees(celsius, order):
    thermal = read_thermal(r_jpeg(celsius, order, span=(-13, 30)), "a.jpg")
    assert thermal.span == pytest.approx((-13, 30), abs=0.05)
    assert thermal.span == pytest.approx(read_thermal(r_jpeg(celsius, span=(-13, 30), emissivity=1.0), "a").span)
    assert read_thermal(r_jpeg(celsius), "a.jpg").span is None


def test_the_span_changes_with_the_emissivity_as_the_temperatures_do(celsius):
    thermal = read_thermal(r_jpeg(celsius, span=(15, 30), emissivity=0.6), "a.jpg")
    shown = make.counts_of(np.array([15, 30]))
    assert thermal.span == pytest.approx(thermal.flir.planck.celsius(shown), abs=0.05)
    assert abs(thermal.span[0] - 15) > 1


def test_without_constants_the_span_is_in_counts(celsius, monkeypatch):
    monkeypatch.setitem(make.PLANCK, "r2", 0.0)
    record = make.camera_record()
    monkeypatch.undo()
    record = record[:0x338] + make.camera_record(span=(15, 30))[0x338:]
    data = make.r_jpeg(make.encode(".jpg", SCREEN), {0x01: make.raw_record(make.counts_of(celsius)), 0x20: record})
    thermal = read_thermal(data, "a.jpg")
    assert thermal.unit == "counts" and thermal.span == pytest.approx(make.counts_of(np.array([15, 30])), abs=1)


@pytest.mark.parametrize("middle, width", [(0, 0), (5000, 0), (0, 5000), (100, 5000), (65535, 65535)])
def test_numbers_that_no_screen_shows_are_no_span(celsius, middle, width):
    record = bytearray(make.camera_record())
    record[0x338:0x33A], record[0x33C:0x33E] = middle.to_bytes(2, "little"), width.to_bytes(2, "little")
    data = make.r_jpeg(
        make.encode(".jpg", SCREEN), {0x01: make.raw_record(make.counts_of(celsius)), 0x20: bytes(record)}
    )
    flir, thermal = read_flir(data), read_thermal(data, "a.jpg")
    assert thermal.unit == "°C" and (flir.span is None or thermal.span is None or thermal.span[0] < thermal.span[1])
    short = make.r_jpeg(make.encode(".jpg", SCREEN), {0x20: bytes(record[:0x33C])})
    assert read_flir(short).span is None


def test_the_camera_s_span_can_be_asked_for(tmp_path, celsius):
    path = tmp_path / "a.jpg"
    path.write_bytes(r_jpeg(celsius, span=(0, 50)))
    thermal = read_thermal(path.read_bytes(), path)
    wanted = np.clip((thermal.values - thermal.span[0]) / (thermal.span[1] - thermal.span[0]), 0, 1)
    assert np.allclose(read_infrared(path, CAMERA), wanted, atol=1e-6)
    (tmp_path / "vis.png").write_bytes(make.encode(".png", SCREEN))
    assert np.allclose(load_pair(path, tmp_path / "vis.png", CAMERA).ir, wanted, atol=1e-6)


def test_a_file_that_does_not_say_it_is_refused_with_one_sentence(tmp_path, celsius):
    np.save(tmp_path / "a.npy", celsius)
    (tmp_path / "a.jpg").write_bytes(r_jpeg(celsius))
    (tmp_path / "a.png").write_bytes(make.encode(".png", SCREEN))
    for name in ("a.npy", "a.jpg", "a.png"):
        with pytest.raises(ImageReadError, match=f"{name} does not store the range of the camera's display"):
            load_pair(tmp_path / name, tmp_path / "a.png" if name != "a.png" else tmp_path / "a.jpg", CAMERA)


def test_the_picture_s_own_range_ends_where_the_screen_ended(tmp_path, under_the_sky):
    """The sky took four fifths of the greys; people and houses share them now."""
    plain = read_thermal(r_jpeg(under_the_sky), "a.jpg")
    cut = read_thermal(r_jpeg(under_the_sky, span=(12, 60)), "a.jpg")
    ground = np.s_[12:]
    assert np.ptp(to_unit(plain)[ground]) < 0.3 < 0.9 < np.ptp(to_unit(cut)[ground])
    assert not to_unit(cut)[:12].any()
    path = tmp_path / "a.jpg"
    path.write_bytes(r_jpeg(under_the_sky, span=(12, 60)))
    assert load_range(path)[0] == cut_to_span(cut) and load_range(path)[0][0] == pytest.approx(12, abs=0.05)
    (tmp_path / "vis.png").write_bytes(make.encode(".png", SCREEN))
    pair = load_pair(path, tmp_path / "vis.png")
    assert "50% of the infrared picture lies outside the range of the camera's display" in pair.warnings[0]
    facts = describe(path)
    assert facts.thermal["camera_span"] == pytest.approx((12, 60), abs=0.05)
    assert facts.as_infrared.startswith("temperatures, 11.99")


def test_holes_have_no_part_in_the_span_s_share(celsius):
    """Nearly all of what was measured lies in the span, though most of the picture was not measured."""
    counts = make.counts_of(celsius)
    counts[:11] = 0  # a count without a temperature
    records = {0x01: make.raw_record(counts), 0x20: make.camera_record(span=(15, 30))}
    thermal = read_thermal(make.r_jpeg(make.encode(".jpg", SCREEN), records), "a.jpg")
    assert thermal.unit == "°C" and thermal.holes[:11].all() and thermal.span == pytest.approx((15, 30), abs=0.05)
    whole = read_thermal(r_jpeg(celsius[11:], span=(15, 30)), "a.jpg")
    assert cut_to_span(thermal) == pytest.approx(cut_to_span(whole), abs=1e-3)
    assert np.allclose(to_unit(thermal)[11:], to_unit(whole), atol=1e-4)


def test_a_wider_span_leaves_the_picture_its_own_range(celsius):
    """A camera shows even scenes with a span of a few degrees, which is no reason to give contrast away."""
    plain, wide = (read_thermal(r_jpeg(celsius, **span), "a.jpg") for span in ({}, {"span": (0, 50)}))
    assert cut_to_span(wide) is None and np.array_equal(to_unit(wide), to_unit(plain))


def test_a_span_that_was_set_for_another_scene_is_not_taken(tmp_path, celsius):
    path = tmp_path / "a.jpg"
    path.write_bytes(r_jpeg(celsius, span=(40, 90)))
    thermal = read_thermal(path.read_bytes(), path)
    assert cut_to_span(thermal) is None and np.ptp(to_unit(thermal)) == 1
    (tmp_path / "vis.png").write_bytes(make.encode(".png", SCREEN))
    assert load_pair(path, tmp_path / "vis.png").warnings == ()
    assert (
        "Almost nothing lies in the thermal range 39.9962 to 89.9976"
        in load_pair(path, tmp_path / "vis.png", CAMERA).warnings[0]
    )


@pytest.mark.parametrize(
    "name, low, high", [("FLIR_AX8.jpg", 22.9, 27.0), ("FLIR_E40.jpg", 18.3, 23.9), ("FLIR.jpg", 25.9, 61.7)]
)
def test_real_files_say_what_the_scale_on_their_picture_says(real, name, low, high):
    """The AX8 and the E40 print the limits beside their colours; the FLIR One prints none, its span is all it saw."""
    thermal = read_thermal((real / name).read_bytes(), name)
    assert thermal.span == pytest.approx((low, high), abs=0.2) and cut_to_span(thermal) is None
