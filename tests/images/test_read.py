import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images.arrays import is_grey
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.read import is_picture_name, read_image, read_infrared, read_visible
from diffuse_fuse.images.thermal.source import read_thermal
from diffuse_fuse.luma import LUMA


def save(path, image):
    """Write an RGB or grey array without any of dfuse's code."""
    bgr = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1] if image.shape[2] == 3 else image)
    plain = [cv2.IMWRITE_TIFF_COMPRESSION, 1]  # older OpenCV stores floats lossily unless told
    path.write_bytes(cv2.imencode(path.suffix, bgr, plain if path.suffix == ".tif" else [])[1].tobytes())
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".ppm"])
def test_lossless_formats_come_back_exactly_and_in_rgb(tmp_path, scene, suffix):
    assert np.array_equal(read_visible(save(tmp_path / f"a{suffix}", scene[1])), scene[1])


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_come_back_nearly(tmp_path, scene, suffix):
    read = read_visible(save(tmp_path / f"a{suffix}", scene[1]))
    assert np.abs(read.astype(int) - scene[1]).mean() < 6


def test_names_in_any_script(tmp_path, scene):
    folder = tmp_path / "кадры с дрона" / "夜"
    folder.mkdir(parents=True)
    assert np.array_equal(read_visible(save(folder / "été ☀ ß.png", scene[1])), scene[1])
    assert np.array_equal(read_infrared(str(folder / "été ☀ ß.png"))[0, 0], read_infrared(folder / "été ☀ ß.png")[0, 0])


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names must be Unicode there")
def test_names_that_are_not_even_utf8(tmp_path, scene):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    assert np.array_equal(read_visible(save(path, scene[1])), scene[1])


def test_8_bit_infrared_comes_as_it_is(tmp_path, scene):
    ir = read_infrared(save(tmp_path / "a.png", scene[0]))
    assert ir.dtype == np.uint8 and np.array_equal(ir, scene[0])


def test_infrared_with_equal_channels_is_one_channel(tmp_path, scene):
    assert np.array_equal(read_infrared(save(tmp_path / "a.png", np.stack([scene[0]] * 3, -1))), scene[0])


def test_infrared_in_colour_gives_its_luma(tmp_path, scene):
    luma = scene[1] @ np.array(LUMA)
    assert np.abs(read_infrared(save(tmp_path / "a.png", scene[1])) - luma).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_infrared_is_not_black(tmp_path, scene, suffix):
    ir = read_infrared(save(tmp_path / f"a{suffix}", scene[0].astype(np.uint16) + 7300))
    assert ir.dtype == np.float32 and ir.min() == 0 and ir.max() == 1
    assert np.corrcoef(ir.ravel(), scene[0].ravel())[0, 1] > 0.99


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32])
def test_temperatures_in_a_tiff(tmp_path, scene, dtype):
    ir = read_infrared(save(tmp_path / "a.tif", (scene[0].astype(np.float64) - 20).astype(dtype)))
    assert ir.dtype == np.float32 and ir.min() == 0 and ir.max() == 1
    assert np.corrcoef(ir.ravel(), scene[0].ravel())[0, 1] > 0.99


@pytest.mark.parametrize("hole", [np.nan, np.inf, -9999, -3.4028235e38])
def test_holes_in_an_infrared_file_continue_what_is_around(tmp_path, scene, hole):
    values = scene[0].astype(np.float32) / 8
    without = values[9:].copy()
    values[:9] = hole
    path = save(tmp_path / "a.tif", values)
    thermal = read_thermal(path.read_bytes(), path)
    assert np.array_equal(thermal.values[9:], without) and np.array_equal(thermal.measured, without.ravel())
    assert without.min() <= thermal.values[:9].min() and thermal.values[:9].max() <= without.max()
    assert len(thermal.warnings) == 1
    assert thermal.warnings[0].startswith("The infrared picture has no value in 24.3% of its pixels")
    values[:] = hole
    if hole != -9999:  # that could be a value, where there is no other
        with pytest.raises(ImageReadError, match=r"a\.tif"):
            read_infrared(save(tmp_path / "a.tif", values))


