"""What a fused picture's file keeps of the visible source's, read back with Pillow and tifffile."""

import io
import random

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from diffuse_fuse.images import OutputMetadata, SourceMetadata, ifd, load_pair, write_image
from diffuse_fuse.images.container import read_blocks
from diffuse_fuse.images.exif import read_notes
from diffuse_fuse.images.metadata import exif_for, read_source
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.read import read_image

from . import flir_file, made

FORMATS = [("png", 8), ("png", 16), ("jpg", 8), ("webp", 8), ("tif", 8), ("tiff", 16)]
EXIF, GPS = 0x8769, 0x8825


def deep(array: np.ndarray, depth: int) -> np.ndarray:
    return array if depth == 8 else array.astype(np.uint16) * 256 + 77  # no multiple of 257


def written(path, image: np.ndarray, source: SourceMetadata) -> Image.Image:
    write_image(path, image, OutputMetadata(source))
    return Image.open(path)


@pytest.mark.parametrize("suffix, depth", FORMATS)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_the_same_with_and_without_metadata(tmp_path, scene, suffix, depth, channels):
    image = deep(scene[1] if channels == 3 else scene[0], depth)
    source = read_source(made.camera_file(scene[1]))
    write_image(tmp_path / f"plain.{suffix}", image)
    write_image(tmp_path / f"noted.{suffix}", image, OutputMetadata(source, made.PROVENANCE))
    plain, noted = (read_image(tmp_path / f"{name}.{suffix}") for name in ("plain", "noted"))
    assert noted.dtype == image.dtype and np.array_equal(plain, noted)
    if suffix in ("png", "tif", "tiff"):
        assert np.array_equal(noted, image)


@pytest.mark.parametrize("suffix, depth", FORMATS)
def test_camera_time_and_place_are_kept(tmp_path, scene, suffix, depth):
    path = tmp_path / f"a.{suffix}"
    write_image(path, deep(scene[1], depth), OutputMetadata(read_source(made.camera_file(scene[1])), made.PROVENANCE))
    if suffix.startswith("tif"):
        with tifffile.TiffFile(path) as file:
            tags = file.pages[0].tags
            main = {tag.code: tag.value for tag in tags}
            inner, place = tags[EXIF].value, tags[GPS].value
            inner, place = (inner["DateTimeOriginal"], inner["ExposureBiasValue"]), place["GPSLatitude"][4:]
        assert inner == (made.TIME, -0.5) and place == (73, 2)
    else:
        exif = Image.open(path).getexif()
        main, inner, place = dict(exif), exif.get_ifd(EXIF), exif.get_ifd(GPS)
        assert (inner[0x9003], inner[0x829A], inner[0x9204], inner[0x8827]) == (made.TIME, 0.004, -0.5, 400)
        assert (place[1], place[2], place[3], place[4]) == ("N", made.LATITUDE, "W", made.LONGITUDE)
        assert place[6] == 112.5 and inner[0x9000] == b"0232" and inner[0xA434] == "50 mm"
    assert (main[0x010F], main[0x0110], main[0x0132]) == ("Maker", "Maker X1", made.TIME)
    assert main[0x0131] == "dfuse 1.2.3" and main[0x010E] == "Fused from infrared and visible"
    notes = read_notes(path.read_bytes())
    assert (notes.camera, notes.time, notes.orientation) == ("Maker X1", made.TIME, 1)
    assert notes.gps == pytest.approx((49.0101389, -8.4200694), abs=1e-6)


@pytest.mark.parametrize("suffix, depth", FORMATS)
def test_the_place_can_be_left_out(tmp_path, scene, suffix, depth):
    for name, image in (("ir.png", scene[0]), ("vis.png", scene[1])):
        write_image(tmp_path / name, image)
    for form in ("JPEG", "TIFF", "PNG", "WEBP"):
        (tmp_path / "vis.bin").write_bytes(made.camera_file(scene[1], form))
        kept, hidden = (
            load_pair(tmp_path / "ir.png", tmp_path / "vis.bin", LoadOptions(gps=gps)).metadata for gps in (True, False)
        )
        assert hidden.icc == kept.icc
        path = tmp_path / f"a.{suffix}"
        write_image(path, deep(scene[1], depth), OutputMetadata(hidden, made.PROVENANCE))
        notes = read_notes(path.read_bytes())
        assert (notes.camera, notes.time, notes.gps) == ("Maker X1", made.TIME, None)
        data = path.read_bytes()
        directories = ifd.read(data if suffix.startswith("tif") else read_blocks(io.BytesIO(data)).exif)
        assert len(directories[1]) > 5 and len(directories[2]) == 0 and GPS not in directories[0]


