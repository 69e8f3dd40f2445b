"""A corpus of files that somebody will give one day: each is read, or refused with one sentence that names it."""

from __future__ import annotations

import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from diffuse_fuse.errors import DfuseError, ImageReadError, PairError
from diffuse_fuse.images import load_pair, read_infrared, read_visible
from diffuse_fuse.images.decode import decode
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.read import read_image
from tests.images import hostile

UNIX = pytest.mark.skipif(os.name == "nt", reason="no such files there")


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header and checksums are right and whose pixels are missing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def tiff_claiming(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((16, 16), np.uint16))
    data = bytearray(stream.getvalue())
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        places = [file.pages[0].tags[tag].valueoffset for tag in (256, 257)]
    for place, value in zip(places, (width, height), strict=True):
        struct.pack_into("<H", data, place, value)
    return bytes(data)


def bmp_claiming(width: int, height: int) -> bytes:
    data = bytearray(cv2.imencode(".bmp", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    struct.pack_into("<ii", data, 18, width, height)
    return bytes(data)


def npy_claiming(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<u2", "fortran_order": False, "shape": (height, width)})
    return stream.getvalue() + bytes(64)


@pytest.mark.parametrize("claim", [png_claiming, jpeg_claiming, tiff_claiming, bmp_claiming, npy_claiming])
def test_more_pixels_than_the_limit_are_refused_before_decoding(tmp_path, claim):
    path = tmp_path / "bomb.bin"
    path.write_bytes(claim(20000, 20000))
    for read in (read_infrared, read_visible):
        with pytest.raises(ImageReadError, match=r"bomb\.bin claims 20000×20000 pixels.*--max-pixels"):
            read(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp", ".jp2", ".ppm", ".npy"])
def test_the_limit_is_met_exactly_by_every_format(tmp_path, suffix):
    rgb = np.full((40, 50, 3), 90, np.uint8)
    if suffix == ".npy":
        np.save(tmp_path / "a.npy", rgb)
    else:
        (tmp_path / f"a{suffix}").write_bytes(cv2.imencode(suffix, rgb)[1].tobytes())
    assert read_visible(tmp_path / f"a{suffix}", LoadOptions(max_pixels=2000)).shape == (40, 50, 3)
    with pytest.raises(ImageReadError, match="claims 50×40 pixels, more than the limit of 1999"):
        read_visible(tmp_path / f"a{suffix}", LoadOptions(max_pixels=1999))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 30000)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_very_small_and_very_long_pictures_are_read(tmp_path, shape, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(cv2.imencode(suffix, np.full(shape, 77, np.uint8))[1].tobytes())
    ir = read_infrared(path)
    assert ir.shape == shape and np.abs(ir.astype(int) - 77).max() <= 1
    assert read_visible(path).shape == (*shape, 3)


@pytest.mark.parametrize("value", [0, 1234, 65535])
def test_a_constant_picture_has_no_contrast_to_stretch(tmp_path, value):
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", np.full((20, 30), value, np.uint16))[1].tobytes())
    ir = read_infrared(path)
    assert np.ptp(ir) == 0 and np.isfinite(ir).all()


@pytest.mark.parametrize("values", [np.nan, np.inf, 1e300])
def test_values_that_no_camera_measures(tmp_path, values):
    np.save(tmp_path / "a.npy", np.full((20, 30), values))
    with pytest.raises(ImageReadError, match=r"a\.npy"):
        read_infrared(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "mode, suffix, options",
    [
        ("CMYK", ".jpg", {}),
        ("CMYK", ".tif", {}),
        ("P", ".png", {}),
        ("P", ".tif", {}),
        ("1", ".png", {}),
        ("1", ".tif", {"compression": "group4"}),
        ("LA", ".png", {}),
        ("RGB", ".jpg", {"progressive": True}),
        ("RGB", ".webp", {"save_all": True, "append_images": [Image.new("RGB", (45, 37))]}),
        ("RGB", ".png", {"save_all": True, "append_images": [Image.new("RGB", (45, 37))]}),
    ],
)
def test_unusual_kinds_of_usual_formats_are_read(tmp_path, scene, mode, suffix, options):
    path = tmp_path / f"a{suffix}"
    shown = scene[0] if mode in ("1", "LA") else scene[1]
    Image.fromarray(shown).convert(mode).save(path, **options)
    vis = read_visible(path)
    assert vis.shape == scene[1].shape and read_infrared(path).shape == scene[0].shape
    # from afar, where the dots of a 1-bit picture are grey
    far = [
        cv2.resize(np.float32(image), (9, 7), interpolation=cv2.INTER_AREA).ravel()
        for image in (vis.mean(2), shown if shown.ndim == 2 else shown.mean(2))
    ]
    assert np.corrcoef(*far)[0, 1] > 0.8


def test_an_animated_gif_is_no_picture_for_dfuse(tmp_path, scene):
    Image.fromarray(scene[0]).save(tmp_path / "a.gif", save_all=True, append_images=[Image.fromarray(scene[0] // 2)])
    with pytest.raises(ImageReadError, match=r"a\.gif is a GIF, which dfuse does not read: save it as PNG or TIFF\."):
        read_visible(tmp_path / "a.gif")


@pytest.mark.parametrize(
    "start, what",
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture, which dfuse does not read: save it as PNG"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF picture"),
        (b"\0\0\0\x18ftypisom\0\0\2\0", "a video, which dfuse does not read: use dfuse video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"PK\3\4" + bytes(12), "a ZIP archive"),
        (b"%PDF-1.7\n", "a PDF"),
    ],
)
def test_formats_of_others_are_named(tmp_path, start, what):
    (tmp_path / "a.jpg").write_bytes(start + bytes(100))
    for read in (read_infrared, read_visible):
        with pytest.raises(ImageReadError, match=rf"a\.jpg is {what}"):
            read(tmp_path / "a.jpg")


def test_the_content_counts_and_not_the_suffix(tmp_path, scene):
    (tmp_path / "a.jpg").write_bytes(cv2.imencode(".png", scene[0])[1].tobytes())
    assert np.array_equal(read_infrared(tmp_path / "a.jpg"), scene[0])


@UNIX
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageReadError, match=r"a\.png is not a regular file"):
        read_visible(tmp_path / "a.png")


@UNIX
def test_links_in_a_circle_and_to_nowhere(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "c.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ImageReadError, match=r"a\.png cannot be opened"):
        read_visible(tmp_path / "a.png")
    with pytest.raises(ImageReadError, match=r"c\.png does not exist"):
        read_visible(tmp_path / "c.png")


@UNIX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission(tmp_path):
    (tmp_path / "a.png").write_bytes(png_claiming(4, 4))
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(ImageReadError, match=r"a\.png cannot be opened"):
        read_visible(tmp_path / "a.png")


@UNIX
@pytest.mark.parametrize("name", [b"two\nlines.png", "\N{CAMERA}.png".encode(), b'it\'s "quoted".png', b"caf\xe9.png"])
def test_any_name_is_read_and_shown_on_one_line(tmp_path, scene, name):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(cv2.imencode(".png", scene[0])[1].tobytes())
    assert np.array_equal(read_infrared(path), scene[0])
    path.write_bytes(b"no")
    with pytest.raises(ImageReadError) as caught:
        read_infrared(path)
    assert "\n" not in str(caught.value) and str(caught.value).encode("utf-8")


def test_a_path_with_a_nul_byte():
    with pytest.raises(ImageReadError, match="cannot be opened"):
        read_visible("a\0b.png")


def test_pickles_in_a_npy_are_not_run(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[print]], dtype=object), allow_pickle=True)
    with pytest.raises(ImageReadError, match=r"a\.npy is damaged, or not a picture"):
        read_infrared(tmp_path / "a.npy")


def test_an_empty_array_and_one_of_too_many_dimensions(tmp_path):
    for number, shape in enumerate([(0, 5), (3, 4, 5, 6), (7,)]):
        np.save(tmp_path / f"{number}.npy", np.zeros(shape))
        with pytest.raises(ImageReadError, match=f"{number}.npy"):
            read_infrared(tmp_path / f"{number}.npy")


def test_pairs_of_odd_shapes_are_refused_or_brought_together(tmp_path):
    sizes = {"point": (1, 1), "line": (1, 5000), "wall": (100, 100)}
    for name, shape in sizes.items():
        (tmp_path / f"{name}.png").write_bytes(cv2.imencode(".png", np.full(shape, 9, np.uint8))[1].tobytes())
    with pytest.raises(PairError, match="5000×1"):
        load_pair(tmp_path / "line.png", tmp_path / "wall.png")
    assert load_pair(tmp_path / "point.png", tmp_path / "wall.png").ir.shape == (100, 100)


def test_every_cut_of_a_radiometric_file_is_a_sentence(scene):
    """Each length of the file, step by step: never anything but dfuse's own error."""
    from diffuse_fuse.images.thermal import read_thermal

    from . import flir_file as make

    counts = scene[0].astype(np.uint16) + 7000
    records = {0x01: make.raw_record(counts, "plain"), 0x0E: make.visible_record(make.encode(".jpg", scene[1]))}
    whole = make.r_jpeg(make.encode(".jpg", scene[1]), {**records, 0x20: make.camera_record()}, piece=900)
    for length in range(0, len(whole) - 1, 37):
        with pytest.raises(DfuseError):
            read_thermal(whole[:length], "a.jpg")
    assert decode(whole, "a.jpg").array.shape == scene[1].shape


@pytest.mark.parametrize("channels, planar", [(2000, "separate"), (2000, "contig"), (17, "separate")])
def test_a_tiff_of_many_channels_is_refused_before_it_takes_memory(tmp_path, channels, planar):
    """Its pixels may be few: it is the channels that would take a gigabyte."""
    import tracemalloc

    stream = io.BytesIO()
    shape = (3, 8, 40) if planar == "separate" else (8, 40, 3)
    tifffile.imwrite(stream, np.zeros(shape, np.uint8), photometric="rgb", planarconfig=planar)
    path = tmp_path / "a.tif"
    path.write_bytes(_with_tags(stream.getvalue(), {277: channels, 257: 16_000, 278: 16_000}))
    tracemalloc.start()
    with pytest.raises(ImageReadError, match="cannot be decoded|to decode, more"):
        read_image(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("alpha", [False, True])
def test_a_tiff_whose_strips_are_not_all_there_is_refused(tmp_path, alpha):
    stream = io.BytesIO()
    planes = np.full((4 if alpha else 3, 32, 40), 99, np.uint8)
    extra = {"extrasamples": ["unassalpha"]} if alpha else {}
    tifffile.imwrite(stream, planes, photometric="rgb", planarconfig="separate", rowsperstrip=8, **extra)
    whole = stream.getvalue()
    (tmp_path / "whole.tif").write_bytes(whole)
    assert (read_image(tmp_path / "whole.tif") == 99).all()
    (tmp_path / "a.tif").write_bytes(_with_tags(whole, {257: 64}))  # twice as high as the strips that it has
    with pytest.raises(ImageReadError, match="a part of it is missing"):
        read_image(tmp_path / "a.tif")


def _with_tags(data: bytes, values: dict[int, int]) -> bytes:
    """A little-endian TIFF with other values of SHORT or LONG tags in its first directory."""
    changed = bytearray(data)
    start = int.from_bytes(data[4:8], "little")
    for entry in range(start + 2, start + 2 + 12 * int.from_bytes(data[start : start + 2], "little"), 12):
        tag = int.from_bytes(data[entry : entry + 2], "little")
        if tag in values:
            changed[entry + 8 : entry + 12] = values[tag].to_bytes(4, "little")
    return bytes(changed)


@pytest.mark.parametrize(
    "number, name",
    [(34712, "JPEG2000"), (34933, "PNG"), (50002, "JPEGXL"), (34887, "LERC"), (7, "JPEG"), (999, "number 999")],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tiffs_packed_in_another_way_are_refused(monkeypatch, number, name, channels):
    """OpenCV makes black pictures of some, and other packages unpack pictures of any size inside a small page."""
    data = hostile.tiff(64, 64, channels, 8, hostile.DEFLATE, extra={259: number})
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda *_, **__: np.zeros((64, 64, channels), np.uint8))
    with pytest.raises(ImageReadError, match=rf"its compression, {name}, is not read here: save it with deflate\.$"):
        decode(data, "a.tif")


@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_that_is_damaged_is_no_picture_with_a_black_rest(packing, channels):
    """As OpenCV makes it of 8 bits."""
    picture = np.random.default_rng(0).integers(0, 90, (40, 50, channels), dtype=np.uint8) + 90
    stream = io.BytesIO()
    Image.fromarray(picture[..., 0] if channels == 1 else picture).save(stream, "TIFF", compression=packing)
    data = bytearray(stream.getvalue())
    assert np.array_equal(decode(bytes(data), "a.tif").array, np.squeeze(picture))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        start, size = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    data[start + size // 2 : start + size // 2 + 40] = b"\xff" * 40
    with pytest.raises(ImageReadError, match="its compressed data are damaged"):
        decode(bytes(data), "a.tif")


@pytest.mark.parametrize("name, text, said", [
    ("points.csv", "x,y,temperature\n" + "0,0,21.5\n" * 9, "no table of temperatures: it needs rows of as many"),
    ("new.irg", "\x01\x02 nothing that is known", "an InfiRay file of a kind that dfuse does not know: export it"),
])  # fmt: skip
def test_what_a_suffix_promises_and_the_content_is_not(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(ImageReadError, match=f"{name} is {said}"):
        read_infrared(tmp_path / name)
