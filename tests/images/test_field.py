"""Where the infrared picture lies in the visible one: as it is given, and as files note it."""

import cv2
import numpy as np
import pytest

from diffuse_fuse.errors import PairError, UsageError
from diffuse_fuse.images.field import Field, GivenField, cut_to, own_shape, parse_field
from diffuse_fuse.images.load import load_pair
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.write import write_image

from . import flir_file as make
from .made import camera_exif

VIS = (96, 72)


@pytest.fixture
def scene():
    """Infrared float 24×32 and visible uint8 72×96×3: the infrared one shows 48×36 of it from (30, 20)."""
    noise = cv2.GaussianBlur(np.random.default_rng(1).uniform(0, 255, VIS[::-1]).astype(np.float32), (0, 0), 4)
    grey = cv2.normalize(noise, None, 10, 245, cv2.NORM_MINMAX)
    ir = cv2.resize(grey[20:56, 30:78], (32, 24), interpolation=cv2.INTER_AREA) / np.float32(255)
    return ir, grey.astype(np.uint8)[..., None].repeat(3, -1)


@pytest.mark.parametrize(
    "text, box",
    [
        ("30,20,48,36", (30, 20, 48, 36)),
        (" 30 20 48 36 ", (30, 20, 48, 36)),
        ("0.25,0.25,0.5,0.5", (24, 18, 48, 36)),
        ("25%,25%,50%,50%", (24, 18, 48, 36)),
        ("0,0,1,1", (0, 0, 96, 72)),
        ("-10,-4.5,96,72", (-10, -4.5, 96, 72)),
        ("2", (24, 18, 48, 36)),
        ("1", (0, 0, 96, 72)),
    ],
)
def test_what_users_write(text, box):
    field = parse_field(text).within((32, 24), VIS)
    assert (field.x, field.y, field.w, field.h) == pytest.approx(box)


@pytest.mark.parametrize("text", ["", "a", "1,2,3", "0", "-2", "inf", "nan,0,1,1", "0,0,0,5", "5,5,-8,9", "10%,0,5,5"])
def test_anything_else_gets_a_sentence(text):
    with pytest.raises(UsageError, match="infrared field"):
        parse_field(text)


def test_the_middle_has_the_infrared_proportions():
    field = parse_field("1.5").within((640, 512), (4000, 3000))
    assert field.w / field.h == pytest.approx(1.25) and field.h == 2000
    assert field.x + field.w / 2 == 2000 and field.y + field.h / 2 == 1500


def test_both_parts_show_the_same(scene):
    ir, vis = scene
    for shape in (None, own_shape(ir, Field(30, 20, 48, 36, VIS))):
        a, b = cut_to(ir, vis, Field(30, 20, 48, 36, VIS), shape)
        assert a.shape == b.shape[:2] == (shape[::-1] if shape else (36, 48))
        assert np.abs(a - b[..., 0] / 255).mean() < 0.01


def test_a_field_over_the_side_is_cut_to_what_both_see(scene):
    ir, vis = scene
    a, b = cut_to(ir, vis[:, 40:], Field(-10, 20, 48, 36, (56, 72)))
    assert a.shape == b.shape[:2] == (36, 38)
    assert np.abs(a - b[..., 0] / 255).mean() < 0.01
    with pytest.raises(PairError, match="does not overlap"):
        cut_to(ir, vis, Field(200, 0, 48, 36, VIS))


def test_zooms_of_either_camera():
    field = Field(30, 20, 48, 36, VIS)
    near = field.zoomed(2, 1)
    assert (near.x, near.y, near.w, near.h) == (42, 29, 24, 18)  # about its own centre
    back = field.zoomed(1, 2)
    assert (back.x, back.y, back.w, back.h) == (12, 4, 96, 72)  # about the visible picture's
    assert field.zoomed(1, 1) == field


def test_a_pair_of_files_is_cut(scene, tmp_path):
    ir, vis = scene
    write_image(tmp_path / "ir.png", (ir * 255).astype(np.uint8))
    write_image(tmp_path / "vis.png", vis)
    with pytest.raises(PairError, match="2 %|--ir-field auto"):
        load_pair(tmp_path / "ir.png", _portrait(tmp_path, vis))
    pair = load_pair(
        tmp_path / "ir.png", tmp_path / "vis.png", LoadOptions(field=GivenField(None, 30, 20, 48, 36, False))
    )
    assert np.array_equal(pair.vis, vis[20:56, 30:78]) and pair.ir.shape == (36, 48)
    assert "--ir-field 30,20,48,36" in pair.warnings[-1]
    small = LoadOptions(field=parse_field("30,20,48,36"), size="ir")
    assert load_pair(tmp_path / "ir.png", tmp_path / "vis.png", small).vis.shape == (24, 32, 3)
    odd = load_pair(tmp_path / "ir.png", tmp_path / "vis.png", LoadOptions(field=parse_field("30,20,48,48")))
    assert "stretched by 33%" in odd.warnings[-2]


def _portrait(tmp_path, vis):
    write_image(tmp_path / "portrait.png", np.rot90(vis).copy())
    return tmp_path / "portrait.png"


@pytest.mark.parametrize("zoom, wide", [(None, 64), (1.0, 64), (0.2, 64), (0, 64), (2.0, 32)])
def test_the_digital_zoom_of_a_flir_file_narrows_its_field(tmp_path, zoom, wide):
    """EXIF 0xA404: the thermal picture shows less than the scale says; read as if not, everything appears twice."""
    exif = camera_exif()
    if zoom is not None:
        exif.get_ifd(0x8769)[0xA404] = zoom
    vis = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    celsius = np.random.default_rng(1).uniform(10, 40, (24, 32))
    records = {
        0x01: make.raw_record(make.counts_of(celsius)),
        0x20: make.camera_record(),
        0x0E: make.visible_record(make.encode(".png", vis)),
        0x2A: make.alignment_record(1.0, 0, 0),
    }
    plain = make.encode(".jpg", vis)
    block = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    with_exif = plain[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + plain[2:]
    (tmp_path / "a.jpg").write_bytes(make.r_jpeg(with_exif, records))
    pair = load_pair(tmp_path / "a.jpg", tmp_path / "a.jpg")
    assert pair.vis.shape[1] == wide
    assert any("digital zoom of 2" in text for text in pair.warnings) == (zoom == 2.0)