@pytest.mark.parametrize("suffix, depth", FORMATS)
def test_values_keep_their_types_and_bytes(tmp_path, scene, suffix, depth):
    main, inner, place = ifd.new(), ifd.new(ifd.EXIF), ifd.new(ifd.GPS)
    ifd.put(main, 0x013B, ifd.ASCII, made.ARTIST)
    ifd.put(inner, 0x9000, ifd.UNDEFINED, b"0232")
    ifd.put(inner, 0x9286, ifd.UNDEFINED, b"UNICODE\0\0\1\0\2")
    ifd.put(inner, 0x8827, ifd.SHORT, 400)
    ifd.put(place, 0, ifd.BYTE, b"\2\3\0\0")
    stream = io.BytesIO()
    Image.fromarray(scene[1]).save(stream, "PNG", exif=ifd.tobytes(main, {ifd.EXIF: inner, ifd.GPS: place}))
    write_image(tmp_path / f"a.{suffix}", deep(scene[1], depth), OutputMetadata(read_source(stream.getvalue())))
    data = (tmp_path / f"a.{suffix}").read_bytes()
    read = ifd.read(data if suffix.startswith("tif") else read_blocks(io.BytesIO(data)).exif)
    found = {tag: (directory.tagtype[tag], directory[tag]) for directory in read for tag in directory}
    assert found[0x013B] == (ifd.ASCII, made.ARTIST.decode("latin-1"))  # which is how Pillow shows any bytes
    assert found[0x9000] == (ifd.UNDEFINED, b"0232")
    assert found[0x9286] == (ifd.UNDEFINED, b"UNICODE\0\0\1\0\2")
    assert found[0x8827] == (ifd.SHORT, 400) and found[0] == (ifd.BYTE, b"\2\3\0\0")


@pytest.mark.parametrize("suffix, depth", FORMATS)
def test_the_profile_is_kept_to_the_byte(tmp_path, scene, suffix, depth):
    path, source = tmp_path / f"a.{suffix}", read_source(made.camera_file(scene[1]))
    assert source.icc == made.srgb()
    write_image(path, deep(scene[1], depth), OutputMetadata(source))
    if suffix.startswith("tif"):
        with tifffile.TiffFile(path) as file:
            assert file.pages[0].tags[34675].value == made.srgb()
    else:
        assert Image.open(path).info["icc_profile"] == made.srgb()


def test_a_large_profile_goes_into_several_segments_of_a_jpeg(tmp_path, scene):
    profile = bytearray(made.srgb().ljust(300_000, b"\7"))
    profile[:4] = len(profile).to_bytes(4, "big")
    write_image(tmp_path / "a.jpg", scene[1], OutputMetadata(SourceMetadata(icc=bytes(profile))))
    assert Image.open(tmp_path / "a.jpg").info["icc_profile"] == bytes(profile)


@pytest.mark.parametrize("space, grey_is_kept", [(b"CMYK", False), (b"GRAY", True), (b"Lab ", False)])
def test_profiles_of_other_colour_spaces_stay_out(tmp_path, scene, space, grey_is_kept):
    profile = made.srgb()[:16] + space + made.srgb()[20:]
    source = read_source(made.camera_file(scene[1], profile=profile))
    for name, image, kept in (("colour", scene[1], False), ("grey", scene[0], grey_is_kept)):
        for suffix in ("png", "jpg", "webp", "tif"):
            file = written(tmp_path / f"{name}.{suffix}", image, source)
            assert ("icc_profile" in file.info) == kept


@pytest.mark.parametrize("profile", [b"no profile", b"acsp" * 50, made.srgb()[:-1], made.srgb() + b"\0"])
def test_what_is_no_profile_stays_out(scene, profile):
    assert read_source(made.camera_file(scene[1], profile=profile)).icc is None


def test_a_cmyk_picture_leaves_its_profile_and_keeps_its_notes(tmp_path, scene):
    stream = io.BytesIO()
    profile = made.srgb()[:16] + b"CMYK" + made.srgb()[20:]
    picture = Image.fromarray(scene[1]).convert("CMYK")
    picture.save(stream, "JPEG", exif=made.camera_exif(), icc_profile=profile)
    (tmp_path / "vis.jpg").write_bytes(stream.getvalue())
    write_image(tmp_path / "ir.png", scene[0])
    pair = load_pair(tmp_path / "ir.png", tmp_path / "vis.jpg")
    file = written(tmp_path / "a.jpg", pair.vis, pair.metadata)
    assert "icc_profile" not in file.info and file.getexif()[0x0110] == "Maker X1"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form, suffix", [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif")])
def test_pixels_are_upright_and_the_tag_says_so(tmp_path, scene, orientation, form, suffix):
    stored = scene[1]
    (tmp_path / f"vis.{suffix}").write_bytes(made.camera_file(stored, form, orientation))
    write_image(tmp_path / "ir.png", scene[0] if orientation < 5 else scene[0].T)
    pair = load_pair(tmp_path / "ir.png", tmp_path / f"vis.{suffix}")
    height, width = stored.shape[:2] if orientation < 5 else stored.shape[1::-1]
    assert pair.vis.shape[:2] == (height, width)
    file = written(tmp_path / "a.png", pair.vis, pair.metadata)
    exif = file.getexif()
    assert exif[0x0112] == 1 and (exif.get_ifd(EXIF)[0xA002], exif.get_ifd(EXIF)[0xA003]) == (width, height)
    assert exif.get_ifd(EXIF)[0x9003] == made.TIME


