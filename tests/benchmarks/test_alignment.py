"""Which pairs a data set lays wrong is decided without the method that is measured."""

import alignment
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from diffuse_fuse.images.write import write_image
from tests.alignment.conftest import displaced, make_map, make_scene


@pytest.mark.parametrize(
    "truth, registered",
    [
        (make_map(), True),
        (make_map(0.3, 1.005, (1.5, 1)), True),
        (make_map(shift=(6, -4)), False),
        (make_map(1.5, 1.02, (3, 3)), False),
    ],
    ids=["none", "little", "shift", "turn"],
)
def test_a_pair_that_lies_wrong_is_told_from_one_that_does_not(truth, registered):
    ir, vis = make_scene(3)
    assert alignment.is_registered(displaced(ir, truth, cv2.BORDER_REFLECT_101), vis) is registered


def test_pictures_that_say_nothing_are_taken_as_they_are():
    ir, vis = make_scene(3)
    for other in (np.zeros_like(ir), np.random.default_rng(0).integers(0, 256, ir.shape, np.uint8)):
        assert alignment.is_registered(other, vis)
    assert alignment.is_registered(ir[:60, :80], vis[20:80, 20:100])


def test_errors_are_printed_with_and_without_the_pairs_that_lie_wrong(tmp_path):
    for name, truth in (("right", make_map()), ("wrong", make_map(shift=(6, -4)))):
        ir, vis = make_scene(3)
        write_image(tmp_path / "ir" / f"{name}.png", displaced(ir, truth, cv2.BORDER_REFLECT_101))
        write_image(tmp_path / "vi" / f"{name}.png", vis)
    done = CliRunner().invoke(alignment.app, ["registered", str(tmp_path), "--warps", "1", "--border", "reflect"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert "the data set itself lays wrong by 4 px or more: wrong" in lines
    (every,), (kept,) = ([line for line in lines if line.startswith(start)] for start in ("after  ", "after, without"))
    assert "<4 px  50.0%" in every and "<4 px 100.0%" in kept
