"""L*a*b* TIFFs become the colours that they mean."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import lab
from diffuse_fuse.images.decode import decode

# CIELAB (D50) of sRGB's colours, adapted by Bradford's matrix: brucelindbloom.com
COLOURS = {
    (255, 255, 255): (100, 0, 0),
    (119, 119, 119): (50.03, 0, 0),
    (0, 0, 0): (0, 0, 0),
    (255, 0, 0): (54.29, 80.81, 69.89),
    (0, 255, 0): (87.82, -79.29, 80.99),
    (0, 0, 255): (29.57, 68.30, -112.03),
    (255, 255, 0): (97.61, -15.75, 93.39),
}
RGB, LAB = (np.array(list(each), np.float64) for each in (COLOURS, COLOURS.values()))


def stored(encoding: str, dtype: type) -> np.ndarray:
    """``COLOURS`` as a picture 14×21, each a square of 3×3 of the upper half; the lower half is neutral."""
    deep = dtype is np.uint16
    white, step = (0xFF00 if deep and encoding == "ICCLAB" else np.iinfo(dtype).max), 256 if deep else 1
    lightness = np.rint(LAB[:, :1] * white / 100)
    colours = np.rint((LAB[:, 1:] + 128 * (encoding == "ICCLAB")) * step)
    row = np.repeat(np.hstack([lightness, colours]).astype(np.int64) % (np.iinfo(dtype).max + 1), 3, axis=0)
    return np.stack([row] * 7 + [np.repeat(row[:1], 21, axis=0)] * 7).astype(dtype)


def tiff(array: np.ndarray, photometric: str, **options) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, photometric=photometric.lower(), **options)
    return stream.getvalue()


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}, {"compression": "zlib"}], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("encoding", ["CIELAB", "ICCLAB"])
def test_lab_becomes_rgb(encoding, dtype, options):
    read = decode(tiff(stored(encoding, dtype), encoding, **options), "a.tif").array
    assert read.dtype == dtype and read.shape == (14, 21, 3)
    levels = read.astype(np.float64) * (255 / np.iinfo(dtype).max)
    # 8 bits leave a channel that should be 0 some levels off, where sRGB is steep
    assert np.abs(levels[3, 1::3] - RGB).max() < (1 if dtype is np.uint16 else 12)
    assert (levels[7:] > 254.5).all()


def test_other_layouts_and_pages():
    array = stored("CIELAB", np.uint8)
    expected = lab.to_rgb(array, "CIELAB")
    planar = tiff(np.moveaxis(array, -1, 0), "CIELAB", planarconfig="separate")
    assert np.array_equal(decode(planar, "a.tif").array, expected)
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(array[::-1], photometric="rgb")
        file.write(array, photometric="cielab")
    assert np.array_equal(decode(stream.getvalue(), "a.tif", page=1).array, array[::-1])
    assert np.array_equal(decode(stream.getvalue(), "a.tif", page=2).array, expected)


def test_what_another_program_converted_and_compressed_comes_back():
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8))
    picture = ImageCms.profileToProfile(rgb, *map(ImageCms.createProfile, ("sRGB", "LAB")), outputMode="LAB")
    stream = io.BytesIO()
    picture.save(stream, "TIFF", compression="tiff_lzw")
    off = np.abs(decode(stream.getvalue(), "a.tif").array.astype(int) - np.asarray(rgb))
    assert np.percentile(off, 95) <= 2 and off.max() <= 16  # 8 bits of L*a*b* hold no more


@pytest.mark.parametrize(
    "array, photometric",
    [
        (np.zeros((8, 9, 3), np.float32), "CIELAB"),
        (np.zeros((8, 9, 3), np.uint32), "ICCLAB"),
        (np.zeros((8, 9, 4), np.uint8), "CIELAB"),
        (np.zeros((8, 9, 3), np.uint8), "ITULAB"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype}-{value.shape[2]}",
)
def test_other_kinds_are_refused_with_what_to_do(array, photometric):
    sentence = r"^a\.tif cannot be decoded: its colours are L\*a\*b\* .*: save it as RGB\.$"
    with pytest.raises(ImageReadError, match=sentence):
        decode(tiff(array, photometric), "a.tif")


def test_lightness_alone_is_a_grey_picture():
    grey = np.arange(72, dtype=np.uint8).reshape(8, 9)
    data = bytearray(tiff(grey, "minisblack"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        at = file.pages[0].tags["PhotometricInterpretation"].valueoffset
    data[at : at + 2] = (8).to_bytes(2, "little")
    assert np.array_equal(decode(bytes(data), "a.tif").array, grey)
