"""Temperatures and counts in files that are no pictures: tables, .irg, .fff, .seq, headerless numbers."""

import struct

import cv2
import numpy as np
import pytest

from diffuse_fuse.errors import ImageReadError, UsageError
from diffuse_fuse.images import jpegls
from diffuse_fuse.images.decode import read_bytes
from diffuse_fuse.images.describe import describe
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.options import LoadOptions, RawLayout
from diffuse_fuse.images.pairs import find_pictures
from diffuse_fuse.images.thermal import read_as, read_thermal

from . import flir_file as make


@pytest.fixture
def celsius():
    """30×40, in °C, two decimals."""
    y, x = np.mgrid[:30, :40]
    return np.round(12 + 0.3 * x + 9 * ((x - 20) ** 2 + (y - 12) ** 2 < 40) - 0.1 * y, 2)


def rows(values, cell="{:.2f}", between=",", end="\n", index=False):
    lines = [between.join(cell.format(value) for value in row) for row in values]
    if index:
        lines = [f"{number}{between}{line}" for number, line in enumerate(lines, 1)]
    return end.join(lines) + end


def tables(celsius):
    """Name → bytes, as programs of makers write them."""
    fahrenheit, kelvin, wide = celsius * 1.8 + 32, celsius + 273.15, celsius.shape[1]
    count = ",".join(map(str, range(1, wide + 1)))
    comma = rows(celsius, between=";").replace(".", ",")
    flir = "File:,C:\\a.jpg\r\nParameters:\r\nEmissivity:,0.95\r\nRefl. temp.:,20 °C\r\n\r\n"
    return {
        "plain": rows(celsius),
        "flir": flir + rows(celsius, end="\r\n"),
        "flir fahrenheit": "Units: °F\n" + rows(fahrenheit),
        "flir leading": rows(celsius).replace("\n", "\n,", 29).join((",", "")),
        "optris": comma,
        "optris ended": comma.replace("\n", ";\n"),
        "testo": "﻿Messdatum;20.11.2026\r\nEmissionsgrad;0,95\r\nEinheit;[°C]\r\n\r\n" + comma,
        "testo utf-16": ("Einheit\t°C\r\n" + rows(celsius, between="\t").replace(".", ",")).encode("utf-16"),
        "hikmicro": "Emissivity,0.96\nTemperature Unit,°C\n\n," + count + "\n" + rows(celsius, index=True),
        "hikmicro counted": count + "\n" + rows(celsius),
        "hikmicro quoted": rows(celsius, '"{:.2f}"', between=";").replace(";", "|").replace(".", ",").replace("|", ","),
        "researchir": "Frame,1\nTime,12:00:01\nUnits,Temperature (K)\nWidth,40\nHeight,30\n\n" + rows(kelvin),
        "researchir tabs": "[Temperature (K)]\n" + rows(kelvin, between="\t"),
        "kelvin unsaid": rows(kelvin, between=" "),
        "suffixed": rows(celsius, "{:.2f}°C", between=";"),
        "suffixed fahrenheit": rows(fahrenheit, "{:.2f} °F", between="\t"),
        "latin": ("Temperatur °C\n" + comma).encode("latin-1"),
    }


NAMES = sorted(tables(np.zeros((30, 40))))


@pytest.mark.parametrize("name", NAMES)
def test_tables_of_temperatures(tmp_path, celsius, name):
    text = tables(celsius)[name]
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    thermal = read_thermal(read_bytes(path), path)
    assert thermal.unit == "°C" and thermal.values.shape == celsius.shape
    assert np.abs(thermal.values - celsius).max() < 0.02
    facts = describe(path)
    assert facts.thermal["unit"] == "°C" and facts.format == "temperature table" and "°C" in facts.as_infrared
    assert find_pictures(tmp_path) == [path]


def test_a_table_stands_for_a_picture_only_where_there_is_none(tmp_path, celsius):
    (tmp_path / "a.csv").write_text(rows(celsius))
    (tmp_path / "metrics.csv").write_text("name,EN,SD,SF,AG,MI,VIF,SCD,Qabf,SSIM\na.png,1,2,3,4,5,6,7,8,9\n" * 9)
    (tmp_path / "ir.bin").write_bytes(bytes(9))
    assert [path.name for path in find_pictures(tmp_path)] == ["a.csv", "ir.bin"]
    cv2.imwrite(str(tmp_path / "a.jpg"), celsius.astype(np.uint8))
    assert [path.name for path in find_pictures(tmp_path)] == ["a.jpg", "ir.bin"]


def test_holes_and_pages_of_tables(tmp_path, celsius):
    text = rows(celsius).splitlines()
    text[10] = ",".join(["nan" if 9 < i < 20 else cell for i, cell in enumerate(text[10].split(","))])
    path = tmp_path / "a.csv"
    path.write_text("\n".join(text) + "\n\nFrame 2\n" + rows(celsius + 50))
    thermal = read_as(read_bytes(path), path, LoadOptions())
    assert thermal.holes.sum() == 10 and "2 pictures" in thermal.warnings[0]
    second = read_as(read_bytes(path), path, LoadOptions(page=2))
    assert np.abs(second.values - celsius - 50).max() < 0.02
    with pytest.raises(ImageReadError, match="2 pages: there is no page 3"):
        read_as(read_bytes(path), path, LoadOptions(page=3))


