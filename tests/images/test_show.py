"""Pictures side by side and in turn."""

import os

import numpy as np
import pytest
from PIL import Image

from diffuse_fuse.errors import ImageError, ImageWriteError
from diffuse_fuse.images.show import side_by_side, write_gif


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_infrared_visible_and_fused_stand_in_a_row(scene, depth):
    ir, vis = scene
    fused = (255 - vis).astype(depth) * (257 if depth == np.uint16 else 1)
    row = side_by_side(ir, vis, fused)
    scale = 257 if depth == np.uint16 else 1
    assert row.dtype == depth and row.shape == (37, 3 * 45 + 2, 3)
    assert np.array_equal(row[:, :45], np.dstack([ir] * 3).astype(depth) * scale)
    assert np.array_equal(row[:, 46:91], vis.astype(depth) * scale)
    assert np.array_equal(row[:, 92:], fused)
    assert (row[:, [45, 91]] == np.iinfo(depth).max).all()


def test_every_kind_of_array_is_shown_alike(scene):
    ir, vis = scene
    expected = side_by_side(ir, vis, vis)
    assert np.array_equal(side_by_side((ir / 255).astype(np.float32), vis.astype(np.uint16) * 257, vis), expected)
    assert side_by_side(ir, ir, ir).shape == expected.shape  # grey ones become three channels


def test_the_lines_grow_with_the_picture():
    picture = np.zeros((10, 640), np.uint8)
    assert side_by_side(picture, picture, picture).shape == (10, 3 * 640 + 2 * 4, 3)


def test_other_sizes_are_refused(scene):
    with pytest.raises(ImageError, match="40×37"):
        side_by_side(scene[0][:, :40], scene[1], scene[1])


def frames_of(path):
    with Image.open(path) as file:
        found = []
        for number in range(file.n_frames):
            file.seek(number)
            found.append((np.asarray(file.convert("RGB")), file.info["duration"], file.info.get("loop")))
    return found


def test_a_gif_blinks_without_end_and_looks_like_its_frames(tmp_path, scene):
    ir, vis = scene
    write_gif(tmp_path / "a.gif", [vis, ir, 255 - vis])
    found = frames_of(tmp_path / "a.gif")
    assert [(duration, loop) for _, duration, loop in found] == [(700, 0)] * 3
    for (shown, _, _), frame in zip(found, (vis, np.dstack([ir] * 3), 255 - vis), strict=True):
        assert shown.shape == frame.shape
        assert np.abs(shown.astype(int) - frame).mean() < 6
    assert np.array_equal(found[1][0], np.dstack([ir] * 3))  # grey needs no palette


def test_frames_that_are_the_same_stay_frames(tmp_path, scene):
    """Else the picture would blink at another pace; Pillow may join them, with their durations added."""
    write_gif(tmp_path / "a.gif", [scene[1], scene[1]], seconds=0.5)
    assert sum(duration for _, duration, _ in frames_of(tmp_path / "a.gif")) == 1000


def test_deeper_frames_are_shown_with_8_bits(tmp_path, scene):
    write_gif(tmp_path / "a.gif", [scene[1], scene[1].astype(np.uint16) * 257, scene[1] / 255.0])
    write_gif(tmp_path / "b.gif", [scene[1], scene[1], scene[1]])
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_a_gif_is_always_the_same(tmp_path, scene):
    for name in "ab":
        write_gif(tmp_path / f"{name}.gif", [scene[1], scene[0]])
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_what_is_no_gif(tmp_path, scene):
    with pytest.raises(ImageError, match="at least one frame"):
        write_gif(tmp_path / "a.gif", [])
    with pytest.raises(ImageError, match="one size"):
        write_gif(tmp_path / "a.gif", [scene[1], scene[1][:20]])
    with pytest.raises(ImageWriteError, match="70000×16"):
        write_gif(tmp_path / "a.gif", [np.zeros((16, 70_000), np.uint8)])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_gif_leaves_the_old_one(tmp_path, scene, monkeypatch):
    write_gif(tmp_path / "a.gif", [scene[1]])
    before = (tmp_path / "a.gif").read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ImageWriteError, match="No space left"):
        write_gif(tmp_path / "a.gif", [scene[0]])
    assert (tmp_path / "a.gif").read_bytes() == before and len(list(tmp_path.iterdir())) == 1
