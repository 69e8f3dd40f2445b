"""Damages that know where a format has its numbers and its pieces: what a decoder trusts is what is changed."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz.damage import NUMBERS, mend_checksums

_LONGEST = 300_000  # bytes that a file may grow to
_PNG, _TIFFS = b"\x89PNG\r\n\x1a\n", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NESTED_BOXES = (b"jp2h", b"res ", b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta")
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
# What TIFF's tags may well say: so that whole other pictures come about, and not only broken ones.
_SENSIBLE = {
    256: (1, 16, 40, 1000, 60000, 2**31), 257: (1, 16, 36, 1000, 60000, 2**31), 258: (1, 2, 4, 8, 12, 16, 32, 64),
    259: (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34712, 34887, 34925, 50000, 50001),
    262: (0, 1, 2, 3, 4, 5, 6, 8, 32803),
    266: (1, 2), 274: (0, 1, 3, 6, 8, 9), 277: (0, 1, 2, 3, 4, 5, 255), 278: (0, 1, 36, 2**32 - 1), 284: (1, 2),
    317: (1, 2, 3), 322: (0, 16, 64, 60000), 323: (0, 16, 64, 60000), 338: (0, 1, 2, 3), 339: (1, 2, 3, 4, 5, 6),
}  # fmt: skip


@dataclass
class Layout:
    """numbers: (place, bytes, byte order, values that make sense there). pieces: (start, end), of whatever kind."""

    numbers: list[tuple[int, int, str, tuple[int, ...]]] = field(default_factory=list)
    pieces: list[tuple[int, int]] = field(default_factory=list)

    def add(self, at: int, width: int, order: str = "big", sensible: tuple[int, ...] = ()) -> None:
        self.numbers.append((at, width, order, sensible))


def restructured(data: bytes, rng: random.Random) -> bytes:
    """One to three damages to numbers and pieces of a file; unchanged where its format has none that is known here."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        found = layout(bytes(changed))
        if found.numbers and (not found.pieces or rng.random() < 0.6):
            _change_number(changed, rng, found)
        elif found.pieces:
            rng.choice((_drop, _repeat, _swap, _shorten, _stuff))(changed, rng, found)
    if rng.random() < 0.9:
        mend_checksums(changed)
    return bytes(changed)


def layout(data: bytes) -> Layout:
    """The numbers and pieces of a file, those of what is inside it included."""
    found = Layout()
    for starts, read in _READERS:
        if any(data[at : at + len(magic)] == magic for at, magic in starts):
            with contextlib.suppress(IndexError):  # as far as it goes
                read(data, 0, len(data), found)
            break
    size = len(data)
    found.numbers = [number for number in found.numbers if number[0] + number[1] <= size]
    found.pieces = [(start, min(end, size)) for start, end in found.pieces if start < min(end, size)]
    return found