@pytest.mark.parametrize("nodata, hole", [("-32768", -32768), ("0", 0), ("nan", None), ("no number", None)])
def test_a_map_says_which_value_is_none(tmp_path, scene, nodata, hole):
    values = scene[0].astype(np.int16) + 100
    values[:9] = hole or 0
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, extratags=[(42113, "s", 0, nodata, True)])
    thermal = read_thermal(path.read_bytes(), path)
    assert (thermal.values.min() >= 100) == bool(thermal.warnings) == (hole is not None)


@pytest.mark.parametrize("white", [1023, 100])
def test_a_visible_pnm_is_as_bright_as_it_says(tmp_path, scene, white):
    path, values = tmp_path / "a.ppm", np.rint(scene[1] / 255.0 * white)
    path.write_bytes(b"P6\n45 37\n%d\n" % white + values.astype(">u2" if white > 255 else "u1").tobytes())
    assert np.abs(read_visible(path).astype(int) - scene[1]).max() <= np.ceil(255 / white / 2)
    assert read_image(path).max() == values.max()  # as infrared, the file's own values


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_pgm_of_text(tmp_path, scene, end):
    path = tmp_path / "a.pgm"
    path.write_text("P2\n# text\n45 37\n255\n" + " ".join(map(str, scene[0].ravel())) + end)
    assert np.array_equal(read_infrared(path), scene[0])


def test_16_bit_visible_is_reduced(tmp_path, scene):
    assert np.array_equal(read_visible(save(tmp_path / "a.png", scene[1].astype(np.uint16) * 257)), scene[1])


def test_float_visible_must_be_in_0_to_1(tmp_path, scene):
    unit = (scene[1] / 255).astype(np.float32)
    assert np.array_equal(read_visible(save(tmp_path / "a.tif", unit)), scene[1])
    with pytest.raises(ImageReadError, match=r"b\.tif.*\[0, 1\]"):
        read_visible(save(tmp_path / "b.tif", scene[1].astype(np.float32)))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_a_visible_picture_with_alpha_is_put_on_black(tmp_path, scene, suffix):
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101]
    alpha = np.full((*scene[0].shape, 1), 255, np.uint8)
    opaque = np.concatenate([scene[1][..., ::-1], alpha], -1)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(cv2.imencode(suffix, opaque, lossless)[1].tobytes())
    assert np.array_equal(read_visible(path), scene[1])
    opaque[:5, :, 3], opaque[5:9, :, 3] = 0, 51
    path.write_bytes(cv2.imencode(suffix, opaque, lossless)[1].tobytes())
    vis = read_visible(path)
    assert not vis[:5].any() and np.array_equal(vis[9:], scene[1][9:])
    assert np.abs(vis[5:9] - scene[1][5:9] * 0.2).max() <= 0.5 + 1e-4
    assert read_infrared(path).ndim == 2


