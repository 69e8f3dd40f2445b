"""Writes FLIR radiometric JPEGs as the cameras do, so that tests need no real ones."""

from __future__ import annotations

import struct

import cv2
import numpy as np

PLANCK = {"r1": 17837.5, "b": 1450.4, "f": 1.0, "o": -1143, "r2": 0.01233}


def counts_of(celsius: np.ndarray) -> np.ndarray:
    """The counts of a black body at these temperatures, as the camera of ``PLANCK`` would write them."""
    kelvin = np.asarray(celsius, np.float64) + 273.15
    signal = PLANCK["r1"] / (PLANCK["r2"] * (np.exp(PLANCK["b"] / kelvin) - PLANCK["f"])) - PLANCK["o"]
    return np.rint(signal).astype(np.uint16)


def encode(suffix: str, rgb: np.ndarray) -> bytes:
    bgr = rgb if rgb.ndim == 2 else np.ascontiguousarray(rgb[..., ::-1])
    return cv2.imencode(suffix, bgr)[1].tobytes()


def raw_record(counts: np.ndarray, kind: str = "PNG swapped") -> bytes:
    """kind: "PNG swapped", "PNG", "plain" or "JPEG-LS" (of which only the first bytes are real)."""
    height, width = counts.shape
    head = struct.pack("<HHH", 2, width, height).ljust(0x20, b"\0")
    if kind.startswith("PNG"):
        return head + encode(".png", counts.byteswap() if kind == "PNG swapped" else counts)
    return head + (counts.astype("<u2").tobytes() if kind == "plain" else b"\xff\xd8\xff\xf7" + bytes(40))


def camera_record(
    order: str = "<", model: bytes = b"FLIR T1", span: tuple[float, float] | None = None, **scene: float
) -> bytes:
    """Planck constants, a scene without air or reflections unless given (emissivity, distance, …), a model name.

    span: what the camera's screen showed, in °C.
    """
    values = {0x20: 1.0, 0x24: 0.0, 0x28: 293.15, 0x2C: 293.15, 0x30: 293.15, 0x34: 1.0, 0x3C: 0.5}
    values |= {0x70: 0.006569, 0x74: 0.01262, 0x78: -0.002276, 0x7C: -0.00667, 0x80: 1.9}
    names = {"emissivity": 0x20, "distance": 0x24, "reflected": 0x28, "atmosphere": 0x2C, "humidity": 0x3C}
    values |= {names[name]: value for name, value in scene.items()}
    values |= {0x58: PLANCK["r1"], 0x5C: PLANCK["b"], 0x60: PLANCK["f"], 0x30C: PLANCK["r2"]}
    record = bytearray(0x400)
    struct.pack_into(order + "H", record, 0, 2)
    for at, value in values.items():
        struct.pack_into(order + "f", record, at, value)
    struct.pack_into(order + "i", record, 0x308, PLANCK["o"])
    if span:
        low, high = (int(count) for count in counts_of(np.array(span)))
        struct.pack_into(order + "H", record, 0x338, (low + high) // 2)
        struct.pack_into(order + "H", record, 0x33C, high - low)
    record[0xD4 : 0xD4 + len(model)] = model
    return bytes(record)


def visible_record(picture: bytes) -> bytes:
    return struct.pack("<H", 3).ljust(0x20, b"\0") + picture


def palette_record(colours: np.ndarray, name: bytes = b"Mine") -> bytes:
    """colours: uint8 N×3 RGB."""
    stored = cv2.cvtColor(colours[None], cv2.COLOR_RGB2YCrCb)[0]
    return bytes([len(colours)]).ljust(0x50, b"\0") + name.ljust(0x20, b"\0") + stored.tobytes()


def alignment_record(scale: float, dx: int, dy: int) -> bytes:
    return struct.pack("<fhh", scale, dx, dy).ljust(96, b"\0")


def gps_record(latitude: float, longitude: float) -> bytes:
    head = struct.pack("<II", 1, 0) + (b"S\0" if latitude < 0 else b"N\0") + (b"W\0" if longitude < 0 else b"E\0")
    return (head.ljust(0x10, b"\0") + struct.pack("<dd", abs(latitude), abs(longitude))).ljust(184, b"\0")


def fff(records: dict[int, bytes], order: str = ">") -> bytes:
    """A directory of records; ``order`` is that of the directory, most cameras write it big-endian."""
    start = 0x40 + 32 * len(records)
    directory, bodies = b"", b""
    for kind, body in records.items():
        entry = struct.pack(order + "HHIIII", kind, 1, 100, 1, start + len(bodies), len(body))
        directory += entry.ljust(32, b"\0")
        bodies += body
    head = b"FFF\0".ljust(0x14, b"\0") + struct.pack(order + "III", 100, 0x40, len(records))
    return head.ljust(0x40, b"\0") + directory + bodies


def r_jpeg(jpeg: bytes, records: dict[int, bytes], order: str = ">", piece: int = 65000) -> bytes:
    """A JPEG with the records in APP1 segments of at most ``piece`` bytes."""
    data = fff(records, order)
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    segments = b""
    for number, part in enumerate(pieces):
        body = b"FLIR\0\1" + bytes([number, len(pieces) - 1]) + part
        segments += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return jpeg[:2] + segments + jpeg[2:]


def dji_jpeg(jpeg: bytes, counts: np.ndarray, piece: int = 65530) -> bytes:
    """A JPEG with raw counts in APP3 segments."""
    data = counts.astype("<u2").tobytes()
    segments = b"".join(
        b"\xff\xe3" + struct.pack(">H", len(part) + 2) + part
        for part in (data[at : at + piece] for at in range(0, len(data), piece))
    )
    return jpeg[:2] + segments + jpeg[2:]
