"""Threads that wait for one another busily do so for a bounded time, unless the user has decided."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from diffuse_fuse.spinning import BOUND, DECIDED, bound

# what the environment says at the moment at which PyTorch is looked for
PROGRAM = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ.get("GOMP_SPINCOUNT"))
            os._exit(0)

sys.meta_path.insert(0, Watch())
from diffuse_fuse import Fuser
"""


def test_the_bound_is_set():
    environment = {"PATH": "/bin"}
    bound(environment)
    assert environment == {"PATH": "/bin", **BOUND}


@pytest.mark.parametrize("name", DECIDED)
def test_what_the_user_has_set_stays(name):
    environment = {name: "0"}
    bound(environment)
    assert environment == {name: "0"}


def at_import_of_torch(**variables: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name not in DECIDED}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={**inherited, **variables}, timeout=60
    )
    return run.stdout.strip() or run.stderr


def test_it_is_there_before_pytorch_is_imported():
    assert at_import_of_torch() == BOUND["GOMP_SPINCOUNT"]
    assert at_import_of_torch(GOMP_SPINCOUNT="77") == "77"
    assert at_import_of_torch(OMP_WAIT_POLICY="active") == "None"
