"""Small whole files of every kind that dfuse reads, to be damaged by the fuzz test."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

from diffuse_fuse.images import encode
from diffuse_fuse.images.metadata import OutputMetadata, read_source
from diffuse_fuse.images.provenance import Provenance, Source
from tests.images import flir_file as make
from tests.images.made import srgb

SHARED = Path(os.environ.get("DFUSE_SHARED") or Path(__file__).resolve().parents[3] / "shared")
REAL = SHARED / "data" / "raw_thermal" / "flir"


PROVENANCE = Provenance(
    "1.2.3",
    "base",
    "ab" * 32,
    {"depth": 8, "thermal_range": [10.5, 40.0], "polarity": "auto", "stretch": False, "align": None},
    {"ir": Source("ir.png", "cd" * 32), "vis": Source("vis.png", "ef" * 32)},
)

_ENCODERS = {"png": encode.png, "jpg": encode.jpeg, "webp": encode.webp, "tif": encode.tiff}


def seeds(with_real: bool = True) -> dict[str, bytes]:
    """Name → content; the real radiometric files are among them where they are at hand."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:36, :40]
    counts = (7000 + 20 * x + 30 * y + rng.integers(0, 9, (36, 40))).astype(np.uint16)
    rgb = np.stack([6 * x, 7 * y, 255 - 4 * x], -1).astype(np.uint8)
    rgba = np.concatenate([rgb, (7 * y)[..., None].astype(np.uint8)], -1)
    return {
        **_opencv(counts, rgb, rgba),
        **_pillow(rgb),
        **_tiffs(counts, rgb, rgba),
        **_arrays(counts, rgb),
        **_radiometric(counts, rgb),
        **_fused(rgb),
        **_both(counts, rgb),
        **_measured(counts, rgb),
        **({path.name: path.read_bytes() for path in sorted(REAL.glob("*.jpg"))} if with_real else {}),
    }


def _opencv(counts: np.ndarray, rgb: np.ndarray, rgba: np.ndarray) -> dict[str, bytes]:
    files = {f"rgb{suffix}": make.encode(suffix, rgb) for suffix in (".png", ".jpg", ".webp", ".bmp", ".ppm", ".jp2")}
    files |= {f"counts{suffix}": make.encode(suffix, counts) for suffix in (".png", ".pgm", ".jp2", ".tif")}
    return files | {f"rgba{suffix}": cv2.imencode(suffix, rgba)[1].tobytes() for suffix in (".png", ".webp")}


def _pillow(rgb: np.ndarray) -> dict[str, bytes]:
    image, exif, files = Image.fromarray(rgb), Image.Exif(), {}
    exif[0x0112], exif[0x010F], exif[0x0110] = 6, "Maker", "Model"
    for name, mode, form, options in (
        ("palette.png", "P", "PNG", {"transparency": 3}),
        ("bilevel.png", "1", "PNG", {}),
        ("cmyk.jpg", "CMYK", "JPEG", {}),
        ("turned.jpg", "RGB", "JPEG", {"exif": exif}),
        ("progressive.jpg", "RGB", "JPEG", {"progressive": True}),
        ("animated.webp", "RGB", "WEBP", {"save_all": True, "append_images": [image.convert("L").convert("RGB")]}),
        ("bilevel.pbm", "1", "PPM", {}),
        ("lzw.tif", "L", "TIFF", {"compression": "tiff_lzw"}),
        ("g4.tif", "1", "TIFF", {"compression": "group4"}),
        ("palette.tif", "P", "TIFF", {}),
    ):
        stream = io.BytesIO()
        image.convert(mode).save(stream, form, **options)
        files[name] = stream.getvalue()
    return files


def _tiffs(counts: np.ndarray, rgb: np.ndarray, rgba: np.ndarray) -> dict[str, bytes]:
    def tiff(array: np.ndarray, **options: object) -> bytes:
        stream = io.BytesIO()
        tifffile.imwrite(stream, array, **options)
        return stream.getvalue()

    y = np.mgrid[:36, :40][0]
    return {
        "big.tif": tiff(counts, bigtiff=True, byteorder=">"),
        "tiled.tif": tiff(counts, tile=(16, 16), compression="zlib", predictor=True),
        "float.tif": tiff(counts.astype(np.float32) / 100),
        "half.tif": tiff((counts / 8000).astype(np.float16)),
        "pages.tif": tiff(np.stack([counts, counts + 1, counts + 2]), photometric="minisblack"),
        "planar.tif": tiff(np.moveaxis(rgb, -1, 0), photometric="rgb", planarconfig="separate"),
        "alpha.tif": tiff(rgba, photometric="rgb", extrasamples=["unassalpha"]),
        "lab.tif": tiff(rgb, photometric="cielab"),
        "lab16.tif": tiff(rgb.astype(np.uint16) * 200, photometric="icclab", compression="zlib"),
        "inverted.tif": tiff(counts, photometric="miniswhite"),
        "map.tif": tiff(np.where(y < 9, -9999.0, counts / 100.0), extratags=[(42113, "s", 0, "-9999", True)]),
    }


def _arrays(counts: np.ndarray, rgb: np.ndarray) -> dict[str, bytes]:
    files = {
        "text.pgm": b"P2\n40 36\n65535\n" + " ".join(map(str, counts.ravel())).encode(),
        "deep.ppm": b"P6\n40 36\n1023\n" + (rgb.astype(np.uint16) * 4).astype(">u2").tobytes(),
    }
    for name, array in (
        ("counts.npy", counts),
        ("float.npy", counts / 100.0),
        ("rgb.npy", rgb),
        ("bool.npy", counts > 7500),
    ):
        stream = io.BytesIO()
        np.save(stream, array)
        files[name] = stream.getvalue()
    return files


