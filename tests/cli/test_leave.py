"""The process ends at once, and nothing that was to be done before is left out."""

from __future__ import annotations

import subprocess
import sys

from diffuse_fuse.cli.leave import leave

PROGRAM = """
import atexit, sys, threading, time, types
from concurrent.futures import ThreadPoolExecutor
from diffuse_fuse.cli.leave import leave

class Late:
    def __del__(self):
        print("taken apart")

late = Late()
sys.modules["torch"] = types.ModuleType("torch")
atexit.register(print, "registered")
ThreadPoolExecutor().submit(lambda: (time.sleep(0.2), print("in a pool")))
threading.Thread(target=lambda: (time.sleep(0.1), print("in a thread"))).start()
print("said")
leave(int(sys.argv[1]))
print("not reached")
"""


def test_without_pytorch_the_code_is_given_back(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert leave(3) == 3


def test_threads_and_what_is_registered_and_output_come_first():
    for code in (0, 1):
        done = subprocess.run([sys.executable, "-c", PROGRAM, str(code)], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert done.stdout.split("\n") == ["said", "in a thread", "in a pool", "registered", ""]


def test_a_closed_stream_is_no_error():
    program = "import sys, types; sys.modules['torch'] = types; sys.stdout.close(); "
    program += "from diffuse_fuse.cli.leave import leave; leave(0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
