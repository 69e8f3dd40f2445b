"""Transparent visible pictures of every kind: put on black once, at their own depth, and said so."""

import io

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.read import read_image, read_infrared, read_visible
from diffuse_fuse.images.write import write_image

COLOUR, ALPHA = (200, 100, 50), 128
ON_BLACK = (100, 50, 25)
HEIGHT, WIDTH = 20, 30


def rgba(depth=np.uint8) -> np.ndarray:
    """The colour, half transparent but for an opaque right third."""
    array = np.full((HEIGHT, WIDTH, 4), (*COLOUR, ALPHA), np.uint8)
    array[:, 20:, 3] = 255
    return array.astype(depth) * (257 if depth == np.uint16 else 1)


def grey_alpha(depth=np.uint8) -> np.ndarray:
    return np.ascontiguousarray(rgba(depth)[..., [0, 3]])


def pillow(picture: Image.Image, form: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def tiff(array: np.ndarray, kind: str = "unassalpha", photometric: str = "rgb", **options) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, photometric=photometric, extrasamples=[kind], **options)
    return stream.getvalue()


def multiplied(array: np.ndarray) -> np.ndarray:
    top = np.iinfo(array.dtype).max
    colours = array[..., :3].astype(float) * (array[..., 3:] / top)
    return np.dstack([np.rint(colours).astype(array.dtype), array[..., 3]])


def paletted() -> bytes:
    """Index 0 half transparent, index 1 opaque, of the same colour."""
    picture = Image.fromarray((rgba()[..., 3] == 255).astype(np.uint8), "P")
    picture.putpalette([*COLOUR, *COLOUR])
    return pillow(picture, "PNG", transparency=bytes([ALPHA, 255]))


def opencv_png(array: np.ndarray) -> bytes:
    return cv2.imencode(".png", array[..., [2, 1, 0, 3]])[1].tobytes()


def planes(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, -1, 0)


IN_COLOUR = {
    "png-8": opencv_png(rgba()),
    "png-16": opencv_png(rgba(np.uint16)),
    "png-palette": paletted(),
    "webp": pillow(Image.fromarray(rgba()), "WEBP", lossless=True, exact=True),
    "jpeg2000": pillow(Image.fromarray(rgba()), "JPEG2000"),
    "tiff-8": tiff(rgba()),
    "tiff-16": tiff(rgba(np.uint16)),
    "tiff-8-lzw": pillow(Image.fromarray(rgba()), "TIFF", compression="tiff_lzw"),
    "tiff-8-zlib": tiff(rgba(), compression="zlib"),
    "tiff-float": tiff((rgba() / 255).astype(np.float32)),
    "tiff-8-planes": tiff(planes(rgba()), planarconfig="separate"),
    "tiff-16-planes": tiff(planes(rgba(np.uint16)), planarconfig="separate"),
    "tiff-8-multiplied": tiff(multiplied(rgba()), "assocalpha"),
    "tiff-16-multiplied": tiff(multiplied(rgba(np.uint16)), "assocalpha"),
    "tiff-8-unsaid": tiff(rgba(), "unspecified"),
}
IN_GREY = {
    "png-8": pillow(Image.fromarray(grey_alpha(), "LA"), "PNG"),
    "tiff-8": tiff(grey_alpha(), photometric="minisblack", planarconfig="contig"),
    "tiff-16": tiff(grey_alpha(np.uint16), photometric="minisblack", planarconfig="contig"),
    "tiff-16-inverted": tiff(
        np.dstack([65535 - grey_alpha(np.uint16)[..., 0], grey_alpha(np.uint16)[..., 1]]),
        photometric="miniswhite",
        planarconfig="contig",
    ),
}


@pytest.mark.parametrize("name", IN_COLOUR)
def test_colours_are_put_on_black_once(tmp_path, name):
    (tmp_path / "vis").write_bytes(IN_COLOUR[name])
    vis = read_visible(tmp_path / "vis")
    assert np.abs(vis[:, :19].astype(int) - ON_BLACK).max() <= 1  # JPEG 2000 is not exact at the edge
    assert np.abs(vis[:, 21:].astype(int) - COLOUR).max() <= 1


