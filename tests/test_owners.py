"""Whose hidden files are left behind."""

import os
import subprocess
import sys

import pytest

from diffuse_fuse import owners
from diffuse_fuse.batch import resume


@pytest.fixture
def dead():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


def test_a_process_that_is_no_more_is_told_from_one_that_runs(tmp_path, dead):
    machine = owners.mark().split("-")[0]
    assert owners.may_be_at_work(owners.mark(), tmp_path) and owners.may_be_at_work(str(os.getppid()), tmp_path)
    assert not owners.may_be_at_work(f"{machine}-{dead}", tmp_path) and not owners.may_be_at_work(str(dead), tmp_path)
    assert not owners.may_be_at_work("somebody", tmp_path)


def test_what_another_machine_writes_is_left_alone_for_a_day(tmp_path, dead):
    """Its process has a number that may be nobody's here."""
    machine = owners.mark().split("-")[0]
    other = "000000" if machine != "000000" else "111111"
    file = tmp_path / f".a.png.{other}-{dead}.tmp"
    file.write_bytes(b"half")
    assert resume.clear_away([tmp_path / "a.png"]) == 0 and file.exists()
    os.utime(file, (1, 1))
    assert resume.clear_away([tmp_path / "a.png"]) == 1 and not file.exists()
    assert not owners.may_be_at_work(f"{other}-{dead}", file)