def test_what_would_be_wrong_in_the_new_file_is_left_out(tmp_path, scene):
    data = made.with_thumbnail(made.camera_file(scene[1]))
    block = read_blocks(io.BytesIO(data)).exif
    assert ifd.read(block)[0].next > 0 and b"THUMBNAIL" in block
    file = written(tmp_path / "a.jpg", scene[1], read_source(data))
    exif = file.getexif()
    assert ifd.read(file.info["exif"][6:])[0].next == 0 and b"THUMBNAIL" not in (tmp_path / "a.jpg").read_bytes()
    assert not exif.get_ifd(EXIF).keys() & {0x927C, 0xA420, 0x9214}
    assert 0x0131 not in exif and 0x010E not in exif  # the camera's firmware did not make this picture
    assert len(file.info["exif"]) < 1000


def test_the_same_arguments_give_the_same_bytes(tmp_path, scene):
    metadata = OutputMetadata(read_source(made.camera_file(scene[1])), made.PROVENANCE)
    for suffix, depth in FORMATS:
        for name in "ab":
            write_image(tmp_path / f"{name}.{suffix}", deep(scene[1], depth), metadata)
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_a_second_fusion_keeps_the_same(tmp_path, scene):
    source = read_source(made.camera_file(scene[1]))
    for suffix, depth in FORMATS:
        write_image(tmp_path / f"a.{suffix}", deep(scene[1], depth), OutputMetadata(source, made.PROVENANCE))
        again = read_source((tmp_path / f"a.{suffix}").read_bytes())
        assert again.icc == source.icc and exif_for(OutputMetadata(again), 45, 37) == exif_for(
            OutputMetadata(source), 45, 37
        )


def test_files_without_notes_have_none(scene):
    for suffix in (".png", ".jpg", ".webp", ".bmp", ".tif"):
        data = cv2.imencode(suffix, scene[1])[1].tobytes()
        assert read_source(data) == SourceMetadata()
    assert read_source(b"a text") == read_source(b"") == SourceMetadata()


def test_damaged_notes_never_keep_a_picture_from_being_written(scene):
    """Random damage to the EXIF block alone; what is left of it must be writable, and the same when read again."""
    data = bytearray(made.camera_file(scene[1]))
    start = data.index(b"Exif\0\0") + 6
    end = start - 8 + int.from_bytes(data[start - 8 : start - 6], "big")
    kept = 0
    for seed in range(150):
        rng, damaged = random.Random(seed), bytearray(data)
        for _ in range(rng.choice((1, 3, 10))):
            at = rng.randrange(start, end - 4)
            damaged[at : at + 4] = rng.choice((rng.randbytes(4), b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
        source = read_source(bytes(damaged))
        block = exif_for(OutputMetadata(source, made.PROVENANCE), 45, 37)
        assert block and len(block) < 65_000
        kept += source.exif is not None
    assert kept > 75


def test_an_enormous_note_is_left_out_and_the_others_are_kept(tmp_path, scene):
    exif = made.camera_exif()
    exif.get_ifd(EXIF)[0x9286] = b"ASCII\0\0\0" + b"x" * 62_000
    stream = io.BytesIO()
    Image.fromarray(scene[1]).save(stream, "PNG", exif=exif)
    source = read_source(stream.getvalue())
    assert b"x" * 100 not in source.exif and b"Maker X1" in source.exif
    assert written(tmp_path / "a.jpg", scene[1], source).getexif()[0x0110] == "Maker X1"


def test_a_radiometric_file_gives_camera_time_and_place(tmp_path, scene):
    records = {
        0x01: flir_file.raw_record(flir_file.counts_of(15 + scene[0] / 10.0)),
        0x0E: flir_file.visible_record(made.camera_file(scene[1], "PNG")),
        0x20: flir_file.camera_record(),
        0x2A: flir_file.alignment_record(1.0, 0, 0),
        0x2B: flir_file.gps_record(-49.01, 8.42),
    }
    exif = Image.Exif()
    exif[0x0132] = made.TIME
    stream = io.BytesIO()
    Image.fromarray(scene[1]).save(stream, "JPEG", exif=exif)
    path = tmp_path / "both.jpg"
    path.write_bytes(flir_file.r_jpeg(stream.getvalue(), records))
    pair = load_pair(path, path)
    assert pair.metadata.icc == made.srgb()  # of the picture inside
    file = written(tmp_path / "a.jpg", pair.vis, pair.metadata)
    exif = file.getexif()
    assert (exif[0x0110], exif[0x0132]) == ("FLIR T1", made.TIME)
    notes = read_notes((tmp_path / "a.jpg").read_bytes())
    assert notes.gps == pytest.approx((-49.01, 8.42), abs=1e-7)
    hidden = load_pair(path, path, LoadOptions(gps=False)).metadata
    assert hidden.icc == made.srgb()
    exif = written(tmp_path / "b.jpg", pair.vis, hidden).getexif()
    assert exif[0x0110] == "FLIR T1" and GPS not in exif
    assert b"FLIR\0" not in (tmp_path / "a.jpg").read_bytes()
    assert (tmp_path / "a.jpg").stat().st_size < 6000
