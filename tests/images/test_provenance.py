"""Where a fused picture comes from: written, read back, and not believed when the file is odd."""

import io
import json
import os
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from diffuse_fuse.images import OutputMetadata, Provenance, Source, read_provenance, write_image, xmp
from diffuse_fuse.images.provenance import from_packet, to_packet
from diffuse_fuse.images.write import SUFFIXES, holds_metadata

from . import made

PROVENANCE = made.PROVENANCE
CARRYING = [suffix for suffix in SUFFIXES if holds_metadata("a" + suffix)]


def fused(path, image, provenance=PROVENANCE):
    write_image(path, image, OutputMetadata(None, provenance))
    return path


@pytest.mark.parametrize("suffix", CARRYING)
def test_it_is_read_back_from_every_format_that_carries_it(tmp_path, scene, suffix):
    found = read_provenance(fused(tmp_path / f"a{suffix}", scene[1]))
    assert found.as_dict() == json.loads(json.dumps(PROVENANCE.as_dict()))
    assert found.digest() == PROVENANCE.digest()
    if suffix in (".png", ".tif"):
        assert read_provenance(fused(tmp_path / f"a{suffix}", scene[1].astype(np.uint16) * 250)) == found


def test_bmp_carries_none(tmp_path, scene):
    assert [suffix for suffix in SUFFIXES if suffix not in CARRYING] == [".bmp"]
    assert read_provenance(fused(tmp_path / "a.bmp", scene[1])) is None


def test_other_programs_see_what_it_is(tmp_path, scene):
    text = Image.open(fused(tmp_path / "a.png", scene[1])).text
    assert text["Software"] == "dfuse 1.2.3" and text["Description"] == "Fused from infrared and visible"
    for suffix in CARRYING:
        packet = Image.open(fused(tmp_path / f"a{suffix}", scene[1])).info["xmp"].decode()
        assert 'xmp:CreatorTool="dfuse 1.2.3"' in packet and ">Fused from infrared and visible<" in packet


def test_the_packet_is_sound_xml():
    from xml.dom.minidom import parseString

    document = parseString(to_packet(PROVENANCE))
    (description,) = document.getElementsByTagName("rdf:Description")
    assert json.loads(description.getAttribute("dfuse:provenance")) == json.loads(json.dumps(PROVENANCE.as_dict()))


@pytest.mark.parametrize(
    "changed, same",
    [
        ({"model": "other"}, True),
        ({"sources": {side: replace(source, name="x") for side, source in PROVENANCE.sources.items()}}, True),
        ({"options": dict(reversed(PROVENANCE.options.items()))}, True),
        ({"version": "1.2.4"}, False),
        ({"weights": "00" * 32}, False),
        ({"options": {**PROVENANCE.options, "depth": 8}}, False),
        ({"sources": {**PROVENANCE.sources, "ir": PROVENANCE.sources["vis"]}}, False),
        ({"sources": dict(zip(("ir", "vis"), reversed(PROVENANCE.sources.values()), strict=True))}, False),
    ],
)
def test_the_digest_is_of_what_decides_about_the_pixels(changed, same):
    assert (replace(PROVENANCE, **changed).digest() == PROVENANCE.digest()) == same


def test_the_digest_does_not_change_between_releases():
    """Else every picture would be fused anew for nothing."""
    known = Provenance("1", "m", "0" * 64, {"a": 1}, {"ir": Source("i", "1" * 64), "vis": Source("v", "2" * 64)})
    assert known.digest() == "6278bc665e6313cc46668580bf11b6388c07a024b3a4ca6b2210cad2ff804dec"


@pytest.mark.parametrize("options", [{"a": float("nan")}, {"a": object()}, {"a": "x" * 70_000}])
def test_options_that_cannot_be_noted(tmp_path, scene, options):
    with pytest.raises((ValueError, TypeError)):
        to_packet(replace(PROVENANCE, options=options))