def _fused(rgb: np.ndarray) -> dict[str, bytes]:
    """Pictures as dfuse writes them: with EXIF, a colour profile, and where they come from."""
    exif, source = Image.Exif(), io.BytesIO()
    exif[0x010F], exif[0x0110], exif[0x013B] = "Maker", "Model", "Ä. Photographer"
    exif.get_ifd(0x8769).update({0x9003: "2026:11:24 12:00:00", 0x829A: 0.004, 0x9204: -0.5, 0x9286: b"ASCII\0\0\0a"})
    exif.get_ifd(0x8825).update({1: "N", 2: (49.0, 0.0, 36.5), 3: "E", 4: (8.0, 25.0, 12.0), 6: 112.5})
    Image.fromarray(rgb).save(source, "JPEG", exif=exif, icc_profile=srgb())
    metadata = OutputMetadata(read_source(source.getvalue()), PROVENANCE)
    files = {f"fused.{name}": encoder(rgb, metadata) for name, encoder in _ENCODERS.items()}
    return files | {"fused16.tif": encode.tiff(rgb.astype(np.uint16) * 200, metadata), "camera.jpg": source.getvalue()}


def _both(counts: np.ndarray, rgb: np.ndarray) -> dict[str, bytes]:
    """Files that hold both pictures."""
    files = {}
    rgbt = np.dstack([rgb, (counts % 199).astype(np.uint8)])
    for name, array in (("rgbt.npy", rgbt), ("bands.npy", np.dstack([rgbt, rgb[..., :2]]))):
        stream = io.BytesIO()
        np.save(stream, array)
        files[name] = stream.getvalue()
    for name, array, options in (
        ("rgbt.tif", rgbt, {"photometric": "rgb", "extrasamples": ["unspecified"]}),
        ("bands.tif", np.moveaxis(np.dstack([rgbt, rgb]), -1, 0), {"planarconfig": "separate"}),
        ("two.tif", np.stack([counts, counts + 9]), {}),
    ):
        stream = io.BytesIO()
        tifffile.imwrite(stream, array, **{"photometric": "minisblack", **options})
        files[name] = stream.getvalue()
    return files | {"rgbt.png": cv2.imencode(".png", rgbt)[1].tobytes()}


def _measured(counts: np.ndarray, rgb: np.ndarray) -> dict[str, bytes]:
    """Counts and temperatures in files that are no pictures."""
    celsius = counts / 100 - 60
    comma = "\n".join(";".join(f"{value:.1f}".replace(".", ",") for value in row) for row in celsius)
    point = "\n".join(",".join(f"{value:.2f}" for value in row) for row in celsius)
    records = {0x01: make.raw_record(counts, "plain"), 0x20: make.camera_record()}
    head = bytearray(128)
    struct.pack_into("<2sHIHH", head, 0, b"\xca\xac", 128, 36 * 40, 36, 40)
    head[126:] = b"\xac\xca"
    irg = bytes(head) + bytes(36 * 40) + counts.astype("<u2").tobytes() + make.encode(".jpg", rgb)
    ls = struct.pack("<HHH", 2, 40, 36).ljust(0x20, b"\0") + _jpegls(counts)
    return {
        "comma.csv.table": f"Einheit;°C\n{comma}\n".encode("latin-1"),
        "point.csv.table": f"Frame 1\n{point}\nFrame 2\n{point}\n".encode(),
        "wide.csv.table": ("Units\tK\n" + point.replace(",", "\t")).encode("utf-16"),
        "one.fff": make.fff({**records, 0x0E: make.visible_record(make.encode(".png", rgb))}),
        "three.seq": make.fff(records) * 3,
        "ls.csq": make.fff({0x01: ls, 0x20: make.camera_record()}) * 2,
        "a.irg": irg,
        "a.raw": counts.astype("<u2").tobytes(),
    }


def _jpegls(counts: np.ndarray) -> bytes:
    """Counts as JPEG-LS; only its first bytes where the extra is not there."""
    try:
        import pillow_jpls  # noqa: F401
    except ImportError:
        return b"\xff\xd8\xff\xf7\x00\x0b\x10\x00\x24\x00\x28\x01" + bytes(40)
    stream = io.BytesIO()
    Image.fromarray(counts).save(stream, "JPEG-LS")
    return stream.getvalue()


def _radiometric(counts: np.ndarray, rgb: np.ndarray) -> dict[str, bytes]:
    jpeg, files = make.encode(".jpg", rgb), {}
    colours = np.stack([np.arange(200), np.arange(200) // 2, 255 - np.arange(200)], -1).astype(np.uint8)
    for name, kind, suffix in (("png", "PNG swapped", ".jpg"), ("plain", "plain", ".png"), ("ls", "JPEG-LS", ".jpg")):
        records = {
            0x01: make.raw_record(counts, kind),
            0x0E: make.visible_record(make.encode(suffix, rgb)),
            0x20: make.camera_record(),
            0x22: make.palette_record(colours),
            0x2A: make.alignment_record(1.3, 2, -1),
            0x2B: make.gps_record(49.0, 8.4),
        }
        files[f"flir-{name}.jpg"] = make.r_jpeg(jpeg, records, piece=1500)
    return files | {"dji.jpg": make.dji_jpeg(jpeg, counts, piece=600)}