def test_transparency_of_a_palette_png_and_orientation_go_together(tmp_path, scene):
    """What OpenCV decodes with alpha it does not turn upright, so that is done by hand."""
    from PIL import Image

    grey = Image.fromarray(scene[0] // 2 * 2)
    exif = Image.Exif()
    exif[0x0112] = 6
    grey.convert("P").save(tmp_path / "a.png", transparency=0, exif=exif)
    vis = read_visible(tmp_path / "a.png")
    assert vis.shape == (45, 37, 3)
    assert np.abs(vis[..., 0].astype(int) - np.rot90(scene[0], -1)).max() <= 4


def test_a_grey_file_is_a_grey_visible_picture(tmp_path, scene):
    vis = read_visible(save(tmp_path / "a.png", scene[0]))
    assert vis.shape == (*scene[0].shape, 3) and is_grey(vis)


@pytest.mark.parametrize("orientation, turns", [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_exif_orientation_is_applied(tmp_path, scene, orientation, turns):
    """A camera held upright writes a landscape picture and a note to turn it."""
    jpeg = cv2.imencode(".jpg", scene[1][..., ::-1])[1].tobytes()
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    plain, turned = tmp_path / "plain.jpg", tmp_path / "turned.jpg"
    plain.write_bytes(jpeg)
    turned.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    assert np.array_equal(read_visible(turned), np.rot90(read_visible(plain), turns))
    assert np.array_equal(read_infrared(turned), np.rot90(read_infrared(plain), turns))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_a_cut_off_file_is_refused(tmp_path, scene, capfd, suffix, kept):
    path = save(tmp_path / f"a{suffix}", scene[1])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ImageReadError) as caught:
        read_visible(path)
    assert f"a{suffix}" in str(caught.value)
    assert capfd.readouterr().err == ""  # neither OpenCV's log nor libpng's own lines


def test_a_jpeg_that_lacks_its_end_is_refused_although_it_holds_a_preview(tmp_path, scene):
    """The end mark of the embedded preview must not be taken for that of the picture."""
    jpeg = cv2.imencode(".jpg", scene[1])[1].tobytes()
    preview = b"\xff\xe2" + struct.pack(">H", len(jpeg) + 2) + jpeg
    whole = jpeg[:2] + preview + jpeg[2:]
    (tmp_path / "whole.jpg").write_bytes(whole + b"data of the camera's maker")
    (tmp_path / "cut.jpg").write_bytes(whole[: -len(jpeg) // 3])
    assert read_visible(tmp_path / "whole.jpg").shape == scene[1].shape
    with pytest.raises(ImageReadError, match="cut off"):
        read_visible(tmp_path / "cut.jpg")


def test_a_png_with_a_wrong_checksum_is_refused(tmp_path, scene, capfd):
    path = save(tmp_path / "a.png", scene[1])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ImageReadError, match=r"a\.png is a damaged PNG"):
        read_visible(path)
    assert capfd.readouterr().err == ""


def test_a_png_with_a_wrong_checksum_in_its_notes_is_read(tmp_path, scene):
    path = save(tmp_path / "a.png", scene[1])
    data = path.read_bytes()
    note = b"tEXtkey\0value"
    chunk = struct.pack(">I", len(note) - 4) + note + struct.pack(">I", zlib.crc32(note) ^ 1)
    path.write_bytes(data[:33] + chunk + data[33:])
    assert np.array_equal(read_visible(path), scene[1])


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is empty"),
        (b"hello, I am a text", "not a picture"),
        (b"<!DOCTYPE html><html>404</html>" * 50, "not a picture"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "cut off"),
        (b"\xff\xd8\xff", "cut off"),
        (bytes(range(256)) * 4, "not a picture"),
    ],
)
def test_what_only_has_the_name_of_a_picture(tmp_path, capfd, content, words):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=words) as caught:
        read_image(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_missing_and_folder(tmp_path):
    with pytest.raises(ImageReadError, match="does not exist"):
        read_image(tmp_path / "no.png")
    with pytest.raises(ImageReadError, match="is a folder"):
        read_image(tmp_path)


def test_the_log_level_of_opencv_is_left_as_it_was(tmp_path):
    logging = getattr(cv2.utils, "logging", cv2)
    before = logging.getLogLevel()
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(ImageReadError):
        read_image(tmp_path / "a.png")
    assert logging.getLogLevel() == before


def test_what_counts_as_a_picture_in_a_folder():
    assert is_picture_name("a.PNG") and is_picture_name("a.b.tiff")
    for name in ("Thumbs.db", ".DS_Store", "._a.png", "a.txt", "png", ".a.png.123.tmp"):
        assert not is_picture_name(name)


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_visible_picture_of_fewer_bits_in_16_is_as_bright_as_the_camera_saw(tmp_path, scene, bits, suffix):
    top = 2**bits - 1
    bright = np.clip(scene[1].astype(float) * 1.2, 0, 255)
    path = save(tmp_path / f"vis{suffix}", np.rint(bright / 255 * top).astype(np.uint16))
    assert np.abs(read_visible(path).astype(int) - bright).max() <= 1
    assert read_visible(path, deep=True).max() == 65535
    save(tmp_path / "ir.png", scene[0])
    warnings = load_pair(tmp_path / "ir.png", path).warnings
    assert warnings == (f"The visible picture uses {bits} of its 16 bits: {top} is read as white.",)


def test_a_visible_picture_of_more_bits_stays_as_it_is(tmp_path, scene):
    deep = scene[1].astype(np.uint16) * 40
    path = save(tmp_path / "vis.png", deep)
    assert deep.max() > 4095 and np.array_equal(read_visible(path, deep=True), deep)
    save(tmp_path / "ir.png", scene[0])
    assert load_pair(tmp_path / "ir.png", path).warnings == ()
    black = save(tmp_path / "black.png", np.zeros_like(deep))
    assert not read_visible(black).any()