@pytest.mark.parametrize("name", IN_GREY)
def test_greys_are_put_on_black_once(tmp_path, name):
    (tmp_path / "vis").write_bytes(IN_GREY[name])
    vis = read_visible(tmp_path / "vis")
    assert np.abs(vis[:, :20].astype(int) - 100).max() <= 1 and np.abs(vis[:, 20:].astype(int) - 200).max() <= 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_grey_png_may_name_one_grey_as_transparent(tmp_path, bits):
    key, other = (2**bits - 1, 0) if bits < 8 else (77, 200)
    stored = np.full((16, 16), key, np.uint16)
    stored[:, 8:] = other
    (tmp_path / "vis.png").write_bytes(png_with_key(stored, bits, key))
    vis = read_visible(tmp_path / "vis.png")
    assert not vis[:, :8].any()
    scale = 1 if bits == 16 else 255 / (2**bits - 1)
    assert read_image(tmp_path / "vis.png")[0, 0] == round(key * scale)  # what is transparent keeps its value there


def png_with_key(stored: np.ndarray, bits: int, key: int) -> bytes:
    """A grey PNG of 1 to 16 bits with a tRNS chunk, which neither OpenCV nor Pillow writes at all depths."""
    import struct
    import zlib

    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in stored]
    else:
        rows = [np.packbits(_bits_of(row, bits)).tobytes() for row in stored]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in (
        (b"IHDR", struct.pack(">IIBBBBB", stored.shape[1], stored.shape[0], bits, 0, 0, 0, 0)),
        (b"tRNS", struct.pack(">H", key)),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
        (b"IEND", b""),
    ):
        data += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return data


def _bits_of(row: np.ndarray, bits: int) -> np.ndarray:
    return ((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)


@pytest.mark.parametrize("name", [name for name in IN_COLOUR if "16" in name])
def test_16_bits_stay_16_bits(tmp_path, name):
    (tmp_path / "vis").write_bytes(IN_COLOUR[name])
    vis = read_visible(tmp_path / "vis", deep=True)
    assert vis.dtype == np.uint16
    assert np.abs(vis[:, :20] - np.array(COLOUR) * 257 * (ALPHA / 255)).max() <= 1


@pytest.mark.parametrize("name", [*IN_COLOUR, "opaque"])
def test_the_warning_comes_with_transparency_alone(tmp_path, name):
    opaque = opencv_png(np.full((HEIGHT, WIDTH, 4), (*COLOUR, 255), np.uint8))
    (tmp_path / "vis").write_bytes(IN_COLOUR.get(name, opaque))
    write_image(tmp_path / "ir.png", np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH))
    warned = "partly transparent" in " ".join(load_pair(tmp_path / "ir.png", tmp_path / "vis").warnings)
    assert warned == (name != "opaque")


def test_infrared_of_16_bits_keeps_them_beside_alpha(tmp_path):
    counts = np.arange(7000, 7000 + HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH)
    both = np.dstack([counts, np.full_like(counts, 65535)])
    (tmp_path / "ir.tif").write_bytes(tiff(both, photometric="minisblack", planarconfig="contig"))
    assert len(np.unique(read_infrared(tmp_path / "ir.tif"))) > 590


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["planes", "alpha", "planes with alpha"])
def test_what_only_tifffile_decodes_is_turned_upright(tmp_path, orientation, kind):
    from diffuse_fuse.images.exif import upright

    stored = np.arange(6 * 8 * 4, dtype=np.uint8).reshape(6, 8, 4)
    stored = stored if "alpha" in kind else np.ascontiguousarray(stored[..., :3])
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        planes(stored) if "planes" in kind else stored,
        photometric="rgb",
        planarconfig="separate" if "planes" in kind else "contig",
        extrasamples=["unassalpha"] if "alpha" in kind else None,
        extratags=[(274, "H", 1, orientation, True)],
    )
    (tmp_path / "a.tif").write_bytes(stream.getvalue())
    assert np.array_equal(read_image(tmp_path / "a.tif"), upright(stored[..., :3], orientation))
