"""What the machine lacks is said as such, whatever library noticed it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from diffuse_fuse import shortage
from diffuse_fuse.cli import commands


def _failing(call):
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError("it did not fail")


def _memory_of_torch():
    import torch

    torch.empty(1 << 60, dtype=torch.uint8)


def _memory_of_numpy():
    import numpy as np

    np.empty((1 << 30, 1 << 30), np.uint8)


def _memory_of_opencv():
    import cv2
    import numpy as np

    cv2.resize(np.zeros((2, 2, 4), np.float64), ((1 << 31) - 1, (1 << 31) - 1))


def _no_folder(monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/none"])
    return _failing(tempfile.gettempdir)


@pytest.mark.parametrize("call", [_memory_of_torch, _memory_of_numpy, _memory_of_opencv])
def test_memory_that_libraries_cannot_get(call):
    assert shortage.sentence(_failing(call)).startswith("there is not enough memory: ")


@pytest.mark.parametrize(
    "error, words",
    [
        (MemoryError(), "not enough memory"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "not enough memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory"),
        (RuntimeError("can't start new thread"), "no more threads or processes"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "no more threads or processes"),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "no space left on the disk for /tmp/x: make room"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on the disk: make room, or set TMPDIR"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (PermissionError(errno.EACCES, "Permission denied", b"a\xff"), "a\ufffd: Permission denied."),
        (OSError(errno.EROFS, "Read-only file system", "a"), "a: Read-only file system."),
    ],
)
def test_each_has_its_sentence(error, words):
    assert words in shortage.sentence(error)


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("a"), OSError("odd"), RuntimeError("size mismatch")])
def test_what_may_be_a_bug_stays_one(error):
    assert shortage.sentence(error) is None


def test_what_is_behind_an_error_counts_and_files_that_are_not_there_do_not():
    def wrapped(inner):
        try:
            raise inner
        except Exception as error:
            raise RuntimeError("it went wrong") from error

    assert "not enough memory" in shortage.sentence(_failing(lambda: wrapped(MemoryError())))
    assert shortage.sentence(_failing(lambda: wrapped(FileNotFoundError(2, "No such file", "a")))) is None


def test_no_folder_for_temporary_files(monkeypatch):
    assert "set TMPDIR to one that is" in shortage.sentence(_no_folder(monkeypatch))


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), MemoryError(), RuntimeError("can't start new thread")],
)
def test_the_command_line_says_it(monkeypatch, capsys, error):
    def fails(*given, **named):
        raise error

    monkeypatch.setattr(commands, "app", fails)
    assert commands.main(["info"]) == 1
    text = capsys.readouterr().err
    assert text == f"Error: {shortage.sentence(error)}\n" and "bug" not in text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux holds to the limit")
@pytest.mark.parametrize("megabytes", [200, 300, 420])
def test_under_a_low_limit_of_memory(tmp_path, scene, megabytes):
    """As under ``ulimit -v``: too little for PyTorch, for OpenCV, or for NumPy."""
    from diffuse_fuse.images.write import write_image

    write_image(tmp_path / "ir.png", scene[0])
    write_image(tmp_path / "vis.png", scene[1])
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv.pop(1)) << 20,) * 2)\n"
        "from diffuse_fuse.cli import main\n"
        "sys.exit(main())\n"
    )
    call = [sys.executable, "-c", code, str(megabytes), "fuse", "ir.png", "vis.png", "-o", "out.png", "--model", "tiny"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 1 and "not enough memory" in done.stderr, done.stderr
    assert "bug in dfuse" not in done.stderr and "Traceback" not in done.stderr
