"""Frames larger than any camera's are refused, by what the file says and while it is decoded."""

from __future__ import annotations

import pytest

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.images.options import LoadOptions
from diffuse_fuse.video import source

from .conftest import HEIGHT, WIDTH, write_video


@pytest.fixture
def film(tmp_path, clip):
    return write_video(tmp_path / "a.mp4", clip[1][:3])


def test_frames_of_the_largest_size_are_read(film, monkeypatch):
    monkeypatch.setattr(source, "DEFAULT", LoadOptions(max_pixels=WIDTH * HEIGHT))
    assert len(list(source.VideoFile(film).visible())) == 3


def test_a_file_that_claims_too_much_is_not_opened(film, monkeypatch):
    monkeypatch.setattr(source, "DEFAULT", LoadOptions(max_pixels=WIDTH * HEIGHT - 1))
    with pytest.raises(ImageReadError, match="claims frames of 64×48 pixels, but more than 3071 are refused: scale"):
        source.VideoFile(film)


def test_a_size_that_is_met_only_while_decoding_is_refused_there(film, monkeypatch):
    found = source.VideoFile(film)
    monkeypatch.setattr(source, "DEFAULT", LoadOptions(max_pixels=1000))
    monkeypatch.setattr(source.VideoFile, "_opened", lambda self: self._av.open(str(film)))
    with pytest.raises(ImageReadError, match="is damaged after frame 0"):
        next(found.visible())
