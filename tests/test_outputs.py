"""What a command may write."""

import os
from pathlib import Path

import pytest

from diffuse_fuse.errors import ImageWriteError, UsageError
from diffuse_fuse.files import require_free, require_other_folder
from diffuse_fuse.metrics_file import MetricsFile


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard", "symbolic"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_an_input_is_never_an_output(tmp_path, link, overwrite):
    (tmp_path / "in").write_text("precious")
    link(tmp_path / "in", tmp_path / "out")
    for name in ("in", "out", "deep/../in"):
        (tmp_path / "deep").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match="is one of the inputs"):
            require_free(tmp_path / name, [tmp_path / "in"], overwrite, lambda _: True)


def test_what_is_there_stays_unless_it_is_ones_own(tmp_path):
    there, nowhere = tmp_path / "there", tmp_path / "nowhere"
    there.write_text("")
    nowhere.symlink_to("gone")
    for path in (there, nowhere):
        with pytest.raises(ImageWriteError, match="--overwrite"):
            require_free(path)
        with pytest.raises(ImageWriteError, match="not as dfuse wrote it"):
            require_free(path, own=lambda _: False)
        require_free(path, own=lambda _: True)
        require_free(path, overwrite=True)
    require_free(tmp_path / "free", [tmp_path / "missing", "no\0path"])
    with pytest.raises(UsageError, match="is a folder"):
        require_free(tmp_path, overwrite=True)


def test_folders_of_inputs(tmp_path, monkeypatch):
    folders = [tmp_path / "set" / "test" / name for name in ("ir", "vi")]
    for folder in folders:
        folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for out in ("set", "set/test", "set/test/ir", "set/test/vi/new", "set/../set"):
        with pytest.raises(UsageError, match="a folder of the inputs"):
            require_other_folder(Path(out), folders, Path("set"))
    for out in ("out", "set/out", "set/test/out", ".", "set-out", ".."):
        require_other_folder(Path(out), folders, Path("set"))


@pytest.mark.parametrize("header", ["name,EN", "picture,label", "picture,EN,label", "EN,picture"])
def test_a_table_that_dfuse_did_not_write_is_no_metrics_csv(tmp_path, header):
    (tmp_path / "metrics.csv").write_text(f"{header}\nx,1\n")
    assert not MetricsFile.is_in(tmp_path)
    with pytest.raises(ImageWriteError, match="was not written by dfuse"):
        MetricsFile(tmp_path)
    assert (tmp_path / "metrics.csv").read_text() == f"{header}\nx,1\n"
