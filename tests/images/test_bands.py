"""Files that hold both pictures of a pair."""

import cv2
import numpy as np
import pytest
import tifffile

from diffuse_fuse.errors import ImageReadError, UsageError
from diffuse_fuse.images.describe import describe
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.options import LoadOptions


@pytest.fixture
def vis():
    """RGB, uint8 48×64×3."""
    y, x = np.mgrid[:48, :64]
    return np.stack([40 + 2 * x, 200 - 3 * y, 90 + x + y], -1).astype(np.uint8)


@pytest.fixture
def ir():
    """Noisy, with something warm in it, uint8 48×64."""
    y, x = np.mgrid[:48, :64]
    warm = 60 + x + 90 * ((x - 20) ** 2 + (y - 20) ** 2 < 90) + np.random.default_rng(0).normal(0, 4, (48, 64))
    return np.clip(warm, 1, 254).astype(np.uint8)


def four(path, vis, ir):
    """RGB and infrared in one file of the kind that its suffix says."""
    rgbt = np.dstack([vis, ir])
    if path.suffix == ".npy":
        np.save(path, rgbt)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, rgbt, photometric="rgb", extrasamples=[0])
    elif path.suffix == ".tiff":
        planes = np.moveaxis(rgbt, -1, 0)
        tifffile.imwrite(path, planes, photometric="minisblack", planarconfig="separate")
    else:
        cv2.imwrite(str(path), rgbt[..., [2, 1, 0, 3]])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".npy", ".webp"])
def test_four_channels_are_rgb_and_infrared(tmp_path, vis, ir, suffix):
    path = tmp_path / f"a{suffix}"
    four(path, vis, ir)
    pair = load_pair(path, path)
    assert "four channels" in pair.warnings[0]
    if suffix == ".webp":  # a lossy one
        assert np.abs(pair.vis.astype(int) - vis).mean() < 20
    else:
        assert np.array_equal(pair.ir, ir) and np.array_equal(pair.vis, vis)
    assert any("Given alone: The file has four channels" in text for text in describe(path).warnings)


def test_sixteen_bits(tmp_path, vis, ir):
    counts = 29000 + ir.astype(np.uint16) * 6
    array = np.dstack([vis.astype(np.uint16) * 257, counts])
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=[0])
    pair = load_pair(tmp_path / "a.tif", tmp_path / "a.tif", LoadOptions(thermal_range=(29000, 30530)))
    assert np.allclose(pair.ir, (counts - 29000) / 1530, atol=1e-5) and np.array_equal(pair.vis, vis.astype("u2") * 257)


def test_transparency_is_no_infrared_picture(tmp_path, vis):
    for number, alpha in enumerate((np.full((48, 64), 255), np.where(vis[..., 0] > 90, 255, 0))):
        path = tmp_path / f"{number}.png"
        four(path, vis, alpha.astype(np.uint8))
        with pytest.raises(ImageReadError, match="give the visible picture as the second file"):
            load_pair(path, path)


def test_a_fourth_channel_is_not_multiplied_into_the_colours(tmp_path, vis, ir):
    four(tmp_path / "vis.png", vis, ir)
    cv2.imwrite(str(tmp_path / "ir.png"), ir)
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.png")
    assert np.array_equal(pair.vis, vis) and "looks like a picture" in pair.warnings[0]


