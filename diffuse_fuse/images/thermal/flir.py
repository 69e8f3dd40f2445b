"""FLIR's radiometric JPEG: APP1 segments "FLIR", joined, hold an FFF file: a directory of records.

The layout follows what ExifTool documents (its page "FLIR Tags"). Numbers are little- or big-endian record by record:
each begins with a small number that tells.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from diffuse_fuse.images import fff, jpeg, jpegls
from diffuse_fuse.images.decode import opencv_image
from diffuse_fuse.images.fff import PICTURE, RAW, FlirError, order
from diffuse_fuse.images.intact import damage
from diffuse_fuse.images.thermal.planck import Planck

_SEGMENT, _SEGMENT_HEAD = b"FLIR\0", 8
_VISIBLE, _CAMERA, _PALETTE, _ALIGNMENT, _GPS = 0x0E, 0x20, 0x22, 0x2A, 0x2B
_SAMPLE = 4_000_000  # pixels that are looked at for the order of bytes
_MIDDLE, _SPAN = 0x338, 0x33C  # of the camera's record: ExifTool's RawValueMedian and RawValueRange
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Alignment:
    """The infrared field of view in the visible picture: its size is 1/scale of it, its centre dx, dy pixels off."""

    scale: float
    dx: int
    dy: int


@dataclass(frozen=True)
class Flir:
    """The records of one file by their type, as bytes."""

    records: dict[int, bytes] = field(repr=False)

    @cached_property
    def raw_kind(self) -> str:
        """How the counts are stored: "PNG", "plain", "JPEG-LS" where its extra is installed, or "unknown"."""
        record = self.records.get(RAW, b"")
        payload = record[PICTURE:]
        if payload.startswith(_PNG):
            return "PNG"
        width, height = _size(record)
        if jpegls.size(payload) is not None:
            return "JPEG-LS" if jpegls.size(payload) == (width, height) and jpegls.available() else "unknown"
        return "plain" if width and height and len(payload) >= 2 * width * height else "unknown"

    def counts_size(self) -> tuple[int, int]:
        """(width, height) that the counts claim to have; 0 where they are missing."""
        record = self.records.get(RAW, b"")
        if self.raw_kind == "PNG" and len(record) >= PICTURE + 24:
            width, height = struct.unpack_from(">II", record, PICTURE + 16)
            return width, height
        return _size(record)

    def counts(self) -> np.ndarray:
        """The raw counts, uint16 H×W. Raises FlirError."""
        record = self.records.get(RAW)
        if not record:
            raise FlirError("it holds no raw thermal data")
        payload = record[PICTURE:]
        if self.raw_kind == "PNG":
            is_grey = payload[24:26] == b"\x10\0"  # 16 bits, one channel: anything else would take more than was seen
            image = opencv_image(payload, cv2.IMREAD_UNCHANGED) if is_grey and not damage(payload) else None
            if image is None or image.ndim != 2 or image.dtype != np.uint16:
                raise FlirError("its raw thermal data are damaged")
            return _smoother(image, image.byteswap())
        if self.raw_kind == "plain":
            width, height = _size(record)
            image = np.frombuffer(payload, order(record) + "u2", count=width * height).reshape(height, width)
            return _smoother(image.astype(np.uint16), image.astype(np.uint16).byteswap())
        if self.raw_kind == "JPEG-LS":
            try:
                return jpegls.decode(payload)
            except ValueError:
                raise FlirError("its raw thermal data are damaged") from None
        if jpegls.size(payload) is not None and not jpegls.available():
            raise FlirError(f"its raw thermal data are JPEG-LS: {jpegls.ADVICE}")
        raise FlirError("its raw thermal data are of a kind that dfuse cannot decode (such as JPEG-LS), or cut off")

    def visible_bytes(self) -> bytes | None:
        """The embedded visible picture as a JPEG or PNG file; None when there is none."""
        payload = self.records.get(_VISIBLE, b"")[PICTURE:]
        return payload if payload.startswith((jpeg.START, _PNG)) else None

    @cached_property
    def camera(self) -> str | None:
        return _string(self.records.get(_CAMERA, b""), 0xD4, 32)

    @cached_property
    def planck(self) -> Planck | None:
        """The constants for °C, or None when the file has none that can be used."""
        record = self.records.get(_CAMERA, b"")
        if len(record) < 0x310:
            return None
        byte_order = order(record)

        def number(at: int) -> float:
            return struct.unpack_from(byte_order + "f", record, at)[0]

        humidity = number(0x3C)
        planck = Planck(
            r1=number(0x58), b=number(0x5C), f=number(0x60), r2=number(0x30C),
            o=float(struct.unpack_from(byte_order + "i", record, 0x308)[0]),
            emissivity=number(0x20), distance=number(0x24), reflected=number(0x28), atmosphere=number(0x2C),
            window=number(0x30), window_transmission=number(0x34),
            humidity=humidity / 100 if humidity > 2 else humidity,  # some files say it in percent
            alpha=(number(0x70), number(0x74)), beta=(number(0x78), number(0x7C)), x=number(0x80),
        )  # fmt: skip
        return planck if planck.usable else None

    @cached_property
    def span(self) -> tuple[float, float] | None:
        """The raw counts between which the camera's screen went from black to white when it wrote the file.

        None where the file does not say, or says what no screen shows.
        """
        record = self.records.get(_CAMERA, b"")
        if len(record) < _SPAN + 2:
            return None
        middle, width = (struct.unpack_from(order(record) + "H", record, at)[0] for at in (_MIDDLE, _SPAN))
        low, high = middle - width / 2, middle + width / 2
        return (low, high) if middle and width and low >= 0 else None

    @cached_property
    def palette(self) -> np.ndarray | None:
        """The colours from cold to hot, uint8 N×3 RGB; stored as Y, Cr, Cb."""
        record = self.records.get(_PALETTE, b"")
        count = record[0] if record else 0
        if count < 2 or len(record) < 0x70 + 3 * count:
            return None
        colours = np.frombuffer(record, np.uint8, 3 * count, 0x70).reshape(1, count, 3)
        return cv2.cvtColor(colours, cv2.COLOR_YCrCb2RGB)[0]

    @cached_property
    def palette_name(self) -> str | None:
        return _string(self.records.get(_PALETTE, b""), 0x50, 32)

    @cached_property
    def alignment(self) -> Alignment | None:
        record = self.records.get(_ALIGNMENT, b"")
        if len(record) < 8:
            return None
        for byte_order in "<>":  # the record begins with the scale, a number between about 1 and 3
            scale, dx, dy = struct.unpack_from(byte_order + "fhh", record, 0)
            if 0.5 <= scale <= 10:
                return Alignment(scale, dx, dy)
        return None

    @cached_property
    def gps(self) -> tuple[float, float] | None:
        """(latitude, longitude) in degrees, north and east positive."""
        record = self.records.get(_GPS, b"")
        if len(record) < 0x20:
            return None
        byte_order = "<" if record[:4] == b"\1\0\0\0" else ">"
        if struct.unpack_from(byte_order + "I", record)[0] != 1:  # not valid
            return None
        latitude, longitude = struct.unpack_from(byte_order + "dd", record, 0x10)
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            return None
        south, west = record[8:9] == b"S", record[10:11] == b"W"
        return -latitude if south else latitude, -longitude if west else longitude


def read_flir(data: bytes, page: int = 1) -> Flir | None:
    """The FLIR records of a JPEG file, or None when it has no FLIR segments; those of frame ``page`` of an FFF file.

    Raises FlirError for damaged ones.
    """
    if data.startswith(fff.STARTS):
        frames = fff.frames(data)
        if not 1 <= page <= len(frames):
            raise FlirError("it holds no raw thermal data" if not frames else f"it holds {len(frames)} frames")
        return Flir(fff.records(data, frames[page - 1]))
    pieces: dict[int, bytes] = {}
    last = 0
    for marker, payload in jpeg.segments(data):
        if marker == jpeg.APP1 and len(payload) >= _SEGMENT_HEAD and bytes(payload[:5]) == _SEGMENT:
            pieces.setdefault(payload[6], bytes(payload[_SEGMENT_HEAD:]))
            last = max(last, payload[7])
    if not pieces:
        return None
    if any(number not in pieces for number in range(last + 1)):
        raise FlirError(f"its thermal data are incomplete ({len(pieces)} of {last + 1} parts)")
    return Flir(fff.records(b"".join(pieces[number] for number in range(last + 1))))


def _size(record: bytes) -> tuple[int, int]:
    if len(record) < PICTURE:
        return 0, 0
    width, height = struct.unpack_from(order(record) + "HH", record, 2)
    return width, height


def _string(record: bytes, at: int, length: int) -> str | None:
    text = record[at : at + length].split(b"\0", 1)[0].decode("ascii", "replace").strip()
    return text if text.isprintable() and len(text) > 1 else None  # some cameras write "*"


def _smoother(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of the two byte orders the one in which neighbours differ less: most PNG-coded counts have theirs swapped."""

    step = max(1, one.size // _SAMPLE)  # a sensor has fewer; a damaged file may claim a hundred times as many

    def roughness(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image[::step].astype(np.float64), axis=1)).sum())

    return other if roughness(other) < roughness(one) else one
