"""Where the system lets few threads start: the command does with few, or says so in one sentence."""

from __future__ import annotations

import _thread
import os
import shutil
import subprocess
import sys

import pytest

from diffuse_fuse import backends, threads
from diffuse_fuse.errors import DfuseError
from diffuse_fuse.images.write import write_image


@pytest.fixture
def limited(monkeypatch):
    """limited(count): so many threads more can be started."""

    def limit(count):
        def start(*given):
            if start.left < 1:
                raise RuntimeError("can't start new thread")
            start.left -= 1
            return real(*given)

        real, start.left = _thread.start_new_thread, count
        monkeypatch.setattr(_thread, "start_new_thread", start)

    return limit


def test_threads_are_counted_and_end(limited):
    before, stack = _thread._count(), _thread.stack_size()
    assert threads.can_start(0) == 0 and threads.can_start(5) == 5
    limited(3)
    assert threads.can_start(5) == 3
    assert _thread._count() == before and _thread.stack_size() == stack


def test_libraries_are_told_to_start_none_where_few_can_be(limited, monkeypatch):
    monkeypatch.setattr(threads, "available_cores", lambda: 2)
    environment = {"OMP_NUM_THREADS": "2"}
    threads.bound(environment)
    assert environment == {"OMP_NUM_THREADS": "2"}
    limited(6)
    threads.bound(environment)
    assert environment == threads.ALONE


def test_more_threads_than_there_can_be_are_refused(limited):
    limited(9)
    with pytest.raises(DfuseError, match=r"^the system lets no more threads or processes start: .*ulimit -u"):
        backends.load_fuser("tiny", threads=8)


LOW = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
CAPABILITIES = [f"--{kind}=-all,+dac_override" for kind in ("inh-caps", "ambient-caps", "bounding-set")]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not all(map(shutil.which, ("setpriv", "prlimit"))),
    reason="takes another user's rights, for whom the limit counts",
)
@pytest.mark.parametrize("most, code", [(1, 1), (2, 1), (5, 0)])
def test_under_a_low_limit_of_processes(tmp_path, scene, most, code):
    """As under ``ulimit -u``: neither OpenBLAS nor OpenCV nor OpenMP's runtime prints a line."""
    tmp_path.chmod(0o777)
    pair = ["ir.png", "vis.png"]
    for name, picture in zip(pair, scene, strict=True):
        write_image(tmp_path / name, picture)
    call = [*LOW, *CAPABILITIES, "prlimit", f"--nproc={most}", sys.executable, "-m", "diffuse_fuse"]
    call += ["fuse", *pair, "-o", "out.png", "--model", "tiny", "-q"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == code and ("Error: the system lets no more threads" in done.stderr) == bool(code)
    assert (tmp_path / "out.png").exists() != bool(code)
