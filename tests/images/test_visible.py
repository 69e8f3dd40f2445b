"""A radiometric JPEG where a visible picture is wanted: the photograph inside, never the camera's screen."""

from __future__ import annotations

import numpy as np
import pytest

from diffuse_fuse.errors import ImageError, UsageError
from diffuse_fuse.images.given import given_pair
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.read import read_visible
from diffuse_fuse.images.thermal import read_thermal
from diffuse_fuse.images.write import write_image

from . import flir_file as make

HEIGHT, WIDTH = 60, 80  # of the thermal picture; the photograph is twice as large
ALIGNMENT = (1.25, 4, -2)
TAKEN = "The visible file is a radiometric JPEG: dfuse uses the visible picture inside, not the one it shows."


@pytest.fixture
def celsius() -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return 18 + 0.1 * x + 12 * ((x - 50) ** 2 + (y - 25) ** 2 < 90)


@pytest.fixture
def photo() -> np.ndarray:
    y, x = np.mgrid[: 2 * HEIGHT, : 2 * WIDTH]
    return np.stack([60 + x, 200 - y, 90 + (x + y) // 3], -1).astype(np.uint8)


@pytest.fixture
def screen() -> np.ndarray:
    """What such a file shows: stripes of strong colours."""
    x = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
    return np.stack([x % 256, 255 - x % 256, np.where(x % 40 < 20, 0, 255)], -1).astype(np.uint8)


@pytest.fixture
def camera(tmp_path, celsius, photo, screen):
    """The path of a radiometric JPEG; without ``inside`` it holds no photograph."""

    def written(name: str = "both.jpg", inside: bool = True):
        records = {0x01: make.raw_record(make.counts_of(celsius)), 0x20: make.camera_record()}
        if inside:
            records[0x0E] = make.visible_record(make.encode(".png", photo))
            records[0x2A] = make.alignment_record(*ALIGNMENT)
        path = tmp_path / name
        path.write_bytes(make.r_jpeg(make.encode(".jpg", screen), records))
        return path

    return written


def test_one_file_alone_twice_or_by_another_name_is_the_same_pair(camera):
    path, copy = camera(), camera("copy.jpg")
    wanted = load_pair(path, path)
    assert wanted.ir.dtype == np.float32 and wanted.vis.shape == (96, 128, 3)
    for ir, vis, _, odd in (given_pair(path), given_pair(path, path), given_pair(str(path), copy)):
        assert np.array_equal(ir, wanted.ir) and np.array_equal(vis, wanted.vis) and odd == wanted.warnings
    other = load_pair(path, copy)
    assert np.array_equal(other.vis, wanted.vis) and other.metadata == wanted.metadata


def test_what_the_camera_shows_is_not_taken_as_the_visible_picture(camera, tmp_path, photo):
    other = np.arange(4 * HEIGHT * WIDTH, dtype=np.uint16).reshape(2 * HEIGHT, 2 * WIDTH)
    write_image(tmp_path / "ir.png", other)
    for ir, vis, _, odd in (given_pair(tmp_path / "ir.png", camera()), given_pair(other, camera())):
        assert np.array_equal(vis, photo) and TAKEN in odd and ir.shape == photo.shape[:2]
    pair = load_pair(tmp_path / "ir.png", camera())
    assert np.array_equal(pair.vis, photo) and TAKEN in pair.warnings
    assert np.array_equal(read_visible(camera()), photo)


def test_infrared_of_the_size_of_the_thermal_picture_is_laid_on_as_the_file_says(camera, tmp_path, celsius):
    """Temperatures that another program has written as a file, beside the camera's own."""
    wanted = load_pair(camera(), camera())
    np.save(tmp_path / "t.npy", celsius.astype(np.float32))
    found = load_pair(tmp_path / "t.npy", camera())
    assert np.array_equal(found.vis, wanted.vis) and np.abs(found.ir - wanted.ir).max() < 0.02
    counts = (7000 + 40 * celsius).astype(np.uint16)
    ir, vis, _, odd = given_pair(counts, camera())
    assert ir.dtype == np.uint16 and ir.min() > 7000 and np.array_equal(vis, wanted.vis) and "that part" in odd[-1]


def test_thermal_data_with_another_visible_picture(camera, tmp_path, photo):
    write_image(tmp_path / "vis.png", photo)
    wanted = load_pair(camera(inside=False), tmp_path / "vis.png")
    for vis in (tmp_path / "vis.png", photo):
        ir, seen, *_ = given_pair(camera(inside=False), vis)
        assert np.array_equal(ir, wanted.ir) and np.array_equal(seen, photo)


def test_without_a_photograph_inside_the_screen_is_taken_with_a_warning(camera, tmp_path, screen, celsius):
    np.save(tmp_path / "t.npy", celsius.astype(np.float32))
    for odd in (
        load_pair(tmp_path / "t.npy", camera(inside=False)).warnings,
        given_pair(celsius / 50, camera(inside=False))[3],
    ):
        assert "without a visible picture inside: dfuse uses the one it shows" in odd[0]
    dji = tmp_path / "dji.jpg"
    dji.write_bytes(make.dji_jpeg(make.encode(".jpg", screen), make.counts_of(celsius)))
    assert "without a visible picture inside" in load_pair(tmp_path / "t.npy", dji).warnings[0]


def test_an_ordinary_photograph_is_taken_without_a_word(tmp_path, photo):
    write_image(tmp_path / "ir.png", photo[..., 0])
    (tmp_path / "vis.jpg").write_bytes(make.encode(".jpg", photo))
    assert load_pair(tmp_path / "ir.png", tmp_path / "vis.jpg").warnings == ()


def test_one_picture_alone_has_to_be_such_a_file(tmp_path, photo):
    write_image(tmp_path / "vis.png", photo)
    with pytest.raises(ImageError, match="give the visible picture as the second file"):
        given_pair(tmp_path / "vis.png")
    with pytest.raises(UsageError, match="may stand alone"):
        given_pair(photo)


def test_holes_are_laid_on_with_the_thermal_picture(camera, tmp_path, celsius):
    """As a file beside the camera's own, and as a masked array; so are those of one file that holds both."""
    known = celsius.astype(np.float32)
    holed = known.copy()
    holed[10:40, 36:64] = np.nan
    np.save(tmp_path / "t.npy", holed)
    wanted = load_pair(camera(), camera())
    found = load_pair(tmp_path / "t.npy", camera())
    assert found.holes.shape == wanted.vis.shape[:2] == found.ir.shape and wanted.holes is None
    unit = (known - known.min()) / np.ptp(known)
    *_, holes, odd = given_pair(np.ma.array(unit, mask=np.isnan(holed)), camera())
    assert np.array_equal(holes, found.holes) and np.isfinite(found.ir).all() and "that part" in odd[-1]
    rows, columns = (np.flatnonzero(holes.any(axis)) for axis in (1, 0))
    pixel = wanted.vis.shape[1] / WIDTH  # visible pixels a thermal one covers, near enough
    assert holes[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert len(rows) == pytest.approx(30 * pixel, abs=3) and len(columns) == pytest.approx(28 * pixel, abs=3)
    celsius[10:40, 36:64] = -10
    named = LoadOptions(nodata=float(read_thermal(camera().read_bytes(), "both.jpg").values[30, 40]))
    alone = load_pair(camera(), camera(), named)
    assert np.array_equal(alone.holes, found.holes) and np.abs(alone.ir - found.ir)[~holes].max() < 0.02
    assert any("has no value in 17.5% of its pixels" in text for text in alone.warnings)
