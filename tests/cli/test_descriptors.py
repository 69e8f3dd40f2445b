"""Closed standard streams end up in no picture, and what libraries print about a file reaches no terminal."""

import os
import shlex
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from diffuse_fuse.images.write import write_image

from ..batch.conftest import contents
from .conftest import command

PAIRS = 16

pytestmark = pytest.mark.skipif(os.name == "nt", reason="closes the streams with a shell of Unix")


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def noisy_jpeg(picture):
    """libjpeg: Corrupt JPEG data: 15 extraneous bytes before marker 0xd9."""
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    end = data.rindex(b"\xff\xd9")
    return data[:end] + b"\x12\x34\x56" * 5 + data[end:]


def noisy_png(picture):
    """libpng warning: iCCP: too short, and others."""
    data = cv2.imencode(".png", picture)[1].tobytes()
    odd = chunk(b"iCCP", b"x\0\0" + zlib.compress(b"rubbish")) + chunk(b"bKGD", b"\1") + chunk(b"tRNS", b"\1\2\3")
    return data[:33] + odd + data[33:]


def broken_png(picture):
    """libpng error: IDAT: incorrect data check."""
    body = bytearray(zlib.compress(np.pad(picture[..., 0], ((0, 0), (1, 0))).tobytes()))
    body[-1] ^= 255
    size = struct.pack(">IIBBBBB", picture.shape[1], picture.shape[0], 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", bytes(body)) + chunk(b"IEND", b"")


@pytest.fixture
def noisy(tmp_path, scene):
    for number in range(PAIRS):
        write_image(tmp_path / "ir" / f"{number:02}.png", np.roll(scene[0], number))
        (tmp_path / "vi").mkdir(exist_ok=True)
        picture = np.roll(scene[1], number, axis=0)
        (tmp_path / "vi" / f"{number:02}.{'jpg' if number % 2 else 'png'}").write_bytes(
            (noisy_jpeg if number % 2 else noisy_png)(picture)
        )
    return tmp_path


def shell(folder, *arguments, closing=""):
    line = f"{shlex.join([*command(), *map(str, arguments)])} {closing}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd=folder, env=environment, timeout=120)


@pytest.mark.parametrize("closing", ["2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams_end_up_in_no_picture(noisy, tiny_model, closing):
    call = ["fuse", "ir", "vi", "--model", tiny_model, "--workers", "4", "-o"]
    open_, closed = (shell(noisy, *call, folder, closing=how) for folder, how in (("a", ""), ("b", closing)))
    assert (open_.returncode, closed.returncode) == (0, 0), open_.stderr
    for path in (noisy / "b").glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
    assert contents(noisy / "a") == contents(noisy / "b")


@pytest.mark.parametrize("closing", ["2>&-", "1>&-", "0<&-", "0<&- 1>&- 2>&-"])
def test_one_pair_with_streams_that_are_closed(noisy, tiny_model, closing):
    done = shell(noisy, "fuse", "ir/01.png", "vi/01.jpg", "-o", "one.png", "--model", tiny_model, closing=closing)
    assert done.returncode == 0 and "bug in dfuse" not in done.stdout + done.stderr
    with Image.open(noisy / "one.png") as picture:
        picture.load()
    assert shell(noisy, "inspect", "vi/nothing.jpg", closing=closing).returncode in (1, 2)


def test_what_libraries_print_reaches_no_terminal(noisy, tiny_model, scene):
    (noisy / "broken.png").write_bytes(broken_png(scene[1]))
    calls = [
        (["fuse", "ir", "vi", "-o", "out", "--model", tiny_model], 0),
        (["fuse", "ir/00.png", "broken.png", "-o", "x.png", "--model", tiny_model], 1),
        (["inspect", "vi/00.png", "vi/01.jpg", "broken.png"], 1),
        (["eval", ".", "--model", "tiny", "--metrics", "EN", "-o", "found", "--workers", "2"], 0),
    ]
    for call, code in calls:
        done = shell(noisy, *call)
        assert done.returncode == code, (call, done.stderr)
        assert not [line for line in done.stderr.splitlines() if "Corrupt JPEG" in line or "libpng" in line], call


def test_what_dfuse_says_is_heard_while_it_is_silent():
    code = (
        "import os, sys; from diffuse_fuse import descriptors; descriptors.set_error_apart()\n"
        "from diffuse_fuse.images.quiet import quiet\n"
        "with quiet(), quiet(): os.write(2, b'library '); print('own', file=sys.stderr)\n"
        "os.write(2, b'after'); os.write(descriptors.error_descriptor(), b' too')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "own\nafter too"


def test_in_the_program_of_somebody_else_the_descriptor_is_theirs():
    code = "import os; from diffuse_fuse.images.quiet import quiet\nwith quiet(): os.write(2, b'theirs')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stderr == b"theirs"
