"""Files are whole or not there."""

import os
from pathlib import Path

import pytest

from diffuse_fuse import owners
from diffuse_fuse.files import temporary_path, write_atomically


def test_folders_are_made_and_files_replaced(tmp_path):
    target = tmp_path / "a" / "b"
    for content in (b"old", b"new"):
        write_atomically(target, content)
        assert target.read_bytes() == content
    assert list(target.parent.iterdir()) == [target]


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "x"
    target.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomically(target, "not bytes")
    assert target.read_bytes() == b"old" and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 125 + "b.png", "😀" * 62 + "ab.jpeg"], ids=ascii)
def test_a_name_as_long_as_the_file_system_allows(name, tmp_path, monkeypatch):
    target, written_to = tmp_path / name, []
    monkeypatch.setattr(os, "fsync", lambda _: written_to.extend(tmp_path.iterdir()))
    write_atomically(target, b"new")
    assert target.read_bytes() == b"new" and list(tmp_path.iterdir()) == [target]
    assert written_to == [temporary_path(target)] and written_to[0].name[:11] == f".{name[:10]}"


def test_temporary_names_are_short_and_tell_files_apart():
    names = [f"{'x' * length}{end}" for length in (1, 80, 109, 110, 111, 250) for end in ".12ä"]
    names += ["😀" * 63, "\udce9" * 255]
    hidden = [temporary_path(Path(name), ".webm").name for name in names]
    assert len(set(hidden)) == len(names)
    assert all(len(os.fsencode(name)) <= 143 and name.startswith(".") and name.endswith(".tmp.webm") for name in hidden)
    assert temporary_path(Path("a/b.png")) == Path(f"a/.b.png.{owners.mark()}.tmp")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names there")
def test_pipes_and_giants_in_place_of_files_are_refused_at_once(tmp_path):
    """Where dfuse looks for files of its own, or is given some: none is waited for, none is read whole."""
    from diffuse_fuse import models
    from diffuse_fuse.errors import DfuseError
    from diffuse_fuse.evaluation.cache import NAME, Cache
    from diffuse_fuse.images.pairing import _map
    from diffuse_fuse.metrics_file import MetricsFile

    for name in (NAME, "metrics.csv", "map.json", "w.safetensors"):
        (tmp_path / "pipes").mkdir(exist_ok=True)
        (tmp_path / "giants").mkdir(exist_ok=True)
        os.mkfifo(tmp_path / "pipes" / name)
        with open(tmp_path / "giants" / name, "wb") as file:
            file.truncate(3 << 30)
    for kind, words in (("pipes", "not a regular file|no model"), ("giants", "3072 MB, more than 256|has 3.2 GB")):
        folder = tmp_path / kind
        assert not MetricsFile.is_in(folder)
        for call in (
            lambda at: Cache(at),
            lambda at: MetricsFile(at),
            lambda at: _map(at / "map.json"),
            lambda at: models.locate(at / "w.safetensors"),
        ):
            with pytest.raises(DfuseError, match=words):
                call(folder)
