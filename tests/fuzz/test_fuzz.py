"""Damaged files give something sound or one sentence, within a gigabyte and ten seconds; no process dies of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits of memory and time are Linux's")


def summary_of(cases: int, seed: int) -> dict:
    """Run the fuzz, show what it found, return its summary."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.fuzz", "--cases", str(cases), "--seed", str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.stdout, f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
    summary = json.loads(done.stdout)
    print(done.stdout)
    return summary


def check(summary: dict, cases: int) -> None:
    assert summary["failures"] == []
    assert summary["read"] + summary["refused"] == cases
    assert summary["read"] > cases // 10  # some damages leave a file readable: it is not all refused at the door
    assert summary["peak_megabytes"] <= 1024
    assert summary["slowest_seconds"] <= 10


def test_3000_damaged_files():
    check(summary_of(3000, seed=1), 3000)


@pytest.mark.long
def test_100000_damaged_files():
    check(summary_of(100_000, seed=2), 100_000)