def _change_number(data: bytearray, rng: random.Random, found: Layout) -> None:
    at, width, order, sensible = rng.choice(found.numbers)
    old = int.from_bytes(data[at : at + width], order)
    other = rng.choice(found.numbers)
    choices = [rng.choice(NUMBERS), old + rng.choice((-1, 1, 8)), old * 2, old * 256, old // 2, at, len(data)]
    choices.append(int.from_bytes(data[other[0] : other[0] + other[1]], other[2]))
    value = rng.choice(sensible) if sensible and rng.random() < 0.7 else rng.choice(choices)
    data[at : at + width] = (value & (256**width - 1)).to_bytes(width, order)


def _drop(data: bytearray, rng: random.Random, found: Layout) -> None:
    start, end = rng.choice(found.pieces)
    del data[start:end]


def _repeat(data: bytearray, rng: random.Random, found: Layout) -> None:
    start, end = rng.choice(found.pieces)
    times = rng.choice((1, 2, 100, 10_000))
    data[end:end] = data[start:end] * min(times, max(0, _LONGEST - len(data)) // (end - start))


def _swap(data: bytearray, rng: random.Random, found: Layout) -> None:
    (a, b), (c, d) = sorted(rng.choice(found.pieces) for _ in range(2))
    if b <= c:
        data[a:d] = data[c:d] + data[b:c] + data[a:b]


def _shorten(data: bytearray, rng: random.Random, found: Layout) -> None:
    start, end = rng.choice(found.pieces)
    del data[rng.randrange(start, end) : end]


def _stuff(data: bytearray, rng: random.Random, found: Layout) -> None:
    _, end = rng.choice(found.pieces)
    length = rng.choice((1, 16, 4000, 70_000))
    data[end:end] = bytes(length) if rng.random() < 0.5 else rng.randbytes(length)


def _tiff(data: bytes, base: int, end: int, found: Layout) -> None:
    order = "little" if data[base : base + 1] == b"I" else "big"
    big = data[base + 2 : base + 4] in (b"+\0", b"\0+")
    word, count_width, entry = (8, 8, 20) if big else (4, 2, 12)

    def number(at: int, width: int) -> int:
        return int.from_bytes(data[base + at : base + at + width], order)

    at = 8 if big else 4
    found.add(base + at, word, order)
    waiting, seen = [number(at, word)], set()
    while waiting and len(seen) < 50:
        start = waiting.pop()
        if start in seen or not 8 <= start < end - base:
            continue
        seen.add(start)
        count = min(number(start, count_width), 200)
        found.add(base + start, count_width, order)
        first = start + count_width
        for place in range(first, first + count * entry, entry):
            waiting += _tiff_entry(number, base + place, place, word, order, found)
        link = first + count * entry
        found.add(base + link, word, order, (start, 8))  # a circle of pages
        found.pieces.append((base + start, base + link + word))
        waiting.append(number(link, word))


def _tiff_entry(
    number: Callable[[int, int], int], at: int, place: int, word: int, order: str, found: Layout
) -> list[int]:
    """The directories that an entry leads to."""
    tag, kind, items = number(place, 2), number(place + 2, 2), number(place + 4, word)
    value = place + 4 + word
    found.add(at, 2, order, tuple(_SENSIBLE))
    found.add(at + 2, 2, order, tuple(_SIZES))
    found.add(at + 4, word, order, (0, 1, 2, 4))
    width = min(_SIZES.get(kind, word), word)
    found.add(at + 4 + word, width, order, _SENSIBLE.get(tag, ()))
    found.pieces.append((at, at + 4 + 2 * word))
    if items * _SIZES.get(kind, 1) > word:
        shift, outside = at - place, number(value, word)
        found.pieces.append((shift + outside, shift + outside + min(items, 4096) * _SIZES.get(kind, 1)))
        for index in range(min(items, 4)):
            found.add(shift + outside + index * _SIZES.get(kind, 1), min(4, _SIZES.get(kind, 1)), order)
    return [number(value, word)] if tag in (0x8769, 0x8825, 0xA005, 330) else []


def _png(data: bytes, base: int, end: int, found: Layout) -> None:
    at = base + 8
    while at + 12 <= end:
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        found.add(at, 4)
        found.pieces.append((at, at + 12 + length))
        if kind == b"IHDR":
            for offset in (8, 12):
                found.add(at + offset, 4, "big", (1, 16, 36, 40, 2001, 60000))
            for offset, sensible in ((16, (1, 2, 4, 8, 16)), (17, (0, 2, 3, 4, 6)), (20, (0, 1))):
                found.add(at + offset, 1, "big", sensible)
        elif kind == b"eXIf":
            _tiff(data, at + 8, at + 8 + length, found)
        elif kind in (b"tRNS", b"PLTE", b"gAMA", b"cHRM", b"iCCP", b"acTL", b"fcTL"):
            found.numbers += [(place, 1, "big", ()) for place in range(at + 8, at + 8 + min(length, 16))]
        at += 12 + length


def _jpeg(data: bytes, base: int, end: int, found: Layout) -> None:
    at = base + 2
    while at + 4 <= end and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = at + 4
        found.add(at + 1, 1, "big", (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xDA, 0xDB, 0xDD, 0xE1, 0xE3, 0xF7, 0xD9))
        found.add(at + 2, 2)
        found.pieces.append((at, at + 2 + length))
        if marker in (0xC0, 0xC1, 0xC2):
            found.add(body, 1, "big", (8, 12, 16))
            for offset in (1, 3):
                found.add(body + offset, 2, "big", (0, 1, 16, 36, 40, 2001, 65500))
            found.numbers += [(place, 1, "big", (0x11, 0x22, 0x44, 1, 2, 3, 4)) for place in range(body + 5, body + 15)]
        elif data[body : body + 6] == b"Exif\0\0":
            _tiff(data, body + 6, at + 2 + length, found)
        elif data[body : body + 5] == b"FLIR\0":
            found.numbers += [(body + 6, 1, "big", (0, 1, 2)), (body + 7, 1, "big", (0, 1, 255))]
            if data[body + 8 : body + 11] == b"FFF":
                _fff(data, body + 8, at + 2 + length, found)
        elif data[body : body + 12] == b"ICC_PROFILE\0":
            _icc(data, body + 14, at + 2 + length, found)
        if marker == 0xDA:
            found.pieces.append((at + 2 + length, end))
            return
        at += 2 + length


def _fff(data: bytes, base: int, end: int, found: Layout) -> None:
    """FLIR's records; the body of one that a segment cuts in two is not looked into."""
    order = "big" if 100 <= int.from_bytes(data[base + 0x14 : base + 0x18], "big") < 200 else "little"
    for at in (0x14, 0x18, 0x1C):
        found.add(base + at, 4, order)
    start, count = (int.from_bytes(data[base + at : base + at + 4], order) for at in (0x18, 0x1C))
    for entry in range(base + start, base + start + 32 * min(count, 50), 32):
        found.add(entry, 2, order, (0, 1, 0x0E, 0x20, 0x22, 0x2A, 0x2B))
        found.add(entry + 12, 4, order)
        found.add(entry + 16, 4, order)
        found.pieces.append((entry, entry + 32))
        kind = int.from_bytes(data[entry : entry + 2], order)
        record = base + int.from_bytes(data[entry + 12 : entry + 16], order)
        if record >= end:
            continue
        places = {1: range(0, 6, 2), 0x22: range(0, 2, 2), 0x2A: range(0, 8, 2), 0x2B: range(0, 0x20, 4)}.get(kind, ())
        found.numbers += [(record + place, 2, "little", ()) for place in places]
        if kind == 0x20:  # floats: 0, -1, infinity, NaN, tiny, huge
            floats = (0, 0xBF800000, 0x7F800000, 0x7FC00000, 1, 0x7F7FFFFF)
            found.numbers += [(record + place, 4, "little", floats) for place in (*range(0x20, 0x84, 4), 0x308, 0x30C)]


def _icc(data: bytes, base: int, end: int, found: Layout) -> None:
    found.add(base, 4)
    found.add(base + 128, 4)
    for entry in range(base + 132, min(end, base + 132 + 12 * 30), 12):
        found.pieces.append((entry, entry + 12))
        found.add(entry + 4, 4)
        found.add(entry + 8, 4)


def _boxes(data: bytes, base: int, end: int, found: Layout) -> None:
    """JPEG 2000 and MP4: a length, a name, a body, which may be boxes again."""
    at = base
    while at + 8 <= end:
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        stop = end if length == 0 else at + length
        found.add(at, 4, "big", (0, 1, 7, 8))
        found.pieces.append((at, stop))
        if kind in _NESTED_BOXES:
            _boxes(data, at + 8, min(stop, end), found)
        elif kind == b"jp2c":
            _codestream(data, at + 8, stop, found)
        elif kind in (b"ihdr", b"colr", b"bpcc", b"pclr", b"cmap", b"cdef", b"tkhd", b"mvhd", b"mdhd", b"hdlr"):
            found.numbers += [(place, 1, "big", ()) for place in range(at + 8, min(stop, at + 110))]
        elif kind in (b"stsd", b"stts", b"stsc", b"stsz", b"stco", b"co64", b"ctts", b"stss", b"elst"):
            found.numbers += [(place, 4, "big", (0, 1, 2, 65535)) for place in range(at + 12, min(stop, at + 60), 4)]
        if length < 8:
            return
        at = stop


def _codestream(data: bytes, base: int, end: int, found: Layout) -> None:
    at = base + 2
    while at + 4 <= end and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        found.add(at + 2, 2)
        found.pieces.append((at, at + 2 + length))
        if marker == 0x51:  # SIZ
            for place in range(at + 6, at + 38, 4):
                found.add(place, 4, "big", (0, 1, 36, 40, 2001, 60000))
            found.add(at + 38, 2, "big", (0, 1, 2, 3, 4, 16384))
            found.numbers += [(place, 1, "big", ()) for place in range(at + 40, at + 2 + length)]
        else:
            found.numbers += [(place, 1, "big", ()) for place in range(at + 4, at + 2 + min(length, 20))]
        if marker in (0x90, 0x93):
            return
        at += 2 + length


def _riff(data: bytes, base: int, end: int, found: Layout) -> None:
    """WebP and AVI."""
    found.add(base + 4, 4, "little")
    at = base + 12
    while at + 8 <= end:
        length, kind = int.from_bytes(data[at + 4 : at + 8], "little"), data[at : at + 4]
        found.add(at + 4, 4, "little")
        found.pieces.append((at, at + 8 + length))
        first = {b"VP8X": 10, b"VP8 ": 10, b"VP8L": 5, b"ANIM": 6, b"ANMF": 24}.get(kind, 0)
        found.numbers += [(place, 1, "little", ()) for place in range(at + 8, at + 8 + first)]
        if kind == b"EXIF":
            _tiff(data, at + 8, at + 8 + length, found)
        at += 8 + length + length % 2


def _bmp(data: bytes, base: int, end: int, found: Layout) -> None:
    for at, width, sensible in (
        (2, 4, ()), (10, 4, ()), (14, 4, (12, 40, 52, 56, 108, 124)), (18, 4, (1, 40, 2001, 60000)),
        (22, 4, (1, 36, 2**32 - 36, 60000)), (26, 2, ()), (28, 2, (0, 1, 2, 4, 8, 16, 24, 32)),
        (30, 4, (0, 1, 2, 3, 4, 5)), (34, 4, ()), (46, 4, (0, 256, 2**31)),
    ):  # fmt: skip
        found.add(base + at, width, "little", sensible)


def _npy(data: bytes, base: int, end: int, found: Layout) -> None:
    found.numbers += [(base + 6, 1, "little", (1, 2, 3)), (base + 7, 1, "little", ()), (base + 8, 2, "little", ())]
    found.pieces.append((base + 10, base + 10 + int.from_bytes(data[base + 8 : base + 10], "little")))


def _tokens(data: bytes, base: int, end: int, found: Layout) -> None:
    """The words of a PNM header as pieces: ``text`` changes what they say."""
    at = base
    for word in data[base : base + 40].split()[:4]:
        at = data.index(word, at)
        found.pieces.append((at, at + len(word)))
        at += len(word)


def _irg(_data: bytes, _base: int, end: int, found: Layout) -> None:
    found.numbers += [(at, 2, "little", (0, 1, 16, 0xFFFF)) for at in (4, 6, 8, 10, 12)]
    found.pieces += [(0, 128), (128, end)]


_READERS: tuple[tuple[tuple[tuple[int, bytes], ...], Callable[[bytes, int, int, Layout], None]], ...] = (
    (((0, _PNG),), _png),
    (((0, b"\xff\xd8"),), _jpeg),
    (tuple((0, magic) for magic in _TIFFS), _tiff),
    (((4, b"jP  "), (4, b"ftyp")), _boxes),
    (((0, b"\xff\x4f\xff\x51"),), _codestream),
    (((0, b"RIFF"),), _riff),
    (((0, b"BM"),), _bmp),
    (((0, b"\x93NUMPY"),), _npy),
    (((0, b"FFF\0"),), _fff),
    (((0, b"\xca\xac"),), _irg),
    (tuple((0, b"P%d" % digit) for digit in range(1, 7)), _tokens),
)
