"""Files of a few kilobytes that stand for pictures of many megapixels: they must cost no more than their pixels."""

from __future__ import annotations

import io

import cv2
import numpy as np
import tifffile
from PIL import Image

SIDE = 4400  # pixels; 19.4 megapixels, just within what ``readers`` allows


def large_seeds() -> dict[str, bytes]:
    """Name → content. All are empty, so that they are small, and each is of a kind that some decoder takes much for."""
    grey, rgb = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE, 3), np.uint8)
    rgba = np.concatenate([rgb, grey[..., None]], -1)

    def tiff(array: np.ndarray, **options: object) -> bytes:
        stream = io.BytesIO()
        tifffile.imwrite(stream, array, **options)
        return stream.getvalue()

    def opencv(suffix: str, array: np.ndarray, *options: int) -> bytes:
        return cv2.imencode(suffix, array, options)[1].tobytes()

    def pillow(form: str, array: np.ndarray, **options: object) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(array).save(stream, form, **options)
        return stream.getvalue()

    alpha = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
    return {
        "large-alpha-deflate.tif": tiff(rgba, compression="zlib", **alpha),
        "large-alpha-lzma.tif": tiff(rgba, compression="lzma", **alpha),
        "large-alpha-packbits.tif": pillow("TIFF", rgba, compression="packbits"),
        "large-half-deflate.tif": tiff(grey.astype(np.float16), compression="zlib"),
        "large-tiled.tif": tiff(grey.astype(np.uint16), compression="zlib", tile=(256, 256)),
        "large-strips.tif": tiff(grey, compression="zlib", rowsperstrip=1),
        "large-alpha.png": opencv(".png", rgba),
        "large16.png": opencv(".png", rgb.astype(np.uint16)),
        "large.jpg": opencv(".jpg", rgb),
        "large-progressive.jpg": opencv(".jpg", rgb, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "large.jp2": opencv(".jp2", grey),
        "large-alpha.webp": opencv(".webp", rgba, cv2.IMWRITE_WEBP_QUALITY, 50),
        "large-lossless.webp": opencv(".webp", rgb, cv2.IMWRITE_WEBP_QUALITY, 101),
        "many-pages.tif": _many_pages(20_000),
        "claim.npy": _claim((10**12, 36, 40)),
        "claim-wide.npy": _claim((10**6, 10**6)),
    }


def _many_pages(count: int) -> bytes:
    """One strip, shown by so many directories, each leading to the next."""
    entries = ((256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
               (277, 3, 1, 1), (278, 3, 1, 4), (279, 4, 1, 16))  # fmt: skip
    body = len(entries).to_bytes(2, "little")
    for tag, kind, items, value in entries:
        body += tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + items.to_bytes(4, "little")
        body += value.to_bytes(4, "little")
    first, step = 8 + 16, len(body) + 4
    links = [first + step * (number + 1) for number in range(count - 1)] + [0]
    pages = b"".join(body + link.to_bytes(4, "little") for link in links)
    return b"II*\0" + first.to_bytes(4, "little") + bytes(16) + pages


def _claim(shape: tuple[int, ...]) -> bytes:
    """An array that says it is much larger than its file."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<u2", "fortran_order": False, "shape": shape})
    return stream.getvalue() + bytes(4096)
