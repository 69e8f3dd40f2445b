"""Sentences about many files."""

from pathlib import Path

import pytest

from diffuse_fuse.cli.report import folded
from diffuse_fuse.errors import counted


def test_what_is_true_of_a_folder_is_said_once():
    files = [Path("a b") / f"{number:02}.jpg" for number in range(4)] + [Path("c/1.jpg"), Path("c/2.jpg")]
    errors = [f"{path} is no radiometric JPEG: give another." for path in files]
    errors[2] = f"{files[2]} is damaged."
    assert folded(errors, files) == [
        f"{Path('a b')}: each of 3 pictures (00.jpg, 01.jpg, 03.jpg) is no radiometric JPEG: give another.",
        f"{files[2]} is damaged.",
        f"{files[4]} is no radiometric JPEG: give another.",
        f"{files[5]} is no radiometric JPEG: give another.",
    ]
    assert folded(["No file is named here."], files) == ["No file is named here."]


@pytest.mark.parametrize("number, text", [(0, "0 pairs"), (1, "1 pair"), (2, "2 pairs")])
def test_one_is_one(number, text):
    assert counted(number, "pair") == text