@pytest.mark.parametrize("suffix", CARRYING)
def test_a_file_cut_off_anywhere_has_none_or_the_right_one(tmp_path, scene, suffix):
    whole = fused(tmp_path / f"a{suffix}", scene[1])
    data, right = whole.read_bytes(), read_provenance(whole)
    for length in range(0, len(data), max(1, len(data) // 60)):
        whole.write_bytes(data[:length])
        assert read_provenance(whole) in (None, right)


def _note(**changed) -> dict:
    return {**PROVENANCE.as_dict(), **changed}


@pytest.mark.parametrize(
    "note",
    [
        "no JSON",
        "[]",
        "null",
        "[" * 60_000,
        json.dumps(_note(weights="xyz")),
        json.dumps(_note(weights="AB" * 32)),
        json.dumps(_note(weights=7)),
        json.dumps(_note(version=None)),
        json.dumps(_note(options=[1])),
        json.dumps(_note(options={"a": float("nan")})),
        json.dumps(_note(more=1)),
        json.dumps(_note(sources={})),
        json.dumps(_note(sources={"ir": {"name": "a", "sha256": "0" * 64}})),
        json.dumps(_note(sources={side: {"name": "a", "sha256": "0" * 63} for side in ("ir", "vis")})),
        json.dumps(_note(sources={side: {"name": 1, "sha256": "0" * 64} for side in ("ir", "vis")})),
        json.dumps(_note(sources={side: ["a", "0" * 64] for side in ("ir", "vis")})),
        json.dumps({key: value for key, value in _note().items() if key != "model"}),
        '{"version": ' + "9" * 5000 + "}",
    ],
)
def test_a_wrong_note_is_none(note):
    assert from_packet(xmp.packet("dfuse 1", "a", note)) is None


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\xff\xfe\x00",
        b"<x:xmpmeta/>",
        b' dfuse:provenance="',
        b' dfuse:provenance=""',
        b' dfuse:provenance="\xff\xfe"',
        b' dfuse:provenance="' + b"x" * 10_000_000,
        b'<!DOCTYPE a [<!ENTITY b "c">]><a dfuse:provenance="&b;"/>',
    ],
)
def test_a_wrong_packet_is_none(packet):
    assert from_packet(packet) is None


def _png(*chunks: tuple[bytes, bytes], length: int | None = None) -> bytes:
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0)), *chunks, (b"IEND", b"")):
        size = len(content) if length is None or kind == b"IHDR" else length
        data += struct.pack(">I", size) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return data


def _jpeg(payload: bytes, length: int) -> bytes:
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", length) + payload + b"\xff\xd9"


def _tiff(count: int, offset: int) -> bytes:
    return struct.pack("<2sHIHHHII", b"II", 42, 8, 1, 700, 1, count, offset)


XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a text",
        _png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0broken")),
        _png((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(200_000_000), 9))),  # a bomb
        _png((b"iTXt", b"XML:com.adobe.xmp"), length=0xFFFFFFF0),
        _png((b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000), 9))),
        _jpeg(XMP_NAME + b"x", 65_535),
        _jpeg(XMP_NAME, 0),
        _tiff(0xFFFFFFFF, 8),
        _tiff(1000, 0xFFFFFFF0),
        _tiff(1000, 8),
        struct.pack("<2sHI", b"II", 42, 0),
        b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\x04\0\0\0\xff\xff\xff\xff\xff\xff" + b"XMP \xff\xff\xff\xff",
        b"RIFF\0\0\0\0WEBP",
    ],
    ids=lambda data: repr(data[:4]) + str(len(data)),
)
def test_a_hostile_file_has_none_and_costs_little(tmp_path, data):
    import tracemalloc

    path = tmp_path / "a"
    path.write_bytes(data)
    tracemalloc.start()
    assert read_provenance(path) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80_000_000


def test_what_is_no_file_has_none(tmp_path):
    assert read_provenance(tmp_path / "missing.png") is None
    assert read_provenance(tmp_path) is None
    assert read_provenance("a\0b.png") is None
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        assert read_provenance(tmp_path / "pipe.png") is None


def test_pictures_of_others_have_none(tmp_path, scene):
    for form in ("PNG", "JPEG", "WEBP", "TIFF"):
        (tmp_path / form).write_bytes(made.camera_file(scene[1], form))
        assert read_provenance(tmp_path / form) is None
    other = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'
    stream = io.BytesIO()
    Image.fromarray(scene[1]).save(stream, "JPEG", xmp=other)
    (tmp_path / "other.jpg").write_bytes(stream.getvalue())
    assert read_provenance(tmp_path / "other.jpg") is None


def test_pixels_are_not_decoded(tmp_path):
    """A picture of 30 million pixels is looked at within the time that decoding one hundredth of it takes."""
    import time

    path = fused(tmp_path / "a.png", np.zeros((5000, 6000), np.uint8))
    start = time.process_time()
    for _ in range(10):
        assert read_provenance(path) is not None
    assert (time.process_time() - start) / 10 < 0.05


def test_several_threads_read_at_once(tmp_path, scene):
    import warnings
    from concurrent.futures import ThreadPoolExecutor

    paths = [fused(tmp_path / f"{n}{suffix}", scene[1]) for n in range(5) for suffix in CARRYING]
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read_provenance, paths * 4))
    assert all(one == found[0] for one in found) and found[0] is not None
    assert warnings.filters == before
