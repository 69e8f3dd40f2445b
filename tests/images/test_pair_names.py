"""Pairs among names alone, as a browser gives them."""

import pytest

from diffuse_fuse.images.pairing import pair_names


@pytest.mark.parametrize(("names", "pairs"), [
    (["f/ir/1.png", "f/vis/1.jpg", "f/x.png"], [("f/ir/1.png", "f/vis/1.jpg")]),
    (["ir/a/1.png", "vis/a/1.png", "vis/b/1.png"], [("ir/a/1.png", "vis/a/1.png")]),
    (["a/1_ir.png", "a/1_vis.png"], [("a/1_ir.png", "a/1_vis.png")]),
    (["DJI_0001_T.JPG", "DJI_0001_W.JPG"], [("DJI_0001_T.JPG", "DJI_0001_W.JPG")]),
    (["1.png", "2.png"], []),
    (["a/notes.txt"], []),
    ([], []),
    (["../../etc/x_ir.png", "/etc/x_vis.png"], []),
    (["/etc/x_ir.png", "/etc/x_vis.png"], [("etc/x_ir.png", "etc/x_vis.png")]),
])  # fmt: skip
def test_pairs(names, pairs) -> None:
    found = pair_names(names)
    assert [(pair.ir.as_posix(), pair.vis.as_posix()) for pair in found.pairs] == pairs


def test_nothing_is_looked_for_on_the_disk(monkeypatch) -> None:
    import os

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the disk")

    for name in ("stat", "scandir", "listdir", "open"):
        monkeypatch.setattr(os, name, refuse)
    found = pair_names(["x/ir/1.png", "x/vis/1.png", "x/vis/2.png"])
    assert len(found.pairs) == 1 and len(found.vis_only) == 1
