"""Temperatures in colours on a picture, from Python and by ``dfuse overlay``."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from diffuse_fuse.cli.commands import main
from diffuse_fuse.errors import UsageError
from diffuse_fuse.images import overlay
from diffuse_fuse.images.read import read_image
from diffuse_fuse.images.write import write_image

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
    assert "three ways to show it" in capsys.readouterr().err
