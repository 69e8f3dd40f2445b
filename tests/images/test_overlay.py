"""Temperatures in colours on a picture, from Python and by ``dfuse overlay``."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import tifffile

from diffuse_fuse.alignment import Aligner, aligned_values
from diffuse_fuse.cli.commands import main
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images import overlay
from diffuse_fuse.images.field import parse_field
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_image

from ..alignment.conftest import make_scene
from . import flir_file

SHAPE = (96, 128)


@pytest.fixture
def values() -> np.ndarray:
    made = np.full(SHAPE, 20.0, np.float32)
    made += np.linspace(0, 5, SHAPE[1], dtype=np.float32)
    made[30:40, 50:60] = 70.0
    return made


def test_only_what_is_hot_is_painted(values):
    picture, iron = np.full((*SHAPE, 3), 90, np.uint8), overlay.colours_of("iron")
    made = overlay.painted(picture, values, (60, np.inf), (60, 70), iron)
    assert (made[30:40, 50:60] == iron[-1]).all()
    assert ((made != 90).any(axis=2)).sum() == 100
    values[30, 50] = np.nan
    made = overlay.painted(picture, values, (-np.inf, np.inf), (20, 70), iron)
    assert (made[30, 50] == 90).all() and (made[0, 0] == iron[0]).all()


def test_picture_in_picture_and_edges(values):
    picture = np.full((*SHAPE, 3), 90, np.uint8)
    picture[:, 64:] = 160
    hot = overlay.colours_of("hot")
    made = overlay.inset(picture, values, (20, 70), hot)
    assert np.array_equal(made[:20], picture[:20]) and not np.array_equal(made[35, 55], picture[35, 55])
    edges, plain = overlay.with_edges(picture, values, (20, 70), hot), overlay.coloured(values, (20, 70), hot)
    apart = np.abs(edges.astype(int) - plain).max(axis=2)
    assert apart[80, 62:66].min() > 20 and apart[:, :40].max() == 0  # the edge shows, flat parts keep their colour


def test_the_bar_stands_beside_the_picture(values):
    picture = np.full((*SHAPE, 3), 90, np.uint8)
    made = overlay.with_bar(picture, (20, 70), overlay.colours_of("iron"), celsius=True)
    assert np.array_equal(made[:, : SHAPE[1]], picture) and made.shape[1] > SHAPE[1] and made.shape[0] == SHAPE[0]
    assert (made[:, SHAPE[1] :] == overlay.colours_of("iron")[-1]).all(axis=2).any()


def test_palettes_have_names():
    assert {"iron", "inferno", "turbo"} <= set(overlay.palettes())
    with pytest.raises(UsageError, match="There is no palette 'irn': choose from iron"):
        overlay.colours_of("irn")


def test_the_command(values, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "ir.tif", values[::2, ::2])
    write_image(tmp_path / "vis.png", np.full((*SHAPE, 3), 90, np.uint8))
    call = ["overlay", str(tmp_path / "ir.tif"), str(tmp_path / "vis.png"), "-o", str(tmp_path / "out.png")]
    assert main([*call, "--above", "60", "--no-bar"]) == 0
    made = read_image(tmp_path / "out.png")
    changed = (made != 90).any(axis=2)
    assert changed[32:38, 52:58].all() and not changed[:25].any() and "is painted" in capsys.readouterr().err
    assert main(call) == 1 and "exists already" in capsys.readouterr().err
    for style in ("--pip", "--msx"):
        assert main([*call, "--overwrite", style, "--overlay", "turbo"]) == 0
    assert read_image(tmp_path / "out.png").shape[1] > SHAPE[1]
    assert main([*call, "--overwrite", "--pip", "--above", "3"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_numbers_have_no_exponent():
    assert [overlay.plain(value, False) for value in (29817.4, 0.25, -1234567, 8)] == ["29817", "0.25", "-1234567", "8"]
    assert overlay.plain(29.817, True) == "29.8"


def test_nothing_painted_is_said(tmp_path, capsys):
    counts = np.linspace(29300, 29817, SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.uint16)
    tifffile.imwrite(tmp_path / "ir.tif", counts)
    write_image(tmp_path / "vis.png", np.full((*SHAPE, 3), 90, np.uint8))
    call = ["overlay", str(tmp_path / "ir.tif"), str(tmp_path / "vis.png"), "-o", str(tmp_path / "out.png")]
    assert main([*call, "--above", "99999"]) == 0
    told = capsys.readouterr().err
    assert "Warning: nothing is painted: the infrared picture ranges from 29300 to 29817 counts" in told
    assert main([*call, "--overwrite", "--thermal-unit", "cK", "--above", "24"]) == 0
    assert "is painted: 24.0 to 25.0 °C" in capsys.readouterr().err


def test_temperatures_of_a_file_on_its_own_photograph(tmp_path):
    """They lie far above 1, and a pixel of such a camera covers many of the photograph."""
    photo = np.full((96, 128, 3), 90, np.uint8)
    celsius = np.full((24, 32), 20.0)
    celsius[:, 20:] = 60
    records = {
        0x01: flir_file.raw_record(flir_file.counts_of(celsius)),
        0x20: flir_file.camera_record(),
        0x0E: flir_file.visible_record(flir_file.encode(".png", photo)),
        0x2A: flir_file.alignment_record(1.0, 0, 0),
    }
    path = tmp_path / "ir.jpg"
    path.write_bytes(flir_file.r_jpeg(flir_file.encode(".jpg", photo), records))
    values, picture, unit, _ = aligned_values(path, path)
    assert unit == "°C" and values.shape == picture.shape[:2] == (96, 128)
    assert np.allclose(values[:, :70], 20, atol=0.2) and np.allclose(values[:, 95:], 60, atol=0.2)


@pytest.mark.parametrize("field", [None, "0,0,128,96", "16,12,96,72"])
def test_the_overlay_enlarges_as_fuse_does(tmp_path, field, values):
    """So that the mean over each thermal pixel is what was measured; a hole does not bleed into its neighbours."""
    small = cv2.resize(values, (32, 24), interpolation=cv2.INTER_AREA)
    small[10, 10] = -9999
    tifffile.imwrite(tmp_path / "ir.tif", small)
    write_image(tmp_path / "vis.png", np.full((*SHAPE, 3), 90, np.uint8))
    load = LoadOptions(field=parse_field(field) if field else None)
    laid, *_ = aligned_values(tmp_path / "ir.tif", tmp_path / "vis.png", load)
    step = laid.shape[0] // 24
    means = laid.reshape(24, step, 32, step).mean(axis=(1, 3))
    measured = ~np.isnan(means)
    assert 750 < measured.sum() < 768 and np.nanmin(laid) > 19
    assert np.abs(means - small)[measured].max() < 0.02


@pytest.mark.parametrize("option", [("--ir-field", "90,60,400,320"), ("--ir-field", "auto"), ("--align", "auto")])
def test_the_field_is_cut_to(tmp_path, option):
    """A drone's thermal camera sees a part of what the visible one does: what is hot is painted where it is."""
    ir, vis = make_scene(3, (640, 480))
    part = cv2.resize(ir[60:380, 90:490], (320, 256), interpolation=cv2.INTER_AREA)
    part[100:110, 200:212] = 255
    write_image(tmp_path / "ir.png", part)
    write_image(tmp_path / "vis.png", vis)
    out = tmp_path / "out.png"
    call = ["overlay", str(tmp_path / "ir.png"), str(tmp_path / "vis.png"), "-o", str(out), "--no-bar"]
    assert main([*call, "--above", "254", *option]) == 0
    made = read_image(out)
    height, width = made.shape[:2]
    assert abs(width - 400) <= 6 and abs(height - 320) <= 6
    iron = overlay.colours_of("iron")[-1]
    y, x = np.argwhere((made == iron).all(axis=2)).mean(axis=0)
    assert abs(x - 257) < 8 and abs(y - 131) < 8
    if option[1] == "auto":
        rows, columns = np.s_[20:300], np.s_[20:380]
        assert np.abs(made[rows, columns].astype(int) - vis[60:380, 90:490][rows, columns]).mean() < 60


def test_a_moved_picture_is_moved_back(tmp_path):
    ir, vis = make_scene(5, (320, 240))
    moved = cv2.warpAffine(ir, np.float32([[1, 0, 9], [0, 1, -6]]), (320, 240), borderMode=cv2.BORDER_REFLECT_101)
    for name, picture in (("ir", moved), ("vis", vis)):
        write_image(tmp_path / f"{name}.png", picture)
    values, picture, unit, _ = aligned_values(tmp_path / "ir.png", tmp_path / "vis.png", aligner=Aligner())
    inner = np.s_[20:220, 20:300]
    assert unit == "levels" and np.array_equal(picture, vis)
    assert np.abs(values[inner] - ir[inner]).mean() < 0.3 * np.abs(moved[inner].astype(float) - ir[inner]).mean()
    assert np.isnan(values).any()  # the infrared camera did not see it
