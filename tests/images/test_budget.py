"""Small files that ask for much are refused from their header, or while they are unpacked, in bounded memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images import arrays, exif, header, jpeg
from diffuse_fuse.images.decode import decode
from diffuse_fuse.images.describe import describe
from diffuse_fuse.images.flight import summarise
from diffuse_fuse.images.header import amount, read_header
from diffuse_fuse.images.thermal import palette, read_thermal

from . import flir_file, hostile, made

N = 10_000  # pixels a side: exactly as many as are allowed
SMALL = 2000

HOSTILE = {
    **{
        f"alpha {name}.tif": (lambda packing=packing: hostile.tiff(N, N, 4, 16, packing), "GB to decode, more")
        for name, packing in (("deflate", hostile.DEFLATE), ("lzma", hostile.LZMA), ("packbits", hostile.PACKBITS))
    },
    **{
        f"half {name}.tif": (
            lambda packing=packing: hostile.tiff(N, N, 3, 16, packing, hostile.FLOAT),
            "GB to decode, more",
        )
        for name, packing in (("deflate", hostile.DEFLATE), ("lzma", hostile.LZMA), ("packbits", hostile.PACKBITS))
    },
    "tile.tif": (
        lambda: hostile.tiff(64, 64, 3, 8, 1, extra={322: 50_000, 323: 50_000, 324: 8, 325: 999}),
        "to decode, more",
    ),
    "bomb deflate.tif": (
        lambda: hostile.tiff(64, 64, 4, 16, hostile.DEFLATE, hostile.FLOAT, unpacked=4 << 30),
        "more than its pixels",
    ),
    "bomb lzma.tif": (lambda: hostile.tiff(64, 64, 4, 16, hostile.LZMA, unpacked=1 << 30), "more than its pixels"),
    "bomb packbits.tif": (
        lambda: hostile.tiff(64, 64, 4, 16, hostile.PACKBITS, hostile.FLOAT, unpacked=1 << 29),
        "more than its pixels",
    ),
    "stack.npy": (lambda: hostile.npy((10**12, 16, 16)), "the file ends before the array does"),
    "two.jpg": (lambda: hostile.jpeg_of_two_sizes(12_000, 12_000), "is damaged"),
    "scans.jpg": (lambda: hostile.jpeg_of_scans(2600, 2600, 999), "has more than 1000 scans"),
    "two.jp2": (lambda: hostile.jpeg2000_of_two_sizes(12_000, 12_000), "claims 12000×12000 pixels"),
    "components.jp2": (lambda: hostile.jpeg2000_of(9000, 9000, channels=200), "GB to decode, more"),
    "two.pgm": (lambda: hostile.pnm_of_two_sizes(12_001, 12_000), "is damaged"),
    "pages.tif": (lambda: hostile.tiff_of_pages(300_000), "read"),
    "large.webp": (lambda: hostile.webp(9990, 9990), "read"),
}

# In a process of its own, whose address space is limited where the system can: its megabytes, seconds and answers.
READ = """
import json, sys, time
from diffuse_fuse.cli import commands
from diffuse_fuse.images.describe import describe
from diffuse_fuse.images.flight import summarise
from diffuse_fuse.images.read import read_infrared, read_visible
from diffuse_fuse.machine import peak_memory
import tifffile
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
except (ImportError, ValueError):
    pass
