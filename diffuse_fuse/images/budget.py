"""What a picture takes to decode, and how much of that is allowed: one budget for all formats.

A header's claim of few pixels is not enough: channels, bytes a sample, and what a decoder allocates besides the picture
(coefficients, tiles, a copy in another order) count as well.
"""

from __future__ import annotations

from diffuse_fuse.images.header import Header
from diffuse_fuse.images.jpeg import MOST_PASSES

# Of the decoders' own arrays. It lets as many pixels of any usual kind through as are allowed: OpenCV holds a picture
# twice, 6 bytes a pixel of 8-bit colours and 12 of 16-bit ones, JPEG 2000's decoder 32-bit samples besides.
BYTES_A_PIXEL = 18
PASSES = 20  # over as many pixels as are allowed; a progressive JPEG has about ten scans
_FEW = 16


def room(max_pixels: int) -> int:
    """Bytes that decoding a picture may take where pictures of up to ``max_pixels`` are wanted."""
    return BYTES_A_PIXEL * max_pixels


def refusal(header: Header, max_pixels: int) -> str | None:
    """Why a picture is refused before it is decoded, as a clause, or None."""
    width, height, memory = header.width, header.height, header.memory
    if width * height > max_pixels:
        return (
            f"claims {width}×{height} pixels, and more than {max_pixels} are refused: "
            "if it is a real picture and memory allows, raise --max-pixels"
        )
    if memory > room(max_pixels):
        return (
            f"claims {width}×{height} pixels of a kind that takes {amount(memory)} to decode, and more than "
            f"{amount(room(max_pixels))} are refused: if it is a real picture and memory allows, "
            f"add --max-pixels {-(-memory // BYTES_A_PIXEL)}"
        )
    if header.passes * width * height > max(PASSES * max_pixels, _FEW * width * height):
        many = f"{header.passes}" if header.passes <= MOST_PASSES else f"more than {MOST_PASSES}"
        return f"has {many} scans, each over all of its {width}×{height} pixels: save it anew"
    return None


def amount(size: int) -> str:
    """A number of bytes for people."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}" if size < 1000 * bytes_ else f"{size // bytes_} {unit}"
    return f"{size} bytes"
