"""Files are whole or not there."""

import pytest

from diffuse_fuse.files import write_atomically


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
