"""Depths, TIFF kinds and pages, arrays, orientation: what comes back is what was stored."""

import io

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import exif
from diffuse_fuse.images.decode import decode, read_bytes
from diffuse_fuse.images.header import read_header


@pytest.fixture
def counts() -> np.ndarray:
    """14-bit counts, 40×56."""
    y, x = np.mgrid[:40, :56]
    return (7000 + 40 * x + 60 * y + np.random.default_rng(0).integers(0, 30, (40, 56))).astype(np.uint16)


def tiff(array: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bigtiff": True},
        {"bigtiff": True, "byteorder": ">"},
        {"byteorder": ">"},
        {"tile": (16, 16)},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True, "tile": (32, 16)},
        {"rowsperstrip": 7},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_tiffs_of_all_kinds_come_back_exactly(counts, options, dtype):
    if "predictor" in options and np.dtype(dtype).kind == "f":
        pytest.skip("tifffile needs another package to write that")
    array = (
        (counts // 32).astype(dtype)
        if dtype is np.uint8
        else (counts.astype(np.float64) - 9000 * (dtype is np.int16)).astype(dtype)
    )
    read = decode(tiff(array, **options), "a.tif").array
    assert read.dtype == dtype and np.array_equal(read, array)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiffs_of_other_programs(counts, compression):
    for image in (Image.fromarray(counts), Image.fromarray((counts // 64).astype(np.uint8))):
        stream = io.BytesIO()
        image.save(stream, "TIFF", compression=compression)
        assert np.array_equal(decode(stream.getvalue(), "a.tif").array, np.asarray(image))


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"bigtiff": True}, {"byteorder": ">"}])
def test_each_page_by_its_number(counts, options):
    stack = np.stack([counts, counts + 1, counts + 2])
    data = tiff(stack, photometric="minisblack", **options)
    assert read_header(data).pages == 3
    for number in range(3):
        assert np.array_equal(decode(data, "a.tif", page=number + 1).array, stack[number])
    with pytest.raises(ImageReadError, match=r"a\.tif has 3 pages: there is no page 4"):
        decode(data, "a.tif", page=4)
    with pytest.raises(ImageReadError, match="has one page: there is no page 2"):
        decode(cv2.imencode(".png", counts)[1].tobytes(), "a.png", page=2)


def test_pages_in_a_circle_end(counts):
    data = bytearray(tiff(np.stack([counts, counts + 1]), photometric="minisblack"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        first, last = (page.offset for page in file.pages)
    entries = int.from_bytes(data[last : last + 2], "little")
    at = last + 2 + 12 * entries
    data[at : at + 4] = first.to_bytes(4, "little")
    assert read_header(bytes(data)).pages == 2
    assert np.array_equal(decode(bytes(data), "a.tif", page=2).array, counts + 1)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_masks_behind_the_pictures_are_no_pages(counts, order, big):
    stack, file = np.stack([counts, counts + 1]), io.BytesIO()
    seen = np.arange(counts.size).reshape(counts.shape) % 3 > 0
    with tifffile.TiffWriter(file, bigtiff=big, byteorder=order) as writer:
        for page in stack:
            writer.write(page, photometric="minisblack")
        writer.write(seen[::2, ::2], photometric="mask", subfiletype=5)  # of a smaller copy
        writer.write(seen, photometric="mask", subfiletype=4)
    data = file.getvalue()
    first, second = (decode(data, "a.tif", page=number) for number in (1, 2))
    assert first.header.pages == 2 and first.header.alpha and not second.header.alpha
    assert np.array_equal(first.array, stack[0]) and np.array_equal(first.alpha, seen)
    assert np.array_equal(second.array, stack[1]) and second.alpha is None
    assert first.header.memory >= second.header.memory + 5 * counts.size
    with pytest.raises(ImageReadError, match="has 2 pages: there is no page 3"):
        decode(data, "a.tif", page=3)


def test_a_tiff_of_masks_alone_holds_a_picture(counts):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _ in range(2):
            writer.write(counts > counts.mean(), photometric="mask", subfiletype=4)
    assert read_header(file.getvalue()).pages == 1


def test_what_opencv_reads_wrongly_or_not_at_all(counts):
    rgb = np.stack([counts, counts[::-1], counts[:, ::-1]], -1)
    planar = tiff(np.moveaxis(rgb, -1, 0), photometric="rgb", planarconfig="separate")
    assert np.array_equal(decode(planar, "a.tif").array, rgb)
    half = (counts / 16000).astype(np.float16)
    read = decode(tiff(half), "a.tif").array
    assert read.dtype == np.float32 and np.array_equal(read, half.astype(np.float32))
    inverted = decode(tiff(counts, photometric="miniswhite"), "a.tif").array
    assert np.array_equal(inverted, 65535 - counts)
    inverted = decode(tiff((counts // 64).astype(np.uint8), photometric="miniswhite"), "a.tif").array
    assert np.array_equal(inverted, 255 - counts // 64)


@pytest.mark.parametrize("suffix", [".png", ".pgm", ".jp2", ".tif"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_deep_pictures_keep_their_values(counts, suffix, bits):
    array = (counts.astype(np.uint32) * (2**bits - 1) // counts.max()).astype(np.uint16)
    lossless = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000] if suffix == ".jp2" else []
    assert np.array_equal(decode(cv2.imencode(suffix, array, lossless)[1].tobytes(), "a").array, array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float16, np.float32, np.float64, np.bool_, ">u2"])
def test_arrays_of_numpy(counts, dtype):
    array = (counts / 8000).astype(dtype) if np.dtype(dtype).kind == "f" else (counts % 200).astype(dtype)
    stream = io.BytesIO()
    np.save(stream, array)
    read = decode(stream.getvalue(), "a.npy").array
    expected = array.astype(np.uint8) * 255 if dtype is np.bool_ else array
    assert np.array_equal(read, expected) and read.dtype.isnative and read.dtype != np.float16


def test_arrays_with_channels_and_in_stacks(counts):
    rgba = np.stack([counts % 256] * 4, -1).astype(np.uint8)
    for array, shape in ((rgba[..., :3], (40, 56, 3)), (rgba[..., :1], (40, 56)), (rgba, (40, 56, 3))):
        stream = io.BytesIO()
        np.save(stream, np.asfortranarray(array))
        picture = decode(stream.getvalue(), "a.npy")
        assert picture.array.shape == shape and (picture.alpha is not None) == (array.shape[2] == 4)
    stream = io.BytesIO()
    np.save(stream, np.stack([counts, counts + 1]))
    assert np.array_equal(decode(stream.getvalue(), "a.npy", page=2).array, counts + 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_is_turned_upright(orientation, form):
    """Alpha is turned with the colours, so all eight are checked with it where the format has one."""
    y, x = np.mgrid[:24, :40]
    rgb = np.stack([255 * (x < 16), 255 * (y < 8), 255 * ((x > 30) & (y > 16))], -1).astype(np.uint8)
    notes = Image.Exif()
    notes[0x0112] = orientation
    with_alpha = np.concatenate([rgb, np.where(y < 12, 255, 128)[..., None].astype(np.uint8)], -1)
    stream = io.BytesIO()
    options = {"lossless": True} if form == "WEBP" else {"quality": 95, "subsampling": 0} if form == "JPEG" else {}
    Image.fromarray(rgb if form == "JPEG" else with_alpha).save(stream, form, exif=notes, **options)
    from PIL import ImageOps

    expected = np.asarray(ImageOps.exif_transpose(Image.open(stream)))
    picture = decode(stream.getvalue(), "a")
    assert exif.orientation(stream.getvalue()) == orientation
    assert picture.array.shape == (*expected.shape[:2], 3)
    assert np.abs(picture.array.astype(int) - expected[..., :3]).mean() < 3
    if form != "JPEG":
        assert np.allclose(picture.alpha, expected[..., 3] / 255, atol=1e-6)


def test_notes_of_a_camera(tmp_path):
    notes = Image.Exif()
    notes[0x010F], notes[0x0110], notes[0x0132] = "Acme", "Acme T3", "2026:01:02 03:04:05"
    notes.get_ifd(0x8825).update({1: "S", 2: (33.0, 30.0, 36.0), 3: "W", 4: (70.0, 0.0, 0.0)})
    Image.new("RGB", (20, 30)).save(tmp_path / "a.jpg", exif=notes)
    read = exif.read_notes(read_bytes(tmp_path / "a.jpg"))
    assert (read.camera, read.time, read.orientation) == ("Acme T3", "2026:01:02 03:04:05", 1)
    assert read.gps == pytest.approx((-33.51, -70.0))
    assert exif.read_notes(b"nothing") == exif.Notes()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".jp2", ".ppm", ".tif"])
def test_headers_say_what_decoding_gives(suffix):
    for height, width in ((40, 56), (33, 257)):
        data = cv2.imencode(suffix, np.zeros((height, width, 3), np.uint8))[1].tobytes()
        found = read_header(data)
        assert (found.width, found.height, found.pages) == (width, height, 1)
        assert decode(data, "a").array.shape == (height, width, 3)