answers = []
for path in sys.argv[2:]:
    for read in (describe,) if path.endswith(".webp") else (describe, read_visible, read_infrared):
        start = time.process_time()
        try:
            read(path)
            answer = "read"
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        answers.append((path, answer, time.process_time() - start))
print(json.dumps({"megabytes": (peak_memory() or 0) >> 20, "answers": answers}))
"""


def test_each_takes_little_memory_and_time(tmp_path):
    for name, (build, _) in HOSTILE.items():
        (tmp_path / name).write_bytes(build())
    call = [sys.executable, "-c", READ, str(4 << 30), *(str(tmp_path / name) for name in HOSTILE)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for path, answer, seconds in found["answers"]:
        text = HOSTILE[path.rsplit("/", 1)[-1].rsplit("\\", 1)[-1]][1]
        assert text in answer and answer.startswith(("read", "ImageReadError")), (path, answer)
        assert seconds < 5, (path, seconds)
    assert found["megabytes"] < 400, found["megabytes"]


@pytest.mark.parametrize(
    "name, write",
    [
        ("alpha.tif", lambda path, n: tifffile.imwrite(path, np.zeros((n, n, 4), "u2"), photometric="rgb",
                                                       extrasamples=["unassalpha"], compression="zlib")),
        ("half.tif", lambda path, n: tifffile.imwrite(path, np.zeros((n, n, 3), "f2"), photometric="rgb",
                                                      compression="lzma")),
        ("deep.png", lambda path, n: path.write_bytes(cv2.imencode(".png", np.zeros((n, n, 4), "u2"))[1].tobytes())),
        ("a.jp2", lambda path, n: path.write_bytes(cv2.imencode(".jp2", np.zeros((n, n, 3), "u1"))[1].tobytes())),
        ("a.webp", lambda path, n: path.write_bytes(cv2.imencode(".webp", np.zeros((n, n, 4), "u1"))[1].tobytes())),
        ("a.jpg", lambda path, n: Image.new("RGB", (n, n)).save(path, progressive=True, subsampling=0)),
    ],
)  # fmt: skip
def test_what_is_decoded_stays_within_the_budget(tmp_path, name, write):
    """Measured in a process of its own, above what it has before: the estimate, and half of it for what follows."""
    path = tmp_path / name
    write(path, SMALL)
    expected = read_header(path.read_bytes()).memory
    code = (
        "import sys\n"
        "from diffuse_fuse.images.read import read_visible\n"
        "from diffuse_fuse.machine import peak_memory\n"
        "import tifffile, pathlib, PIL.Image\n"
        "read_visible(sys.argv[1])\n"
        "before = peak_memory()\n"
        "read_visible(sys.argv[2])\n"
        "print((peak_memory() - before) if before else 0)\n"
    )
    write(tmp_path / f"small {name}", 64)
    call = [sys.executable, "-c", code, str(tmp_path / f"small {name}"), str(path)]
    taken = int(subprocess.run(call, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert taken < 1.5 * expected + 70_000_000, (taken, expected)


def test_a_picture_of_few_pixels_and_many_bytes_is_told_how_to_be_read(tmp_path):
    data = hostile.tiff(300, 300, 4, 16, hostile.DEFLATE)
    with pytest.raises(ImageReadError, match=r"claims 300×300 pixels that take 3\.06 MB .* 1\.62 MB") as caught:
        decode(data, "a.tif", max_pixels=90_000)
    assert str(caught.value).endswith("and memory allows, add --max-pixels 170000.")
    assert decode(data, "a.tif", max_pixels=170_000).array.shape == (300, 300, 3)
    with pytest.raises(ImageReadError):
        decode(data, "a.tif", max_pixels=169_999)


def test_usual_pictures_of_the_largest_size_are_within_the_budget():
    for data in (
        hostile.tiff(N, N, 3, 16, hostile.DEFLATE),
        hostile.tiff(N, N, 1, 32, hostile.DEFLATE, hostile.FLOAT),
        hostile.webp(N, N),
        hostile.jpeg2000_of(N, N, 3),
    ):
        found = read_header(data)
        assert (found.width, found.height) == (N, N) and header.refusal(found, N * N) is None


@pytest.mark.parametrize("shape, dtype", [((40, 50, 4), np.uint16), ((40, 50, 3), np.uint8), ((40, 50), np.uint8)])
def test_raw_thermal_data_of_another_kind_are_not_decoded(monkeypatch, shape, dtype):
    """A PNG of colours with alpha takes four times what its pixels say."""
    picture = cv2.imencode(".png", np.zeros(shape, dtype))[1].tobytes()
    record = flir_file.raw_record(np.zeros((4, 4), np.uint16))[:0x20] + picture
    data = flir_file.r_jpeg(flir_file.encode(".jpg", np.zeros((40, 50, 3), np.uint8)), {0x01: record})
    monkeypatch.setattr("diffuse_fuse.images.thermal.flir.opencv_image", None)
    with pytest.raises(ImageReadError, match="its raw thermal data are damaged"):
        read_thermal(data, "a.jpg")


def test_passes_over_a_jpeg_are_counted(scene):
    stream = io.BytesIO()
    Image.fromarray(scene[1]).save(stream, "JPEG", progressive=True)
    found = jpeg.frame(stream.getvalue())
    assert (found.width, found.height, found.channels) == (45, 37, 3) and 4 < found.passes < 20
    assert jpeg.frame(cv2.imencode(".jpg", scene[1])[1].tobytes()).passes == 1
    assert jpeg.frame(hostile.jpeg_of_scans(16, 16, 5000)).passes == jpeg.MOST_PASSES + 1
    # small pictures may have many
    assert decode(hostile.jpeg_of_scans(16, 16, 300), "a.jpg").array.shape == (16, 16)


@pytest.mark.parametrize("fortran", [False, True])
def test_arrays_in_either_order_are_read(tmp_path, fortran):
    array = np.arange(5 * 7 * 9, dtype=">i4").reshape(5, 7, 9)
    np.save(tmp_path / "a.npy", np.asfortranarray(array) if fortran else array)
    data = (tmp_path / "a.npy").read_bytes()
    for page in (1, 5):
        picture = decode(data, "a.npy", page)
        assert np.array_equal(picture.array, array[page - 1]) and picture.header.pages == 5
        assert picture.array.flags.writeable and picture.array.flags.c_contiguous


def test_inspect_does_not_decode_what_is_large(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (90, 60)).save(path, exif=made.camera_exif(6))
    whole = describe(path)
    monkeypatch.setattr("diffuse_fuse.images.describe.LOOKED_AT", 10_000)
    monkeypatch.setattr("diffuse_fuse.images.describe.decode", None)
    seen = describe(path)
    assert seen.content is None and seen.thermal is None and "that takes 32.4 kB" in seen.warnings[0]
    for name in ("width", "height", "bits", "dtype", "channels", "pages", "camera", "time", "orientation", "gps"):
        assert getattr(seen, name) == getattr(whole, name), name
    assert (seen.width, seen.height, seen.as_visible) == (60, 90, "unknown, since its pixels were not decoded")


def test_a_folder_with_pictures_that_are_not_looked_at_is_summarised(tmp_path, monkeypatch):
    for folder in ("ir", "vis"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (90, 60)).save(tmp_path / folder / "a.jpg")
    monkeypatch.setattr("diffuse_fuse.images.describe.LOOKED_AT", 10_000)
    kinds = summarise(tmp_path).kinds
    assert [(kind.kind, kind.content, kind.thermal) for kind in kinds] == [
        ("infrared", None, None),
        ("visible", None, None),
    ]


def test_inspect_decodes_once(tmp_path, scene, monkeypatch):
    calls = []
    opencv = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda *given: calls.append(1) or opencv(*given))
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda self: calls.append("Pillow"))
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", scene[1])[1].tobytes())
    assert describe(tmp_path / "a.png").content == "colour" and calls == [1]


@pytest.mark.parametrize("kind", ["PNG", "WebP"])
def test_notes_of_pictures_are_found_without_decoding_them(tmp_path, kind):
    Image.new("RGB", (90, 60)).save(tmp_path / "a", kind, exif=made.camera_exif(6))
    notes = exif.read_notes((tmp_path / "a").read_bytes())
    assert notes.orientation == 6 and notes.camera == "Maker X1" and notes.gps is not None
    assert exif.read_notes(hostile.webp(40, 40)) == exif.Notes()


def test_pages_are_counted_and_a_circle_ends(tmp_path):
    data = bytearray(hostile.tiff_of_pages(1000))
    assert read_header(bytes(data), 999).pages == 1000
    data[-4:] = data[4:8]  # the last page's next one is the first
    assert read_header(bytes(data), 1).pages == 1000


@pytest.mark.parametrize("packing", [hostile.DEFLATE, hostile.LZMA, hostile.PACKBITS])
def test_strips_that_hold_a_little_more_are_read(packing):
    data = hostile.tiff(40, 30, 4, 8, packing, unpacked=9600)
    assert decode(data, "a.tif").array.shape == (30, 40, 3)


def test_in_bands_is_the_same_as_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    colours, counts = rng.integers(0, 65536, (67, 31, 3), np.uint16), rng.integers(0, 900, (67, 31)).astype(np.uint16)
    unit, alpha = rng.random((67, 31, 3)).astype(np.float32), rng.random((67, 31)).astype(np.float32)

    def all_of_it():
        return [
            arrays.to_uint8_rgb(colours),
            arrays.to_uint8_rgb(unit),
            arrays.to_deep_rgb(unit),
            arrays.to_one_channel(colours),
            arrays.over_black(colours, alpha),
            arrays.stretch_counts(counts),
            palette.invert((colours >> 8).astype(np.uint8), palette.known()[0].colours)[0],
        ]

    at_once = all_of_it()
    monkeypatch.setattr(arrays, "_BAND", 300)
    for one, other in zip(at_once, all_of_it(), strict=True):
        assert one.dtype == other.dtype and np.array_equal(one, other)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "f8"])
@pytest.mark.parametrize("size", [1, 2, 3, 100, 12_345])
def test_the_robust_ends_are_numpys_percentiles(size, dtype):
    values = np.random.default_rng(size).normal(1000, 300, size).astype(dtype)
    assert arrays.robust_ends(values) == tuple(np.percentile(values.astype(np.float64), (0.5, 99.5)))


def test_amounts_are_readable():
    assert [amount(n) for n in (5, 1500, 32_400, 2 * 10**9, 123 * 10**12)] == [
        "5 bytes", "1.5 kB", "32.4 kB", "2 GB", "123000 GB"
    ]  # fmt: skip
