import os

import cv2
import numpy as np
import pytest

from diffuse_fuse.errors import ImageWriteError
from diffuse_fuse.images import write
from diffuse_fuse.images.read import read_image, read_visible
from diffuse_fuse.images.write import write_bytes, write_image

MAGIC = {
    ".png": b"\x89PNG",
    ".jpg": b"\xff\xd8\xff",
    ".jpeg": b"\xff\xd8\xff",
    ".tif": b"II*\0",
    ".tiff": b"II*\0",
    ".webp": b"RIFF",
    ".bmp": b"BM",
}


@pytest.mark.parametrize("suffix", write.SUFFIXES)
def test_the_suffix_sets_the_format(tmp_path, scene, suffix):
    path = tmp_path / f"a{suffix.upper()}"
    write_image(path, scene[1])
    assert path.read_bytes().startswith(MAGIC[suffix])
    tolerance = 6 if suffix in (".jpg", ".jpeg", ".webp") else 0
    assert np.abs(read_visible(path).astype(int) - scene[1]).mean() <= tolerance


def test_jpeg_keeps_the_colour_of_thin_lines(tmp_path):
    """4:2:0 would smear a red line of one pixel over its neighbours."""
    image = np.full((32, 32, 3), 90, np.uint8)
    image[:, 15] = (220, 30, 30)
    write_image(tmp_path / "a.jpg", image)
    red = read_visible(tmp_path / "a.jpg")[16, 15].astype(int)
    assert red[0] - red[1] > 140


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("side", [0, 1])
def test_16_bits_come_back_to_the_last_one(tmp_path, scene, suffix, side):
    image = scene[side].astype(np.uint16) * 211 + 3
    write_image(tmp_path / f"a{suffix}", image)
    assert read_image(tmp_path / f"a{suffix}").dtype == np.uint16
    assert np.array_equal(read_image(tmp_path / f"a{suffix}"), image)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".bmp"])
def test_16_bits_are_refused_where_a_format_holds_8(tmp_path, scene, suffix):
    with pytest.raises(ImageWriteError, match=r"a\.\w+: [A-Z]+ holds 8 bits per channel, not 16: use PNG or TIFF"):
        write_image(tmp_path / f"a{suffix}", scene[1].astype(np.uint16))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name, words", [("a.gif", "suffix .gif"), ("a", "suffix is missing"), ("a.001", r"\.001")])
def test_an_unknown_suffix_names_the_known_ones(tmp_path, scene, name, words):
    with pytest.raises(ImageWriteError, match=words) as caught:
        write_image(tmp_path / name, scene[1])
    assert ".png" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_only_bytes_are_pictures(tmp_path, scene):
    with pytest.raises(ImageWriteError, match="float64"):
        write_image(tmp_path / "a.png", scene[1] / 255)


def test_what_a_format_cannot_hold(tmp_path):
    with pytest.raises(ImageWriteError, match=r"20000.*WEBP.*PNG"):
        write_image(tmp_path / "a.webp", np.zeros((16, 20000, 3), np.uint8))


def test_folders_are_made_and_names_may_be_in_any_script(tmp_path, scene):
    path = tmp_path / "новый" / "夜" / "é.png"
    write_image(path, scene[1])
    assert np.array_equal(read_visible(path), scene[1])


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, scene, monkeypatch):
    path = tmp_path / "a.png"
    write_image(path, scene[1])
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ImageWriteError, match="No space left"):
        write_image(path, 255 - scene[1])
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_an_interrupt_between_writing_and_renaming_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "a.png", b"x" * 1000)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_a_place_for_a_picture(tmp_path, scene):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ImageWriteError, match=r"a\.png cannot be written"):
        write_image(tmp_path / "a.png", scene[1])
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_a_file_in_the_way_of_a_folder(tmp_path, scene):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(ImageWriteError, match="cannot be written"):
        write_image(tmp_path / "a" / "b.png", scene[1])


def test_permissions_are_those_of_any_new_file(tmp_path, scene):
    (tmp_path / "other").write_text("")
    write_image(tmp_path / "a.png", scene[1])
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_grey_arrays_can_be_written(tmp_path, scene):
    write_image(tmp_path / "a.png", scene[0])
    assert cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED).ndim == 2
