"""Pieces of pairs whose place is known: the maps are undone exactly, and what is printed counts them."""

import numpy as np
import pytest
import small_alignment as small
import typer
from typer.testing import CliRunner

from diffuse_fuse.alignment import Transform
from diffuse_fuse.images.write import write_image
from tests.alignment.conftest import make_scene


@pytest.mark.parametrize("factor", [1.0, 1.6])
def test_a_piece_is_moved_by_the_map_that_it_is_said_to_be(factor):
    ir, _ = make_scene(3)
    part = np.array([[factor, 0, 30.0], [0, factor, 25.0], [0, 0, 1]])
    truth = Transform(np.array([[1, 0, 4.0], [0, 1, -3.0], [0, 0, 1]]), (96, 80))
    still, _ = small.cut(ir, np.dstack([ir] * 3), part, Transform.identity((96, 80)))
    moved, vis = small.cut(ir, np.dstack([ir] * 3), part, truth)
    assert np.array_equal(vis[..., 0], still)
    # a pixel x of the visible piece is at truth(x) in the infrared one
    assert np.abs(moved[10:70, 20:80].astype(int) - still[13:73, 16:76]).max() <= 1


def test_the_table_has_a_row_for_each_size(tmp_path):
    ir, vis = make_scene(4, (120, 100))
    write_image(tmp_path / "ir" / "a.png", ir)
    write_image(tmp_path / "vi" / "a.png", vis)
    app = typer.Typer()
    app.command()(small.main)
    done = CliRunner().invoke(app, [str(tmp_path)], catch_exceptions=False)
    rows = done.output.splitlines()
    assert done.exit_code == 0 and [row.split()[0] for row in rows[2:]] == ["96×80", "160×128", "240×192"]
    assert rows[2].split()[1] == "2" and rows[4].split()[1] == "0"
