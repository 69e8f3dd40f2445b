"""``dfuse serve`` as a command: what it says, and how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from diffuse_fuse.cli.commands import main

COMMAND = [sys.executable, "-m", "diffuse_fuse", "serve", "--port", "0", "--model", "tiny"]


@pytest.mark.slow
def test_it_says_where_it_is_and_ends_with_an_interrupt() -> None:
    process = subprocess.Popen([*COMMAND, "--host", "0.0.0.0"], stderr=subprocess.PIPE, text=True)
    try:
        warned, line = process.stderr.readline(), process.stderr.readline()
        assert "without a password" in warned
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)[0]
        assert b"<title>dfuse" in urllib.request.urlopen(address, timeout=20).read()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.wait()


def test_a_port_that_is_taken(capsys) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "give another --port" in capsys.readouterr().err


def test_a_model_that_is_not_there(capsys) -> None:
    assert main(["serve", "--port", "0", "--model", "fasst"]) == 2
    assert "Did you mean 'fast'?" in capsys.readouterr().err


def test_a_model_that_does_not_fuse(capsys) -> None:
    assert main(["serve", "--port", "0", "--model", "diffusion"]) == 1
    assert "diffusion" in capsys.readouterr().err


def test_without_the_extra(monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve"]) == 2
    assert "pip install '.[serve]'" in capsys.readouterr().err
