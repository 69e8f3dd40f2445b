"""The picture of a container is not its first one: raw files of cameras, maps with overviews."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import tifffile

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import raw
from diffuse_fuse.images.describe import describe
from diffuse_fuse.images.read import read_image, read_visible

CFA = 32803
PATTERN = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, bytes((0, 1, 1, 2)), True)]
DNG = [(50706, "B", 4, bytes((1, 4, 0, 0)), True), (50708, "s", 10, "TEST CAM", True)]


def write_raw(path, vis: np.ndarray, dng: bool = True):
    """A preview, and the sensor's picture in a sub-directory."""
    small = cv2.resize(vis, (vis.shape[1] // 4, vis.shape[0] // 4), interpolation=cv2.INTER_AREA)
    mosaic = vis[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = vis[::2, ::2, 0], vis[1::2, 1::2, 2]
    with tifffile.TiffWriter(path) as file:
        file.write(small, photometric="rgb", subifds=1, subfiletype=1, extratags=DNG if dng else [])
        file.write(mosaic.astype(np.uint16) * 16, photometric=CFA, subfiletype=0, extratags=PATTERN)
    return path


@pytest.fixture
def vis(street) -> np.ndarray:
    return street("day", 160, 128)[1]


@pytest.fixture
def no_rawpy(monkeypatch):
    monkeypatch.setattr(raw, "has", lambda package: False)


@pytest.mark.parametrize("suffix, dng", [("dng", True), ("nef", False), ("arw", False)])
def test_a_preview_is_not_the_photograph(tmp_path, vis, no_rawpy, suffix, dng):
    path = write_raw(tmp_path / f"photo.{suffix}", vis, dng)
    for read in (read_visible, read_image):
        with pytest.raises(ImageReadError, match=r"is a camera's raw picture .* needs the extra raw .*\.\[raw\]"):
            read(path)


@pytest.mark.parametrize("start, kind", [
    (b"II*\0\x10\0\0\0CR\2\0", "CR2"), (b"II*\0\x10\0\0\0IIII", "IIQ"), (b"MM\0*\0\0\0\x10MMMM", "IIQ"),
    (b"IIU\0\x18\0\0\0", "RW2"), (b"IIRO\x08\0\0\0", "ORF"), (b"FUJIFILMCCD-RAW 0201", "RAF"),
    (b"\0\0\0\x18ftypcrx \0\0\0\1", "CR3"),
])  # fmt: skip
def test_other_kinds_are_named(tmp_path, no_rawpy, start, kind):
    (tmp_path / "photo.raw").write_bytes(start + bytes(4000))
    with pytest.raises(ImageReadError, match=rf"raw picture \({kind}\)"):
        read_visible(tmp_path / "photo.raw")


def test_libraw_develops_all_of_it(tmp_path, vis):
    pytest.importorskip("rawpy", reason="the extra raw is not installed")
    path = write_raw(tmp_path / "photo.dng", vis)
    developed = read_image(path)
    assert developed.shape == vis.shape and developed.dtype == np.uint16
    assert np.corrcoef(developed[..., 1].ravel(), vis[..., 1].ravel())[0, 1] > 0.8
    assert describe(path).as_dict()["format"] == "camera raw"


def test_what_libraw_cannot_read_is_said(tmp_path):
    pytest.importorskip("rawpy", reason="the extra raw is not installed")
    (tmp_path / "photo.cr2").write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(4000))
    with pytest.raises(ImageReadError, match=r"\(CR2\) that LibRaw cannot read"):
        read_visible(tmp_path / "photo.cr2")


@pytest.mark.parametrize("order", ["full first", "overviews first", "inside"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_overviews_are_not_the_picture(tmp_path, vis, order, bigtiff):
    small = [np.ascontiguousarray(vis[::step, ::step]) for step in (2, 4)]
    path = tmp_path / "map.tif"
    with tifffile.TiffWriter(path, bigtiff=bigtiff) as file:
        if order == "full first":
            file.write(vis, photometric="rgb", tile=(64, 64), subfiletype=0)
        if order == "inside":
            file.write(small[1], photometric="rgb", subifds=1, subfiletype=1)
            file.write(vis, photometric="rgb", subfiletype=0)
        else:
            for each in small:
                file.write(each, photometric="rgb", subfiletype=1)
        if order == "overviews first":
            file.write(vis, photometric="rgb", tile=(64, 64), subfiletype=0)
    assert np.array_equal(read_visible(path), vis)
    assert describe(path).as_dict()["pages"] == 1
