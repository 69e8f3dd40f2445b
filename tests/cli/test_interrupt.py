"""Ctrl-C at any moment from the first line on: 130, no traceback, no half picture."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

# A Python whose imports of these modules send it a Ctrl-C: moments that a clock would meet by chance.
INTERRUPTED = """
import os, signal, sys
wanted = sys.argv.pop(1)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
            sum(range(1000))
        return None
from diffuse_fuse.cli import main
sys.meta_path.insert(0, Finder())
sys.exit(main())
"""


@pytest.mark.parametrize(
    "module", ["typer", "diffuse_fuse.cli.commands", "diffuse_fuse.cli.fuse", "cv2", "torch", "torch._C"]
)
def test_in_the_middle_of_an_import(tmp_path, pair, module):
    call = [sys.executable, "-c", INTERRUPTED, module, "fuse", *pair, "-o", "out.png", "--model", "tiny"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 130 and "Traceback" not in done.stderr and "Error" not in done.stderr, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(pair)


def test_as_soon_as_the_first_line_runs(tmp_path):
    """What Python does before it is Python's own: so the start is waited for, by the file that it imports."""
    code = (
        "import sys, time\n"
        "from diffuse_fuse.cli import main\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        sys.meta_path.remove(self)\n"
        "        print('here', flush=True)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.argv[:] = ['dfuse', 'models']\n"
        "sys.exit(main())\n"
    )
    for number in range(8):
        run = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
        run.stdout.readline()
        time.sleep(0.012 * number)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
        assert run.returncode in (0, 130) and "Traceback" not in err, (number, run.returncode, err)


def test_where_it_is_ignored_it_stays_so(tmp_path):
    """As in the background of a script."""
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "typer", "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert run.returncode == 0 and run.stdout.startswith("dfuse ")


def test_openblas_that_interrupts_for_want_of_threads_is_no_ctrl_c(tmp_path):
    code = (
        "import _thread\n"
        'def none(*given):\n    raise RuntimeError("can\'t start new thread")\n'
        "_thread.start_new_thread = none\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + INTERRUPTED, "typer", "info"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stderr.startswith("Error: the system lets no more threads or processes start")
    assert done.stderr.count("\n") == 1