@pytest.mark.parametrize("text", ["a;b;c\n", "1,2,3\n" * 40, "x" * 9000, '{"a": [1, 2]}', "1,2,3,4,5,6,7,8,9\n" * 4])
def test_what_is_no_table(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ImageReadError, match="no table of temperatures"):
        describe(tmp_path / "a.csv")


def test_the_unit_asked_for_goes_before_the_one_of_the_table(tmp_path, celsius):
    (tmp_path / "a.csv").write_text(rows(celsius * 1.8 + 32))
    thermal = read_as(read_bytes(tmp_path / "a.csv"), "a.csv", LoadOptions(thermal_unit="F"))
    assert np.abs(thermal.values - celsius).max() < 0.02


def irg(celsius, start=b"\xca\xac", flag=0, coarse=True, photo=b""):
    """An InfiRay file, with sixteenths of a kelvin where it begins as the C200's do and its flag is not 1."""
    height, width = celsius.shape
    head = bytearray(128)
    struct.pack_into("<2sHIHHH", head, 0, start, 128, width * height if coarse else 0, height, width, flag)
    head[126:] = b"\xac\xca"
    steps = 16 if start == b"\xca\xac" and flag != 1 else 10
    counts = np.rint((celsius + 273.15) * steps).astype("<u2")
    return bytes(head) + bytes(width * height) + counts.tobytes() + photo


@pytest.mark.parametrize(
    ("start", "flag", "coarse"),
    [(b"\xca\xac", 0, True), (b"\xca\xac", 1, True), (b"\xba\xab", 0, True), (b"\xb0\x0b", 0, False)],
)
def test_irg(tmp_path, celsius, start, flag, coarse):
    path = tmp_path / "a.irg"
    path.write_bytes(irg(celsius, start, flag, coarse))
    thermal = read_thermal(read_bytes(path), path)
    assert thermal.unit == "°C" and np.abs(thermal.values - celsius).max() <= 0.06
    assert describe(path).format == "InfiRay IRG" and find_pictures(tmp_path) == [path]


def test_irg_with_a_photograph(tmp_path, celsius):
    y, x = np.mgrid[:60, :80]
    photo = np.stack([x * 3, y * 4, 250 - x], -1).astype(np.uint8)
    path = tmp_path / "a.irg"
    path.write_bytes(irg(celsius, photo=make.encode(".jpg", photo)))
    pair = load_pair(path, path, LoadOptions(thermal_range=(5, 40)))
    assert pair.ir.shape == pair.vis.shape[:2] == (60, 80) and np.abs(pair.vis.astype(int) - photo).mean() < 4
    for cut in (100, 140, 2000):
        path.write_bytes(irg(celsius)[:cut])
        with pytest.raises(ImageReadError):
            read_thermal(read_bytes(path), path)


def frame(celsius, kind="plain"):
    return make.fff({0x01: make.raw_record(make.counts_of(celsius), kind), 0x20: make.camera_record()})


@pytest.mark.parametrize("kind", ["plain", "PNG", "PNG swapped"])
def test_frames_of_flir_sequences(tmp_path, celsius, kind):
    path = tmp_path / "a.seq"
    path.write_bytes(b"".join(frame(celsius + 5 * number, kind) for number in range(3)))
    assert describe(path).pages == 3 and find_pictures(tmp_path) == [path]
    for page in (1, 2, 3):
        thermal = read_as(read_bytes(path), path, LoadOptions(page=page))
        assert thermal.unit == "°C" and np.abs(thermal.values - celsius - 5 * (page - 1)).max() < 0.1
    assert "holds 3 frames" in read_as(read_bytes(path), path, LoadOptions()).warnings[0]
    with pytest.raises(ImageReadError, match="3 pages: there is no page 4"):
        read_as(read_bytes(path), path, LoadOptions(page=4))


def test_a_bare_fff_file_with_its_photograph(tmp_path, celsius):
    photo = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    records = {0x01: make.raw_record(make.counts_of(celsius)), 0x20: make.camera_record()}
    path = tmp_path / "a.fff"
    path.write_bytes(make.fff({**records, 0x0E: make.visible_record(make.encode(".png", photo))}))
    pair = load_pair(path, path)
    assert pair.ir.shape == pair.vis.shape[:2] and np.array_equal(pair.vis, photo)
    path.write_bytes(make.fff(records))
    with pytest.raises(ImageReadError, match="holds no visible picture"):
        load_pair(path, path)


def jpegls_record(counts):
    """A record of counts in JPEG-LS."""
    pytest.importorskip("pillow_jpls")
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(counts).save(file, "JPEG-LS")
    height, width = counts.shape
    return struct.pack("<HHH", 2, width, height).ljust(0x20, b"\0") + file.getvalue()