@pytest.mark.parametrize("layout", ["contig", "separate", "pages", "npy last", "npy first"])
def test_bands_are_chosen(tmp_path, vis, ir, layout):
    bands = np.stack([vis[..., 2], vis[..., 1], vis[..., 0], vis[..., 1], vis[..., 2], ir]).astype(np.uint16) * 250
    path = tmp_path / ("a.npy" if layout.startswith("npy") else "a.tif")
    if layout == "npy last":
        np.save(path, np.moveaxis(bands, 0, -1))
    elif layout == "npy first":
        np.save(path, bands)
    elif layout == "pages":
        tifffile.imwrite(path, bands, photometric="minisblack")
    else:
        array = bands if layout == "separate" else np.moveaxis(bands, 0, -1)
        tifffile.imwrite(path, array, photometric="minisblack", planarconfig=layout)
    pair = load_pair(path, path, LoadOptions(ir_band=6, vis_bands=(3, 2, 1), thermal_range=(0, 63750)))
    assert np.array_equal(pair.vis, vis.astype(np.uint16) * 250)
    assert np.allclose(pair.ir, ir / 255, atol=1e-5)
    with pytest.raises(ImageReadError, match=r"6 (bands|pages): (name|choose) the infrared"):
        load_pair(path, path)
    with pytest.raises(ImageReadError, match="6 bands: there is no band 7"):
        load_pair(path, path, LoadOptions(ir_band=7, vis_bands=(3, 2, 1)))
    with pytest.raises(ImageReadError, match="also choose the infrared one"):
        load_pair(path, path, LoadOptions(vis_bands=(3, 2, 1)))


def test_pages(tmp_path, vis, ir):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(ir, photometric="minisblack")
        file.write(vis, photometric="rgb")
    for options in ({}, {"vis_page": 2}, {"page": 1, "vis_page": 2}):
        pair = load_pair(path, path, LoadOptions(**options))
        assert np.array_equal(pair.ir, ir) and np.array_equal(pair.vis, vis)
        assert pair.warnings[0] == "Page 1 of the file is read as the infrared picture, page 2 as the visible one."
    tifffile.imwrite(path, np.stack([ir, vis[..., 1]]), photometric="minisblack")
    with pytest.raises(ImageReadError, match="--vis-page"):
        load_pair(path, path)
    pair = load_pair(path, path, LoadOptions(vis_page=1))
    assert np.array_equal(pair.ir, vis[..., 1]) and np.array_equal(pair.vis[..., 0], ir)
    with pytest.raises(ImageReadError, match="there is no page 3"):
        load_pair(path, path, LoadOptions(vis_page=3))


def test_bands_of_two_files(tmp_path, vis, ir):
    four(tmp_path / "a.tif", vis, ir)
    cv2.imwrite(str(tmp_path / "ir.png"), ir)
    cv2.imwrite(str(tmp_path / "vis.png"), vis[..., ::-1])
    pair = load_pair(tmp_path / "ir.png", tmp_path / "a.tif", LoadOptions(vis_bands=(1, 2, 3)))
    assert np.array_equal(pair.vis, vis)


@pytest.mark.parametrize("wrong", [{"ir_band": 0}, {"vis_bands": (1, 2)}, {"vis_bands": (0, 1, 2)}, {"vis_page": 0}])
def test_wrong_numbers(wrong):
    with pytest.raises(UsageError):
        LoadOptions(**wrong)


def test_a_fourth_channel_given_beside_another_visible_picture_is_the_infrared_one(tmp_path, ir, vis):
    """Else brightness would be taken for heat, and heat for transparency."""
    cv2.imwrite(str(tmp_path / "both.png"), np.dstack([vis[..., ::-1], ir]))
    cv2.imwrite(str(tmp_path / "vis.png"), vis[..., ::-1])
    loaded = load_pair(tmp_path / "both.png", tmp_path / "vis.png")
    assert np.array_equal(loaded.ir, ir) and loaded.holes is None
    assert any("the fourth is read as infrared" in warning for warning in loaded.warnings)


@pytest.mark.parametrize("options", [{"ir_band": 4}, {"vis_bands": (1, 2, 3)}])
def test_a_header_that_claims_millions_of_bands_is_refused_at_once(tmp_path, options):
    """They were counted out one by one."""
    with open(tmp_path / "claim.npy", "wb") as file:
        header = {"descr": "<u2", "fortran_order": False, "shape": (10**7, 36, 40)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(4096))
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageReadError, match="claim.npy"):
        load_pair(tmp_path / "claim.npy", tmp_path / "claim.npy", LoadOptions(**options))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB on Linux