def test_jpeg_ls(tmp_path, celsius, monkeypatch):
    record = jpegls_record(make.counts_of(celsius))
    path = tmp_path / "a.csq"
    path.write_bytes(make.fff({0x01: record, 0x20: make.camera_record()}) * 2)
    assert np.abs(read_as(read_bytes(path), path, LoadOptions(page=2)).values - celsius).max() < 0.1
    path.write_bytes(make.fff({0x01: record[: len(record) // 2], 0x20: make.camera_record()}))
    with pytest.raises(ImageReadError, match="thermal data are damaged"):
        read_as(read_bytes(path), path, LoadOptions())
    path.write_bytes(make.fff({0x01: record, 0x20: make.camera_record()}))
    monkeypatch.setattr(jpegls, "available", lambda: False)
    with pytest.raises(ImageReadError, match=r"JPEG-LS: pip install 'diffuse-fuse\[jpegls\]' reads them, up to Python"):
        read_as(read_bytes(path), path, LoadOptions())


@pytest.mark.parametrize(
    ("kind", "dtype", "unit", "factor", "offset"),
    [
        ("uint16", "<u2", "cK", 100, 27315),
        ("uint16be", ">u2", "dK", 10, 2731.5),
        ("int16", "<i2", "dC", 10, 0),  # DJI's dji_irp -a measure
        ("float32", "<f4", "C", 1, 0),  # the same with --measurefmt float32
        ("float64", "<f8", "K", 1, 273.15),
    ],
)
def test_headerless_files(tmp_path, celsius, kind, dtype, unit, factor, offset):
    path = tmp_path / "a.raw"
    values = celsius * factor + offset
    path.write_bytes((np.rint(values) if "16" in kind else values).astype(dtype).tobytes() * 2)
    options = LoadOptions(raw=RawLayout(40, 30, kind), thermal_unit=unit, page=2)
    thermal = read_as(read_bytes(path), path, options)
    assert thermal.unit == "°C" and np.abs(thermal.values - celsius).max() < 0.06
    facts = describe(path, options)
    assert facts.thermal["unit"] == "°C" and facts.pages == 2
    cv2.imwrite(str(tmp_path / "vis.png"), np.full((60, 80, 3), 90, np.uint8))
    assert load_pair(path, tmp_path / "vis.png", options).ir.shape == (60, 80)


def test_headerless_files_that_do_not_fit(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(2400))
    with pytest.raises(ImageReadError, match="has no header: describe its 2400 bytes, for example with --raw-size"):
        describe(path)
    with pytest.raises(ImageReadError, match="2400 bytes, and 40×31 pixels of uint16 take 2480"):
        read_as(read_bytes(path), path, LoadOptions(raw=RawLayout(40, 31)))
    with pytest.raises(ImageReadError, match="no page 2"):
        read_as(read_bytes(path), path, LoadOptions(raw=RawLayout(40, 30), page=2))
    with pytest.raises(ImageReadError, match="more than"):
        read_as(read_bytes(path), path, LoadOptions(raw=RawLayout(1 << 40, 1 << 40)))
    for wrong in ((0, 3), (3, -1), (3, 3, "int7")):
        with pytest.raises(UsageError):
            RawLayout(*wrong)


@pytest.mark.parametrize(("unit", "counts"), [("cK", 29315), ("dK", 2932), ("cC", 2000), ("dC", 200), ("F", 68)])
def test_units_make_the_range_celsius(tmp_path, unit, counts):
    ir = np.full((30, 40), counts, np.uint16)
    ir[5:9, 5:9] += 10
    cv2.imwrite(str(tmp_path / "ir.tif"), ir)
    options = LoadOptions(thermal_unit=unit)
    thermal = read_as(read_bytes(tmp_path / "ir.tif"), tmp_path / "ir.tif", options)
    assert thermal.unit == "°C" and np.median(thermal.values) == pytest.approx(20, abs=0.1)


def test_a_unit_that_cannot_be_meant(tmp_path):
    cv2.imwrite(str(tmp_path / "ir.tif"), np.arange(29000, 30200, dtype=np.uint16).reshape(30, 40))
    thermal = read_as(read_bytes(tmp_path / "ir.tif"), "ir.tif", LoadOptions(thermal_unit="dK"))
    assert any("most of the infrared picture has 2687 °C" in text for text in thermal.warnings)
    cv2.imwrite(str(tmp_path / "8.png"), np.arange(1200).reshape(30, 40).astype(np.uint8))
    with pytest.raises(ImageReadError, match="8-bit grey levels, which have no unit"):
        read_as(read_bytes(tmp_path / "8.png"), "8.png", LoadOptions(thermal_unit="K"))
    with pytest.raises(UsageError, match="thermal unit"):
        LoadOptions(thermal_unit="mK")


def test_hostile_files_end_soon(tmp_path):
    """Many marks of frames that are none, and a table of more lines than pictures have."""
    for name, data, match in (
        ("a.seq", b"FFF\0" * 500_000, "damaged, or not a picture"),
        ("a.csv", b"1,2,3,4,5,6,7,8\n" * 200_000, "no table of temperatures"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ImageReadError, match=match):
            describe(tmp_path / name)
